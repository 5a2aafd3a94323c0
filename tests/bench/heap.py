"""What a process has in use of the memory that its allocators took from the system."""

import ctypes
import os
import re
import sys
from tempfile import TemporaryFile
from typing import Final


class _Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of glibc (2.33 or newer)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "_")
    ]


_libc: Final = ctypes.CDLL(None)
_libc.mallinfo2.restype = _Mallinfo


def bytes_in_use() -> int:
    """Bytes given out and not taken back: of Python's allocator for small objects, and of malloc, which has the large
    ones and those of RocksDB. What malloc has given Python's allocator for its own arenas isn't in it: those are
    mapped."""
    malloc = _libc.mallinfo2()
    return _small_objects() + int(malloc.uordblks) + int(malloc.hblkhd)


def return_free_memory() -> None:
    """Has malloc hand back to the system what it can."""
    _libc.malloc_trim(0)


def _small_objects() -> int:
    # CPython tells it in no other way than as text on the standard error output.
    with TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        file.seek(0)
        found = re.search(rb"# bytes in allocated blocks\s*=\s*([\d,]+)", file.read())
    assert found is not None
    return int(found[1].replace(b",", b""))
