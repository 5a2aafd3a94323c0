"""The clock that deadlines go by in wall time, with the machine's clock and the time since boot passed in."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from streams.runtime import boot_time
from streams.runtime.wall_clock import CORRECTED_AFTER_MS, DRIFT_MS, JUMPS, OFF, START_DRIFT_MS, WallClock
from tests.runtime import disks
from tests.runtime.support import START_MS

MINUTE_MS = 60_000


class Machine:
    """A machine whose clock is `off_ms` from the truth; it was booted at the start."""

    def __init__(self) -> None:
        self.true_ms = START_MS
        self.off_ms = 0
        self.clock = WallClock(self.read)

    def read(self) -> tuple[int, int]:
        return self.true_ms + self.off_ms, self.true_ms - START_MS

    def restart(self) -> None:
        """Another worker, that knows what the one before kept."""
        self.clock = WallClock(self.read, self.clock.booted_ms)

    def run(self, ms: int, step_ms: int = 500) -> None:
        """Time passes, and the clock is looked at as often as the worker does."""
        end_ms = self.true_ms + ms
        while self.true_ms < end_ms:
            self.true_ms = min(end_ms, self.true_ms + step_ms)
            self.clock.now_ms()

    def error_ms(self) -> int:
        return self.clock.now_ms() - self.true_ms


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, 7 * 24 * HOUR_MS, DRIFT_MS + 1, -DRIFT_MS - 1])
def test_a_jump_is_waited_out_and_said_once_a_minute(
    machine: Machine, jump_ms: int, caplog: pytest.LogCaptureFixture
) -> None:
    jumps = JUMPS._value.get()
    machine.off_ms = jump_ms
    with caplog.at_level(logging.WARNING):
        machine.run(3 * MINUTE_MS)
    assert machine.error_ms() == 0
    assert len(caplog.records) == 3
    assert machine.clock.problem is not None and "jumped" in machine.clock.problem
    assert JUMPS._value.get() == jumps + 1
    assert OFF._value.get() == jump_ms / 1000
    machine.off_ms = 0
    assert machine.error_ms() == 0
    assert machine.clock.problem is None
    assert OFF._value.get() == 0


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_a_jump_that_stands_is_a_correction_and_followed(machine: Machine, jump_ms: int) -> None:
    machine.off_ms = jump_ms
    machine.run(CORRECTED_AFTER_MS)
    assert machine.error_ms() == 0
    machine.run(1_000)
    assert machine.error_ms() == jump_ms
    assert machine.clock.problem is None


def test_a_clock_that_jumps_about_is_never_followed(machine: Machine) -> None:
    for n in range(40):
        machine.off_ms = HOUR_MS * (n % 2 + 1)
        machine.run(CORRECTED_AFTER_MS // 2, step_ms=10_000)
        assert machine.error_ms() == 0


def test_time_since_boot_runs_on_while_the_machine_sleeps_so_that_is_no_jump(machine: Machine) -> None:
    machine.true_ms += 8 * HOUR_MS
    assert machine.error_ms() == 0
    assert machine.clock.problem is None


@given(st.lists(st.integers(-DRIFT_MS, DRIFT_MS), max_size=200))
def test_drift_is_followed_however_far_it_comes(drifts_ms: list[int]) -> None:
    machine = Machine()
    for drift_ms in drifts_ms:
        machine.off_ms += drift_ms
        machine.run(500)
        assert machine.error_ms() == machine.off_ms
    assert machine.clock.problem is None


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_while_it_is_open_which_clock_is_right_neither_calls_an_event_early(machine: Machine, jump_ms: int) -> None:
    assert machine.clock.latest_ms() == machine.true_ms
    machine.off_ms = jump_ms
    assert machine.clock.latest_ms() == machine.true_ms + max(0, jump_ms)


def test_a_jump_while_it_stands_may_drift_and_is_the_same_jump(machine: Machine) -> None:
    jumps = JUMPS._value.get()
    machine.off_ms = HOUR_MS
    while machine.true_ms < START_MS + CORRECTED_AFTER_MS + 2_000:
        machine.off_ms += 10
        machine.run(500)
    assert JUMPS._value.get() == jumps + 1
    assert machine.error_ms() == machine.off_ms


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
def test_a_jump_is_noticed_by_a_worker_that_starts_after_it_as_well(machine: Machine, jump_ms: int) -> None:
    machine.off_ms = jump_ms
    machine.restart()
    assert machine.error_ms() == 0
    assert machine.clock.problem is not None
    machine.run(CORRECTED_AFTER_MS + 1_000)
    assert machine.error_ms() == jump_ms
    machine.restart()
    assert machine.error_ms() == jump_ms


def test_drift_while_no_worker_looked_is_no_jump(machine: Machine) -> None:
    machine.off_ms = START_DRIFT_MS
    machine.restart()
    assert machine.error_ms() == START_DRIFT_MS
    assert machine.clock.problem is None


# -- what is kept between two starts ---------------------------------------------------------------------------


def test_what_is_kept_holds_for_this_boot_of_the_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, boot = tmp_path / "data" / "clock.json", tmp_path / "boot_id"
    boot.write_text("one\n")
    monkeypatch.setattr(boot_time, "BOOT_ID", boot)
    assert boot_time.read(file) is None
    boot_time.write(file, START_MS)
    assert boot_time.read(file) == START_MS
    boot.write_text("two\n")
    assert boot_time.read(file) is None
    boot.unlink()
    boot_time.write(file, START_MS)
    assert boot_time.read(file) is None, "a machine that doesn't say may have been booted since"


def test_what_was_kept_may_be_lost_or_unreadable_and_the_disk_may_take_nothing(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    file.write_bytes(b"\xff{")
    assert boot_time.read(file) is None
    boot_time.write(disks.missing(tmp_path) / "clock.json", START_MS)
