"""What a jump of the machine's clock does to alerts and dead letters in wall time."""

import orjson
import pytest
from faust.types import TP

from rules.calendar.instants import DAY_MS, HOUR_MS
from streams.runtime.changelog import CLOCK_KEY
from streams.runtime.partition import Partition
from streams.runtime.wall_clock import CORRECTED_AFTER_MS, WallClock
from tests.runtime.fakes import FakeBroker, worker_on
from tests.runtime.one_worker import CLOCKED, alert_types, apply
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, book, event
from tests.runtime.test_wall_clock import Machine


class Site:
    """A worker in wall time on a machine whose clock a test sets."""

    def __init__(self, off_ms: int = 0) -> None:
        self.machine = Machine()
        self.machine.off_ms = off_ms
        self.broker = FakeBroker()
        self.worker = worker_on(self.broker, "wall")
        self.worker.wall_clock = WallClock(self.machine.read)
        self.placed = 0
        for topic in CLOCKED:
            self.broker.read_to[TP(topic, 2)] = 0

    def place(self, due_in_ms: int) -> None:
        """An order whose deadline is then."""
        placed = event("order.placed", self.machine.true_ms + due_in_ms - LATE_MS, f"o{self.placed}")
        apply(self.worker, placed, first=self.placed)
        self.placed += 1

    async def run(self, ms: int, step_ms: int = 10_000) -> None:
        end_ms = self.machine.true_ms + ms
        while self.machine.true_ms < end_ms:
            self.machine.true_ms = min(end_ms, self.machine.true_ms + step_ms)
            await self.worker.commit_cycle()

    def alert_types(self) -> list[str]:
        return alert_types(self.broker)

    def dead(self) -> int:
        return len(self.broker.producer.logs.get(("dead-letters", 2), []))


async def test_a_jump_ahead_tells_of_no_deadline_that_has_not_passed() -> None:
    site = Site()
    site.place(due_in_ms=5 * 60_000)
    await site.run(1_000)
    site.machine.off_ms = HOUR_MS
    site.place(due_in_ms=6 * 60_000)
    await site.run(4 * 60_000)
    assert site.alert_types() == []
    site.machine.off_ms = 0
    await site.run(3 * 60_000)
    assert site.alert_types() == ["alert.opened", "alert.opened"]


async def test_a_jump_back_sends_nothing_to_dead_letters_and_deadlines_go_on_being_told() -> None:
    site = Site()
    await site.run(1_000)
    site.machine.off_ms = -HOUR_MS
    site.place(due_in_ms=60_000)
    apply(site.worker, event("order.placed", site.machine.true_ms, "now"), first=site.placed)
    await site.run(2 * 60_000)
    assert site.alert_types() == ["alert.opened"]
    assert site.dead() == 0


async def test_an_event_from_a_clock_ahead_is_no_dead_letter_until_it_is_known_which_is_right() -> None:
    site = Site()
    await site.run(1_000)
    site.machine.off_ms = HOUR_MS
    apply(site.worker, event("order.placed", site.machine.true_ms + HOUR_MS, "as that clock has it"))
    apply(site.worker, event("order.placed", site.machine.true_ms + 2 * HOUR_MS, "later than either"), first=1)
    await site.run(1_000)
    assert site.dead() == 1


async def test_a_clock_that_was_an_hour_ahead_from_the_start_tells_nothing_early_once_it_is_corrected() -> None:
    site = Site(off_ms=HOUR_MS)
    site.place(due_in_ms=30 * 60_000)
    await site.run(1_000)
    assert site.alert_types() == ["alert.opened"], "nothing says yet that the clock is wrong"
    site.machine.off_ms = 0
    await site.run(CORRECTED_AFTER_MS + 20_000)
    site.place(due_in_ms=60_000)
    await site.run(40_000)
    assert site.alert_types() == ["alert.opened"]
    await site.run(30_000)
    assert site.alert_types() == ["alert.opened", "alert.opened"]


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, 7 * DAY_MS])
async def test_a_restart_does_not_take_a_clock_that_was_kept_while_it_was_ahead(ahead_ms: int) -> None:
    site = Site()
    kept = orjson.dumps({"clock_ms": START_MS + ahead_ms})
    site.worker.partition(2).restore_fact(CLOCK_KEY, kept)
    site.place(due_in_ms=60_000)
    await site.run(30_000)
    assert site.alert_types() == []
    (clock,) = [each.value for each in site.broker.producer.logs["app-facts-changelog", 2] if each.key == CLOCK_KEY]
    assert orjson.loads(clock)["clock_ms"] <= site.machine.true_ms, "or the next restart would find it again"
    await site.run(60_000)
    assert site.alert_types() == ["alert.opened"]


def test_in_event_time_the_kept_clock_is_taken_whatever_the_machines_says() -> None:
    machine = Machine()
    partition = Partition(2, PARTITIONS, book(), "event", WallClock(machine.read))
    partition.restore_fact(CLOCK_KEY, orjson.dumps({"clock_ms": START_MS + DAY_MS, "through_ms": {}}))
    assert partition.engine.clock_ms == START_MS + DAY_MS


async def test_a_clock_wrong_at_the_start_and_corrected_while_a_backlog_is_read_tells_nothing_early() -> None:
    site = Site(off_ms=HOUR_MS)
    site.place(due_in_ms=30 * 60_000)
    site.broker.log_ends[TP("orders", 2)] = 2
    await site.run(1_000)
    site.machine.off_ms = 0
    await site.run(CORRECTED_AFTER_MS + 60_000)
    assert site.worker.wall_clock.problem is None
    site.place(due_in_ms=LATE_MS)
    await site.run(1_000)
    assert site.alert_types() == []
    await site.run(20 * 60_000)
    assert site.alert_types() == ["alert.opened"]
