"""Dead letters: records that were set aside, with their origin and the reason, cut if they are large."""

from typing import NamedTuple

from aiokafka import ConsumerRecord

KEPT_VALUE_BYTES = 512 * 1024
KEPT_KEY_BYTES = 4 * 1024
"""How many bytes of a value and of a key a dead letter keeps, from the beginning."""

LONGEST_REASON_BYTES = 2 * 1024


class DeadLetter(NamedTuple):
    """A record of `dead-letters`. It keeps no reference to the rest of the bad record."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def reason(self) -> str:
        return dict(self.headers)["reason"].decode()


def dead_letter(record: ConsumerRecord, reason: str, kept: bool = False) -> DeadLetter:
    """The headers say where the record came from (`topic`, `partition`, `offset`), what is wrong with it (`reason`),
    that the event counts all the same, without a detail (`kept: true`), and, where it was cut (`cut: true`), how many
    bytes its value (`original_length`) and key (`original_key_length`) had."""
    key, value = record.key, record.value
    headers = [
        ("topic", record.topic.encode()),
        ("partition", b"%d" % record.partition),
        ("offset", b"%d" % record.offset),
        ("reason", _shortened(reason.encode(errors="replace"))),
    ]
    if kept:
        headers.append(("kept", b"true"))
    # The value may have been cut already when it was fetched.
    length = 0 if value is None else max(len(value), record.serialized_value_size)
    long_value = length > KEPT_VALUE_BYTES
    long_key = key is not None and len(key) > KEPT_KEY_BYTES
    if long_value or long_key:
        headers += [("cut", b"true"), ("original_length", b"%d" % length)]
    if long_key:
        headers.append(("original_key_length", b"%d" % len(key)))
        key = key[:KEPT_KEY_BYTES]
    if value is not None and long_value:
        value = value[:KEPT_VALUE_BYTES]
    return DeadLetter(key, value, headers)


def _shortened(reason: bytes) -> bytes:
    """The reason, cut between two characters."""
    return reason[:LONGEST_REASON_BYTES].decode(errors="ignore").encode()
