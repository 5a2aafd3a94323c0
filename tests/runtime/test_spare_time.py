"""How much of the worker's time what can wait may take."""

import pytest

from streams.runtime.spare_time import MEASURE_S, RESERVE, SpareTime


class Process:
    """A process's clocks, moved by the test."""

    def __init__(self) -> None:
        self.now_s, self.used_s = 1_000.0, 50.0
        self.spare = SpareTime(0.2, 0.7, lambda: self.now_s, lambda: self.used_s)

    def second(self, others: float, own: float = 0.0) -> float:
        """A second in which other work and this one took these shares of a core; the share it may take next."""
        self.spare.spent(own * MEASURE_S)
        self.used_s += (others + own) * MEASURE_S
        self.now_s += MEASURE_S
        return self.spare.share


def test_until_it_is_measured_it_is_the_least() -> None:
    process = Process()
    process.now_s += MEASURE_S / 2
    assert process.spare.share == 0.2


@pytest.mark.parametrize(
    ("others", "share"),
    [(0.0, 0.7), (0.3, 1 - RESERVE - 0.3), (0.7, 0.2), (1.5, 0.2)],
    ids=["idle", "some", "much", "two cores"],
)
def test_it_is_what_other_work_leaves_between_two_bounds(others: float, share: float) -> None:
    assert Process().second(others) == pytest.approx(share)


def test_what_it_takes_itself_does_not_count() -> None:
    process = Process()
    assert process.second(0.3, own=0.5) == pytest.approx(process.second(0.3, own=0.0))


def test_it_follows_the_load() -> None:
    process = Process()
    assert [round(process.second(others), 2) for others in (0.0, 0.9, 0.2)] == [0.7, 0.2, 0.6]
