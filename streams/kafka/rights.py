"""Checks, before the worker starts, that Kafka lets it do what it must.

Otherwise a missing right would show as an error deep in some client, again after each restart.
`deploy/docs/kafka-acls.md` lists the rights as commands.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation

from streams.kafka import topic_settings, topics
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.settings import Settings

log = logging.getLogger(__name__)

READ, WRITE = AclOperation.READ, AclOperation.WRITE


def needed(names: TopicNames) -> dict[str, tuple[AclOperation, ...]]:
    """The operations that the worker needs on each topic."""
    return (
        dict.fromkeys(names.inputs, (READ,))
        | dict.fromkeys((*names.compacted, names.daily_values, names.questions), (READ, WRITE))
        | {names.dead_letters: (WRITE,)}
    )


def check(settings: Settings, names: TopicNames) -> None:
    """Raises BadTopicsError if this user may not do what the worker must, or a topic is set so that state or events are
    lost. What the broker doesn't answer counts as allowed."""
    admin = topics.admin(settings)
    options = {"include_authorized_operations": True, "request_timeout": topics.ANSWER_S}
    group = admin.describe_consumer_groups([names.app_id], **options)[names.app_id]
    if _code(group) == KafkaError._UNSUPPORTED_FEATURE:
        return  # the embedded broker never answers the other requests
    wanted = needed(names)
    described = admin.describe_topics(TopicCollection(list(wanted)), **options)
    lacking = [
        *(each for topic, found in described.items() for each in _lacking(found, f"topic {topic}", wanted[topic])),
        *_lacking(group, f"group {names.app_id}", (READ,)),
    ]
    if lacking:
        raise BadTopicsError(
            f"this user lacks {', '.join(lacking)} on Kafka; deploy/docs/kafka-acls.md has what must be granted"
        )
    topic_settings.check(admin, names)


def _lacking(found: "Future[Any]", what: str, wanted: tuple[AclOperation, ...]) -> Iterator[str]:
    """The operations wanted that are not allowed, as `READ on topic orders`."""
    code = _code(found)
    if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
        allowed = []
    elif code is not None:
        log.debug("%s: the broker doesn't say what is allowed: error %s", what, code)
        return
    else:
        allowed = found.result().authorized_operations
    if allowed is not None:
        yield from (f"{operation.name} on {what}" for operation in wanted if operation not in allowed)


def _code(answer: "Future[Any]") -> int | None:
    """The error code of an answer, once it is there."""
    error = answer.exception()
    if error is None:
        return None
    if not isinstance(error, KafkaException):
        raise error
    code: int = error.args[0].code()
    return code
