"""A checkpoint says nothing that isn't written yet: whenever the worker is killed, the next start emits what is
missing."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

import pytest

from rules.state import eviction_queue, order_ledger
from rules.state.order_ledger import Worth
from streams.runtime import checkpointing, worker
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.restoring_facts import restore_facts
from streams.runtime.snapshot import CAME_BACK, CHECKPOINT
from streams.runtime.worker import Worker
from tests.rules.copy_in_memory import Copy
from tests.runtime.fakes import FakeBroker
from tests.runtime.one_worker import CLOCKED, alert_types, apply, made
from tests.runtime.support import LATE_MS, START_MS, event, tick, until

END_MS = START_MS + 2 * LATE_MS


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders leave memory once they are finished, and each is worth a checkpoint."""
    monkeypatch.setattr(order_ledger, "SILENT_MS", 0)
    monkeypatch.setattr(eviction_queue, "HOUR_MS", 1)
    monkeypatch.setattr(checkpointing, "WORTH", Worth(1, 100))
    monkeypatch.setattr(checkpointing, "WORTH_IN_BACKLOG", Worth(1, 100))


def on(copy: Copy) -> tuple[Worker, FakeBroker]:
    """A worker in event time whose partition has this copy."""
    watching, broker = made()
    watching.partition(2).engine.ledger.store = OrdersOnDisk(copy)  # type: ignore[arg-type]

    def note_written(topic: str, _: int, records: Sequence[tuple[bytes, bytes | None]], offset: int) -> None:
        if topic == watching.names.facts:
            copy.note_all(list(records), offset)

    broker.note_written = note_written  # type: ignore[method-assign]
    return watching, broker


def apply_ticks(to: Worker, at_ms: int) -> None:
    for topic in CLOCKED:
        apply(to, tick(at_ms), topic=topic, first=10)


def checkpoints(copy: Copy) -> int:
    return len(list(copy.items(CHECKPOINT, CAME_BACK)))


async def test_alerts_that_were_found_while_others_were_written_are_emitted_after_a_kill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = Copy()
    watching, broker = on(copy)
    apply(
        watching,
        event("order.placed", START_MS),
        event("order.cancelled", START_MS + LATE_MS + 1, data={"by": "buyer"}),
    )
    await watching.commit_cycle()
    evaluated_on_while_written(monkeypatch, watching, broker)
    apply_ticks(watching, END_MS)
    await watching.commit_cycle()
    assert (alert_types(broker), watching.partitions[2].unwritten_alerts) == ([], 2)
    assert watching.partitions[2].engine.shops["joom", "s17"].evicted == 1
    copy.write()  # as when the partition is closed, or orders on the disk are gone through

    again, broker = on(copy)
    restore_facts(copy, again.partition(2))  # type: ignore[arg-type]
    apply_ticks(again, END_MS)
    await again.commit_cycle()
    assert alert_types(broker) == ["alert.opened", "alert.resolved"]
    await again.commit_cycle()
    copy.write()
    assert checkpoints(copy) == 1, "now that all is written"


def evaluated_on_while_written(monkeypatch: pytest.MonkeyPatch, watching: Worker, broker: FakeBroker) -> None:
    """In the next commit cycle one order is evaluated before it writes, and all else while it does."""
    monkeypatch.setattr(worker, "SLICE", 1)
    monkeypatch.setattr(worker, "monotonic", chain([0.0], repeat(1.0)).__next__)
    send, engine = broker.producer.send_batch, watching.partitions[2].engine

    async def once_all_is_evaluated(*args: Any, **options: Any) -> Any:
        await until(lambda: engine.clock_ms >= END_MS)
        return await send(*args, **options)

    monkeypatch.setattr(broker.producer, "send_batch", once_all_is_evaluated)
