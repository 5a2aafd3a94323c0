"""Records that were set aside, as they go to `dead-letters`."""

from dataclasses import replace

from streams.kafka.dead_letters import KEPT_KEY_BYTES, KEPT_VALUE_BYTES, LONGEST_REASON_BYTES, dead_letter
from tests.runtime.support import record


def test_a_letter_is_the_record_as_it_came_with_where_it_was_and_why() -> None:
    letter = dead_letter(record("orders", b"not json", offset=7), "JSON is malformed")
    assert (letter.key, letter.value, letter.reason) == (b"joom/s17", b"not json", "JSON is malformed")
    assert letter.headers == [
        ("topic", b"orders"),
        ("partition", b"2"),
        ("offset", b"7"),
        ("reason", b"JSON is malformed"),
    ]


def test_of_a_large_record_the_beginning_is_kept_and_a_header_says_how_long_it_was() -> None:
    value, key = b"v" * (KEPT_VALUE_BYTES + 1), b"k" * (KEPT_KEY_BYTES + 1)
    letter = dead_letter(record("orders", value, key=key), "too large")
    assert (letter.key, letter.value) == (key[:-1], value[:-1])
    assert letter.headers[4:] == [("cut", b"true"), ("original_length", b"524289"), ("original_key_length", b"4097")]


def test_a_record_that_just_fits_is_not_cut() -> None:
    letter = dead_letter(record("orders", b"v" * KEPT_VALUE_BYTES, key=b"k" * KEPT_KEY_BYTES), "too large")
    assert "cut" not in dict(letter.headers)
    assert (len(letter.value or b""), len(letter.key or b"")) == (KEPT_VALUE_BYTES, KEPT_KEY_BYTES)


def test_a_long_reason_is_cut_between_two_characters() -> None:
    letter = dead_letter(record("orders", None), "é" * LONGEST_REASON_BYTES)
    assert letter.reason == "é" * (LONGEST_REASON_BYTES // 2)
    assert dead_letter(record("orders", None), "a" + "é" * LONGEST_REASON_BYTES).reason[-1] == "é"


def test_of_a_value_that_was_cut_when_it_was_fetched_the_length_is_told_as_it_was() -> None:
    fetched = replace(record("orders", b"v" * KEPT_VALUE_BYTES), serialized_value_size=80_000_000)
    headers = dict(dead_letter(fetched, "too large").headers)
    assert (headers["cut"], headers["original_length"]) == (b"true", b"80000000")
