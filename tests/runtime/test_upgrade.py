"""A worker that is upgraded goes on with the state of the version before, whose orders had one parcel and one fate.

`state_of_1_parcel.json` holds what that version wrote: its clock, the facts changelog and the alerts of two shops.
"""

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from rules.calendar.instants import HOUR_MS
from rules.facts.order_facts import OrderFacts
from rules.facts.stored import decode_facts, encode_facts
from rules.messages.alerts import decode
from rules.messages.events import decode as decode_event
from streams import pack_files
from streams.runtime.partition import Partition
from tests.runtime.support import event

STATE: dict[str, Any] = orjson.loads(Path(__file__).with_name("state_of_1_parcel.json").read_bytes())
FACTS = {key: base64.b64decode(raw) for key, raw in STATE["facts"]}
START_MS = STATE["clock_ms"] - 80 * HOUR_MS


def upgraded() -> Partition:
    partition = Partition(0, 1, pack_files.load(["joom", "douyin"]), "event")
    for alert in STATE["alerts"]:
        partition.restore_alert(b"", alert.encode())
    for key, raw in FACTS.items():
        partition.restore_fact(key.encode(), raw)
    partition.engine.clock_ms = STATE["clock_ms"]
    partition.engine.settle()
    return partition


def emitted(partition: Partition) -> list[tuple[str, str, str]]:
    alerts = [decode(value) for _, value in partition.drain_alerts()]
    return [(alert.data.rule, alert.order, alert.data.stage) for alert in alerts if isinstance(alert.order, str)]


def facts(partition: Partition, order: str) -> OrderFacts:
    return partition.engine.shops["joom", "s1"].orders[order].facts


def apply(partition: Partition, kind: str, order: str, hours: int, **data: Any) -> None:
    read, at_ms = decode_event(event(kind, START_MS + hours * HOUR_MS, order, "s1", data=data, source="erp/2"))
    partition.engine.apply(read, at_ms)


@pytest.mark.parametrize("key", FACTS)
def test_the_facts_are_read_and_written_as_they_were(key: str) -> None:
    assert encode_facts(decode_facts(FACTS[key])) == FACTS[key]


def test_nothing_is_said_again() -> None:
    partition = upgraded()
    assert emitted(partition) == []
    assert facts(partition, "done").delivered == (START_MS + 60 * HOUR_MS, "erp/1", "e-6")


def test_the_worker_goes_on_where_it_was() -> None:
    partition = upgraded()
    apply(partition, "order.shipped", "open", 81, tracking_no="P9")
    apply(partition, "order.deadline_changed", "moved", 81, ship_by=START_MS + 120 * HOUR_MS)
    partition.engine.advance(START_MS + 82 * HOUR_MS)
    assert ("joom.late_ship", "open", "overdue") in emitted(partition)
    assert [moved_to for _, moved_to in facts(partition, "moved").moves_before()] == [
        START_MS + hours * HOUR_MS for hours in (70, 90)
    ]


def test_a_second_parcel_is_told_from_the_first_that_was_known_before() -> None:
    partition = upgraded()
    apply(partition, "order.shipped", "done", 81, tracking_no="P3", carrier="X")
    partition.engine.advance(START_MS + 82 * HOUR_MS)
    later = facts(partition, "done")
    assert (later.delivered, [parcel.parcel for parcel in later.parcels]) == (None, ["P1", "P3"])
    assert [parcel.delivered is not None for parcel in later.parcels] == [True, False]
