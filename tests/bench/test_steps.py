"""The steps of an event are the same each time, and lie in the modules that it goes through."""

from tests.bench.steps import count
from tests.bench.systems import PACK
from tests.bench.workload import Workload


def test_the_same_events_take_the_same_steps() -> None:
    small = Workload(orders=60, shops=3)
    count(small, [str(PACK)])  # what is compiled and cached at first use
    (first, events), (again, _) = count(small, [str(PACK)]), count(small, [str(PACK)])
    del first["libraries"], again["libraries"]  # these also free what ran before them, at moments of their own
    assert first == again
    assert events > 60
    assert {"rules/messages/events.py", "rules/facts/merge.py", "rules/state/aggregate.py"} <= first.keys()
