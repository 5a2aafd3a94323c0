"""The AsyncAPI 3 document of the topics, made from the types that go over them."""

from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec

from rules.messages.alerts import Alert
from rules.messages.daily_values import DailyValues
from rules.messages.events import AnyEvent
from rules.messages.json_schema import schema_components
from streams.kafka.topics import COMPACTED, DAILY_VALUES, TopicNames
from streams.views.acks import Ack
from streams.views.feed_health import FeedHealth
from streams.views.packed import Packed
from streams.web.schemas import Standing

SHOP_KEY = (
    "platform/shop (`:`, `/` and `%` inside a name percent-encoded), with the murmur2 partitioner: one shop is one "
    "partition number in all topics"
)


class Topic(NamedTuple):
    """`sends` is True if the worker writes the topic, else it reads it. `compacted` ones keep the newest record of a
    key; `deleted` is the one that also drops the oldest."""

    name: str
    does: str
    key: str
    sends: bool
    message: str
    compacted: bool = False
    deleted: bool = False


def _topics() -> list[Topic]:
    names = TopicNames("", "shipclock")
    return [
        Topic("orders", "What happens to orders at the shop.", SHOP_KEY, False, "event"),
        Topic("pickups", "What carriers collect.", SHOP_KEY, False, "event"),
        Topic("tracking", "Where parcels are.", SHOP_KEY, False, "event"),
        Topic("shops", "What concerns a shop as a whole.", SHOP_KEY, False, "event"),
        Topic(
            names.alerts,
            "The newest record of a key is that alert's whole state. Dropping what was seen of (alert, revision) "
            "leaves each change exactly once.",
            "alert id, in its shop's partition",
            True,
            "alert",
            compacted=True,
        ),
        Topic(
            names.dead_letters,
            "What could not be read: the original bytes; topic, partition, offset and reason are in the headers.",
            "key of the bad record",
            True,
            "deadLetter",
        ),
        Topic(names.standings, "Shops' standings.", "platform/shop", True, "standing", compacted=True),
        Topic(
            names.remarks,
            "Acknowledgements and mutes; a record without value lifts one.",
            "acknowledged:ALERT or muted:ALERT, in the shop's partition",
            True,
            "remark",
            compacted=True,
        ),
        Topic(
            names.packed,
            "Orders that somebody has packed; a record without value takes it back, as the worker does once the order "
            "is shipped.",
            "platform/shop/order",
            True,
            "packed",
            compacted=True,
        ),
        Topic(
            names.daily_values,
            "Each shop's figures of each local day: one record a day, written again while the day goes on. A day on "
            "which no worker ran has none.",
            "platform/shop/day, in the shop's partition",
            True,
            "dailyValues",
            compacted=True,
            deleted=True,
        ),
        Topic(
            names.feed_health,
            "When each shop was last heard of through each feed, from `shipclock feed-map` and `shipclock poll`.",
            "platform/shop/source/app/push or …/poll",
            False,
            "feedHealth",
            compacted=True,
        ),
    ]


def asyncapi() -> bytes:
    """The document as JSON, the same bytes each time. Topic names are those without `TOPIC_PREFIX` and with the default
    `APP_ID`."""
    types = {
        "event": AnyEvent,
        "alert": Alert,
        "standing": Standing,
        "remark": Ack,
        "packed": Packed,
        "dailyValues": DailyValues,
        "feedHealth": FeedHealth,
    }
    schemas, components = schema_components(types.values(), ref_template="#/components/schemas/{name}")
    payloads = dict(zip(types, schemas, strict=True))
    payloads["event"].pop("discriminator")  # AsyncAPI means something else by it, and each schema has its own `type`
    topics = _topics()
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "shipclock",
            "version": version("shipclock"),
            "description": "Order, pickup and tracking events in, alerts before late-shipment penalties out.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {f"{'send' if topic.sends else 'receive'}-{topic.name}": _operation(topic) for topic in topics},
        "components": {"schemas": components, "messages": _messages(payloads)},
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _channel(topic: Topic) -> dict[str, Any]:
    kafka: dict[str, Any] = {"topic": topic.name, "bindingVersion": "0.5.0"}
    if topic.compacted:
        kafka["topicConfiguration"] = {"cleanup.policy": [COMPACTED["cleanup.policy"]]}
    if topic.deleted:
        kafka["topicConfiguration"] = {
            "cleanup.policy": DAILY_VALUES["cleanup.policy"].split(","),
            "retention.ms": int(DAILY_VALUES["retention.ms"]),
        }
    return {
        "address": topic.name,
        "description": f"{topic.does} Key: {topic.key}.",
        "messages": {topic.message: {"$ref": f"#/components/messages/{topic.message}"}},
        "bindings": {"kafka": kafka},
    }


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "send" if topic.sends else "receive",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.message}"}],
    }


def _messages(payloads: dict[str, Any]) -> dict[str, Any]:
    cloud_event = {"contentType": "application/cloudevents+json"}
    text = {"type": "string"}
    names = "topic", "partition", "offset", "reason", "kept", "cut", "original_length", "original_key_length"
    headers = {"type": "object", "properties": dict.fromkeys(names, text)}
    return {
        "event": cloud_event | {"title": "An event, as CloudEvents 1.0", "payload": payloads["event"]},
        "alert": cloud_event | {"title": "A change of an alert, as CloudEvents 1.0", "payload": payloads["alert"]},
        "standing": {"title": "A shop's standing", "payload": payloads["standing"]},
        "remark": {"title": "An ack or a mute of an alert", "payload": payloads["remark"]},
        "packed": {"title": "A tick that an order is packed", "payload": payloads["packed"]},
        "dailyValues": {"title": "A shop's figures of one local day", "payload": payloads["dailyValues"]},
        "feedHealth": {"title": "When a shop was last heard of", "payload": payloads["feedHealth"]},
        "deadLetter": {"title": "A record as it came", "contentType": "application/octet-stream", "headers": headers},
    }
