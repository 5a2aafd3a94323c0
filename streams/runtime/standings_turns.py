"""Divides the time for standings among partitions: one turn of a partition, and a rest after it."""

from collections.abc import Callable, Iterator, Mapping
from time import thread_time

from streams.budget import BACKLOG_BUDGET
from streams.runtime.partition import Partition
from streams.runtime.spare_time import SpareTime
from streams.runtime.standings_publisher import IDLE_BUDGET, IDLE_S, MOST_BUDGET

LONGEST_REST_S = 2.0
"""How long standings rest at most: a backlog may end meanwhile."""


def standings_turns(restored: Callable[[], Mapping[int, Partition]], is_busy: Callable[[], bool]) -> Iterator[float]:
    """Computes standings of the partitions that are restored, one turn each step. Yields how long to rest after it (s),
    in proportion to the time it took; it never ends."""
    spare = SpareTime(IDLE_BUDGET, MOST_BUDGET)
    while True:
        idle = True
        for number in list(restored()):
            took_s = _turn(restored().get(number))
            if took_s is not None:
                idle = False
                spare.spent(took_s)
                share = BACKLOG_BUDGET if is_busy() else spare.share
                yield min(took_s * (1 / share - 1), LONGEST_REST_S)
        if idle:
            yield IDLE_S


def _turn(partition: Partition | None) -> float | None:
    """How long a partition's turn took (s); None where nothing was due. (It has no name in `standings_turns`, which
    would hold one that was dropped.)"""
    began_s = thread_time()
    if partition is None or not partition.standings.turn(partition.engine):
        return None
    # What days' ends take of a backlog's time is taken off here, so that the two stay in one budget.
    return thread_time() - began_s + partition.days.take_spent_s()
