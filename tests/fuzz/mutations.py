"""Seeded mutations: the same seed always makes the same corpus."""

import copy
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import orjson

from tests.fuzz.good_records import TYPES, Record, good_records

TOPICS = ("orders", "pickups", "tracking", "shops")

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, -(2**63), 2**64 - 1, 0.1, -0.0, 1e308, 5e-324,
    "", " ", "0", "-1", "1E+1000000", "1E-1000000", "-1E+1000000", "NaN", "sNaN", "Infinity", "0." + "1" * 500,
    "9" * 5_000, "1e400", "٣", "½", "0x10", "1_000", "12,50", "2000-01-01T00:00:00Z", "2026-01-01",
    "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z", "1970-01-01T00:00:00Z", "2099-12-31T00:00:00Z", 1_767_225_600, 1_767_225_600_000, 10**30,
    "a" * 129, "a" * 100_000, "joom", "joom/x", "x:y", "%2F", "../../etc", "\x00", "a\nb", "\x1b[31mred", "\u202e",
    "a\u200bb", "\ufeff", "рау", "💥" * 64,
    "{}", "[]", "null", "=1+1", "'; drop table orders; --", "<img onerror=x>", "{order.__class__}", "@everyone",
    "order.placed", "clock.tick", "alert.opened", "buyer", "in_transit", "paralysed", "Öl",
    [], {}, [[]], [{}], [None], [1, 2, 3], {"": ""}, {"value": 1}, [{"sku": "A", "qty": -1}], [{"sku": "A"}] * 3_000,
)  # fmt: skip
"""What has no business where it is put, or is at the edge of having some."""


def mutated_records(number: int, seed: int) -> Iterator[Record]:
    """Good records, most with one thing or a few changed: a field of the event, its bytes, its key, or its topic."""
    random = Random(seed)
    for record in good_records(number):
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            record = random.choice(_MUTATIONS)(record, random)
        yield record


def _change_a_field(record: Record, random: Random) -> Record:
    try:
        event = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return record
    places = list(_places(event))
    if not places:
        return record
    holder, key = random.choice(places)
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1:
            other, other_key = random.choice(places)
            holder[key] = copy.deepcopy(other[other_key])
        case 2:
            holder[key] = _nested(random.choice((3, 60, 120)))
        case _:
            holder[key] = random.choice(VALUES)
    return record._replace(value=_dumps(event))


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value that can be changed, as what holds it and under which key."""
    for key in list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
        yield part, key
        yield from _places(part[key])


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _dumps(event: Any) -> bytes:
    try:
        return orjson.dumps(event)
    except TypeError:  # nested deeper than orjson writes, or an int it has no room for
        return repr(event).replace("'", '"').encode(errors="replace")


def _change_bytes(record: Record, random: Random) -> Record:
    value = bytearray(record.value)
    at = random.randrange(len(value) + 1)
    match random.randrange(7):
        case 0:
            del value[at:]
        case 1:
            value[at:at] = random.randbytes(random.choice((1, 2, 8)))
        case 2 if at < len(value):
            value[at] ^= 1 << random.randrange(8)
        case 3:
            value[at:at] = random.choice(
                (b'"', b"{", b"}", b"[", b"\\", b"\\ud800", b",", b"\x00", b"\xff", b"[" * 5_000)
            )
        case 4:
            value = value.replace(b'"', b"'", 2)
        case 5:
            value = bytearray(bytes(value).decode("utf-8", "replace").encode("utf-16"))
        case _:
            value = value * 2
    return record._replace(value=bytes(value))


def _change_the_key(record: Record, random: Random) -> Record:
    key = record.key or b""
    return record._replace(key=random.choice((None, b"", b"joom/s0", key[:-1], key + b"/", b"\xff\xfe", key * 200)))


def _change_the_topic(record: Record, random: Random) -> Record:
    return record._replace(topic=random.choice(TOPICS))


def _change_the_type(record: Record, random: Random) -> Record:
    _, kind = random.choice(TYPES)
    return record._replace(value=re.sub(rb'"type":"[^"]*"', f'"type":"{kind}"'.encode(), record.value))


Mutation = Callable[[Record, Random], Record]
_MUTATIONS: tuple[Mutation, ...] = (
    *[_change_a_field] * 8,
    *[_change_bytes] * 3,
    _change_the_key,
    _change_the_topic,
    _change_the_type,
)


def mutated_texts(texts: list[str], number: int, seed: int) -> Iterator[str]:
    """Texts such as packs and mappings, each with a few lines, words or characters changed."""
    random = Random(seed)
    for n in range(number):
        lines = texts[n % len(texts)].splitlines()
        for _ in range(random.choice((1, 1, 2, 3))):
            _change_a_line(lines, random)
        yield "\n".join(lines) + "\n"


_WORDS = (
    "", "-", "null", "true", "~", "0", "-1", "1e999", "99999999999999999999h", "5%", "500%", "72h", "3bd", "[]", "{}",
    "[[[[", "{value: 1}", "*anchor", "&anchor x", "!!python/object:os.system x", "!!binary xx", "'", '"', "|", ">",
    "2026-13-45", "2000-01-01", ".inf", ".nan", "0x1F", "1:30", "yes", "\t", "\x00", "\u202e", "a" * 2_000, "%f%f%f",
    "%y" * 300, "../../x", "{order.__class__}", "{0}", "{order!r:>99999999}", "{", "}", "any", "placed", "shipped",
    "late_ship", "joom", "Mars/Base",
)  # fmt: skip


def _change_a_line(lines: list[str], random: Random) -> None:
    if not lines:
        return
    at = random.randrange(len(lines))
    line = lines[at]
    indent = line[: len(line) - len(line.lstrip())]
    name, colon, _ = line.partition(": ")
    match random.randrange(8):
        case 0:
            del lines[at]
        case 1:
            lines.insert(random.randrange(len(lines)), line)
        case 2:
            lines[at] = random.choice(("  ", "    ", "\t")) + line
        case 3:
            lines[at] = line.strip()
        case 4 if colon:
            lines[at] = f"{name}: {random.choice(_WORDS)}"
        case 5:
            words = line.split(" ")
            words[random.randrange(len(words))] = random.choice(_WORDS)
            lines[at] = " ".join(words)
        case 6:
            lines[at] = f"{indent}{random.choice(_WORDS)}: {random.choice(_WORDS)}"
        case _:
            place = random.randrange(len(line) + 1)
            lines[at] = (
                line[:place] + random.choice(("'", '"', ":", "{", "[", "]", "#", "*", "&", "%", "é")) + line[place:]
            )
