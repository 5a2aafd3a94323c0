"""A worker without Kafka, and what tests have it do."""

from typing import Any, Literal, cast

import orjson
from faust.types import TP

from streams.runtime.partition import Batch
from streams.runtime.worker import Worker
from tests.runtime.fakes import FakeBroker, worker_on
from tests.runtime.support import LATE_MS, START_MS, event, record, tick

CLOCKED = ("orders", "pickups", "tracking")


def made(clock: Literal["wall", "event"] = "event", **options: Any) -> tuple[Worker, FakeBroker]:
    broker = FakeBroker(**options)
    return worker_on(broker, clock), broker


def apply(to: Worker, *values: bytes, topic: str = "orders", first: int = 0) -> None:
    """As the transport and the agents do: partition 2 of a topic, read to its end."""
    records = [record(topic, value, offset=first + n) for n, value in enumerate(values)]
    to.apply(Batch(topic, 2, records))
    broker, tp = cast(FakeBroker, to.broker), TP(topic, 2)
    broker.handed[tp] = broker.read_to[tp] = broker.log_ends[tp] = first + len(values)


def apply_late_order(to: Worker) -> None:
    """An order placed at the start, and the clock at its deadline."""
    apply(to, event("order.placed", START_MS), tick(START_MS + LATE_MS))
    for topic in ("pickups", "tracking"):
        apply(to, tick(START_MS + LATE_MS), topic=topic)


def alert_types(broker: FakeBroker) -> list[str]:
    return [orjson.loads(each.value)["type"] for each in broker.producer.logs.get(("alerts", 2), [])]
