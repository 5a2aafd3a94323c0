"""When something happened to a shop's orders, asked by order and in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import NEVER
from rules.kinds import timeline as timelines
from rules.kinds.timeline import Timeline

PUTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 9), max_size=3).map(lambda ms: tuple(sorted(ms))))
)


@pytest.mark.parametrize("few", [0, 2, 100], ids=["all at once", "either", "one by one"])
@given(PUTS, st.integers(-1, 10), st.booleans())
def test_a_timeline_has_each_orders_last_instants_in_time(
    few: int, puts: list[tuple[str, tuple[int, ...]]], at_ms: int, asked: bool
) -> None:
    timeline, last = Timeline(), dict[str, tuple[int, ...]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timelines, "FEW", few)
        for order, instants in puts:
            assert timeline.put(order, instants) == (last.get(order, ()) != instants)
            last[order] = instants
            if asked:
                timeline.next_after(at_ms)
        _check(timeline, last, at_ms)


def _check(timeline: Timeline, last: dict[str, tuple[int, ...]], at_ms: int) -> None:
    assert timeline.by_order == {order: instants for order, instants in last.items() if instants}
    in_time = sorted((at, order) for order, instants in last.items() for at in instants)
    assert timeline.since(at_ms) == [each for each in in_time if each[0] >= at_ms]
    assert timeline.next_after(at_ms) == min((at for at, _ in in_time if at > at_ms), default=NEVER)


def test_a_copy_goes_its_own_way() -> None:
    timeline = Timeline()
    timeline.put("a", (1,))
    copied = timeline.copy()
    copied.put("b", (2,))
    assert timeline.since(0) == [(1, "a")]
    assert copied.since(0) == [(1, "a"), (2, "b")]
