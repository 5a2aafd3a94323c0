"""A local copy of the facts changelog without a disk."""

from collections.abc import Iterator

from streams.runtime.snapshot import COUNTED

Records = list[tuple[bytes, bytes | None]]


class Copy:
    """What is on its disk, and what is about to be written; `read`: how many keys have been gone through."""

    is_suspended = False

    def __init__(self) -> None:
        self.disk: dict[bytes, bytes] = {}
        self.pending: dict[bytes, bytes | None] = {}
        self.offset = self.written_to = 0
        self.read = 0

    def note_all(self, changes: Records, offset: int) -> None:
        for key, value in changes:
            self.pending |= {key: value} if value is not None else {key: None, COUNTED + key: None}
        self.offset = offset

    def change(self, changes: dict[bytes, bytes | None]) -> None:
        self.pending |= changes

    def write(self) -> None:
        newest = self.disk | self.pending
        self.disk, self.pending = {key: value for key, value in newest.items() if value is not None}, {}
        self.written_to = self.offset

    def kill(self) -> None:
        self.pending, self.offset = {}, self.written_to

    def get(self, key: bytes) -> bytes | None:
        return self.pending.get(key) if key in self.pending else self.disk.get(key)

    def items(self, start: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        for key, value in sorted(self.disk.items()):
            if start <= key and (end is None or key < end):
                self.read += 1
                yield key, value

    def all_of(self, prefixes: tuple[bytes, ...]) -> dict[bytes, bytes]:
        found = ((key, self.get(key)) for key in {*self.disk, *self.pending} if key.startswith(prefixes))
        return {key: value for key, value in found if value is not None}

    def items_of(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield from self.all_of((prefix,)).items()

    def page_of(self, prefix: bytes, start: bytes, most: int) -> tuple[list[bytes], bytes | None]:
        keys = sorted(key for key in self.all_of((prefix,)) if key >= start)
        return keys[:most], next(iter(keys[most:]), None)
