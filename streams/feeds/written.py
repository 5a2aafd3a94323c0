"""A record to be written to Kafka."""

from typing import NamedTuple


class Written(NamedTuple):
    """A record to be written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
