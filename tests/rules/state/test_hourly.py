"""Going through lists by hour a few entries at a time."""

from hypothesis import given
from hypothesis import strategies as st

from rules.state.hourly import Round

LISTS = st.dictionaries(st.integers(0, 9), st.lists(st.integers(), max_size=9), max_size=6)


@given(LISTS, st.integers(1, 12))
def test_a_round_of_small_steps_comes_to_each_entry_once(lists: dict[int, list[int]], most: int) -> None:
    entries = [(hour, each) for hour, listed in lists.items() for each in listed]
    steps, seen = Round[int](), list[tuple[int, int]]()
    for _ in range(-(-len(entries) // most)):
        steps.replace_next(lists, lambda hour, each: seen.append((hour, each)) or each, most)
    assert sorted(seen[: len(entries)]) == sorted(entries)
    assert [(hour, each) for hour, listed in lists.items() for each in listed] == entries


def test_entries_are_replaced_and_removed_and_no_call_comes_to_one_twice() -> None:
    lists = {5: [1, 2, 3, 4], 6: [6]}
    steps = Round[int]()
    for _ in range(2):
        steps.replace_next(lists, lambda hour, each: each + 10 * hour if each % 2 == 0 else None, 1_000)
    assert lists == {5: [102, 104], 6: [126]}


def test_lists_may_come_and_go_between_two_steps() -> None:
    lists = {1: [1, 1], 2: [2, 2]}
    steps, seen = Round[int](), list[int]()
    steps.replace_next(lists, lambda hour, each: seen.append(each) or each, 1)
    del lists[2]
    lists[3] = [3]
    steps.replace_next(lists, lambda hour, each: seen.append(each) or each, 10)
    assert seen[0] == 2
    assert sorted(seen[1:3]) == [1, 1]
    assert seen[3:] == [3, 1, 1], "those of this round, then a round with all"
