"""Going through lists by hour a few entries at a time."""

from hypothesis import given
from hypothesis import strategies as st

from rules.state.hourly_cursor import HourlyCursor

LISTS = st.dictionaries(st.integers(0, 9), st.lists(st.integers(), max_size=9), max_size=6)


@given(LISTS, st.integers(1, 12))
def test_small_steps_come_to_each_entry_once_before_any_comes_again(lists: dict[int, list[int]], most: int) -> None:
    entries = [(hour, each) for hour, listed in lists.items() for each in listed]
    cursor, seen = HourlyCursor[int](), list[tuple[int, int]]()
    for _ in range(-(-len(entries) // most)):
        seen += [(hour, each) for hour, part in cursor.parts(lists, most) for each in part]
    assert sorted(seen[: len(entries)]) == sorted(entries)
    assert [(hour, each) for hour, listed in lists.items() for each in listed] == entries


def test_entries_are_replaced_and_removed_and_no_call_comes_to_one_twice() -> None:
    lists = {5: [1, 2, 3, 4], 6: [6]}
    cursor = HourlyCursor[int]()
    for _ in range(2):
        for hour, part in cursor.parts(lists, 1_000):
            part[:] = [each + 10 * hour for each in part if each % 2 == 0]
    assert lists == {5: [102, 104], 6: [126]}


def test_the_step_after_a_removal_comes_to_the_entry_behind_it() -> None:
    lists = {5: [1, 2, 3, 4]}
    cursor = HourlyCursor[int]()
    for _, part in cursor.parts(lists, 2):
        part.remove(1)
    assert lists == {5: [2, 3, 4]}
    assert [each for _, part in cursor.parts(lists, 2) for each in part] == [3, 4]


def test_lists_may_come_and_go_between_two_steps() -> None:
    lists = {1: [1, 1], 2: [2, 2]}
    cursor, seen = HourlyCursor[int](), list[int]()
    seen += [each for _, part in cursor.parts(lists, 1) for each in part]
    del lists[2]
    lists[3] = [3]
    seen += [each for _, part in cursor.parts(lists, 10) for each in part]
    assert seen[0] == 2
    assert sorted(seen[1:3]) == [1, 1]
    assert seen[3:] == [3, 1, 1], "those left from before, then all"
