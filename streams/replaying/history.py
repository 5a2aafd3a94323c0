"""History files: one event a line, in order of arrival."""

import codecs
import errno
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from rules.messages.bad_events import TOO_OLD, BadEvent, KeptWithout, as_bad_event
from rules.messages.events import AnyEvent, decode
from rules.messages.unknown_fields import UnknownFields

STDIN = "-"
CHUNK = 1 << 20
"""Bytes read at once."""

CHECKED = 1_000
"""So many lines are looked at for fields that nothing reads, and after them one in as many."""


_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"{\0": "utf-16-le", b"\0{": "utf-16-be"}

ARRAY = "a JSON array; one event a line is wanted (JSONL): jq -c '.[]' makes it"


Place = tuple[str, int]
"""A file and a line of it."""

PlacedEvent = tuple[AnyEvent, int, Place]
"""An event, its time (epoch ms) and where it stands."""


class UnreadableError(Exception):
    """A file that isn't there or can't be read any further; the message names it."""


class History:
    """The events of several files, one file after the other. `-` is stdin; files ending in `.gz` are unpacked.

    Lines are UTF-8, with or without a byte-order mark, or UTF-16.

    `on_bad` gets each line that is no event, or of which something was left out, and each field of `data` that nothing
    reads, once for a source, as `file:line: message`; `on_read` gets how many bytes were read. Blank lines are skipped.
    `bad_lines` counts the lines that are no events, `too_old` the events that came too late to begin anything.
    """

    def __init__(self, files: Sequence[str], on_bad: Callable[[str], None]) -> None:
        self.files = files
        self.bad_lines = self.too_old = 0
        self.on_read: Callable[[int], None] = lambda _: None
        self._on_bad = on_bad
        self._place: Place = ("", 0)
        self._fields = UnknownFields()

    def size(self) -> int:
        """Bytes to read as far as they are known: those of regular files. Raises UnreadableError for a file that is
        missing, so that nothing begins before all are there."""
        size = 0
        for name in self.files:
            if name == STDIN:
                continue
            with _named_errors(name):
                if Path(name).is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                size += Path(name).stat().st_size
            if not os.access(name, os.R_OK):
                raise UnreadableError(f"{name}: Permission denied")
        return size

    def events(self) -> Iterator[tuple[AnyEvent, int]]:
        """Events and their times (epoch ms). Raises UnreadableError."""
        yield from self._handed_out(self._placed_events())

    def events_by_time(self) -> Iterator[tuple[AnyEvent, int]]:
        """The same, sorted by their times; keeps them all in memory. Raises UnreadableError."""
        yield from self._handed_out(sorted(self._placed_events(), key=lambda placed: placed[1]))

    def set_aside(self, bad: BadEvent) -> None:
        """Reports the event returned last as bad."""
        name, number = self._place
        if bad.kind == TOO_OLD:
            self.too_old += 1
        else:
            self.bad_lines += 1
        self._on_bad(f"{name}:{number}: {bad}")

    def note(self, odd: BadEvent) -> None:
        """Tells what of the event handed out last was left out."""
        name, number = self._place
        self._on_bad(f"{name}:{number}: {odd}")

    def _handed_out(self, events: Iterable[PlacedEvent]) -> Iterator[tuple[AnyEvent, int]]:
        for event, at_ms, place in events:
            self._place = place
            yield event, at_ms

    def _placed_events(self) -> Iterator[PlacedEvent]:
        for name in self.files:
            shown = "stdin" if name == STDIN else name
            with _named_errors(shown), self._opened(name) as read:
                blank = True
                for number, line in enumerate(_lines(read), 1):
                    try:
                        event, at_ms = decode(line)
                    except KeptWithout as odd:
                        self._on_bad(f"{shown}:{number}: {odd}")
                        event, at_ms = odd.event, odd.at_ms
                    except Exception as error:
                        if not line.isspace():
                            if blank and _opens_array(line):
                                raise UnreadableError(f"{shown}:{number}: {ARRAY}") from None
                            blank = False
                            self._place = shown, number
                            self.set_aside(as_bad_event(error))
                        continue
                    blank = False
                    if number <= CHECKED or number % CHECKED == 0:
                        for unknown in self._fields.find(line):
                            self._on_bad(f"{shown}:{number}: {unknown}")
                    yield event, at_ms, (shown, number)

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        if name == STDIN:
            yield sys.stdin.buffer
            return
        with Path(name).open("rb", buffering=0) as raw:
            read = io.BufferedReader(_Counted(raw, self.on_read), CHUNK)
            yield io.BufferedReader(gzip.GzipFile(fileobj=read), CHUNK) if name.endswith(".gz") else read


def _lines(read: IO[bytes]) -> Iterable[bytes]:
    """The lines of a file in UTF-8, without its byte-order mark; a file in UTF-16 is told by its first bytes."""
    first = read.readline()
    for begins, encoding in _UTF_16.items():
        if first.startswith(begins):
            return _recoded(chain([first], iter(lambda: read.read(CHUNK), b"")), encoding)
    return chain([first.removeprefix(codecs.BOM_UTF8)], read) if first else ()


def _recoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Lines of another encoding as lines of UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n".encode() for line in lines)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest.encode()


def _opens_array(line: bytes) -> bool:
    return line.startswith(b"[") and line[1:].lstrip()[:1] in (b"", b"{")


class _Counted(io.RawIOBase):
    """A stream that reports how many bytes were read."""

    def __init__(self, raw: io.RawIOBase, on_read: Callable[[int], None]) -> None:
        self._raw = raw
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(buffer) or 0
        self._on_read(count)
        return count


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Turns errors while reading `name` into UnreadableError."""
    try:
        yield
    except UnicodeError:
        raise UnreadableError(f"{name}: not UTF-16 text, as its first bytes say") from None
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableError(f"{name}: {why}") from None
