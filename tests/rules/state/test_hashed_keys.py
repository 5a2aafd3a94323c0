"""A set of keys that holds their hashes alone."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from rules.state import hashed_keys
from rules.state.hashed_keys import HashedKeys

keys = st.tuples(st.sampled_from(["joom/a", "joom/b"]), st.text(max_size=2))


@given(st.sets(keys), st.sets(keys), st.sets(keys))
def test_a_key_is_in_it_from_when_it_is_added_until_it_is_removed(first, others, gone) -> None:
    held = HashedKeys()
    for key in [*first, *(others - first)]:
        held.add(key)
    for key in gone & (first | others):
        held.remove(key)
    assert {key for key in first | others | gone if key in held} == (first | others) - gone
    assert len(held) == len((first | others) - gone)


def test_of_two_keys_with_one_hash_one_stays_when_the_other_goes() -> None:
    held = HashedKeys()
    held.add(-1)
    held.add(-2)
    assert hash(-1) == hash(-2)
    held.remove(-1)
    assert -2 in held and len(held) == 1


def test_a_key_takes_five_bytes_at_most() -> None:
    held = HashedKeys()
    for n in range(50_000):
        held.add(("joom/a", f"order-{n}"))
    arrays = [each for each in held._shards if each is not None]
    assert len(arrays) == hashed_keys.SHARDS
    empty = sys.getsizeof(type(arrays[0])("I"))
    assert sum(sys.getsizeof(each) - empty for each in arrays) / len(held) <= 5
