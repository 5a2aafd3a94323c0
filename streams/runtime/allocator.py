"""Freed memory goes back to the system.

Buffers of Kafka's and RocksDB's lie between orders and alerts that stay. Once freed they leave gaps, which glibc keeps.
Where the C library isn't glibc, nothing is done.
"""

import ctypes
from typing import Final

ARENAS: Final = 2
"""Heaps of all threads. Each keeps free memory of its own, and a thread that finds all others in use makes one more."""

_ARENA_MAX: Final = -8

_libc: Final = ctypes.CDLL(None)


def tame() -> None:
    """To be called once, at the start."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_ARENA_MAX, ARENAS)


def trim() -> None:
    """Gives back what is free, in gaps too: some 20 ms for 60 MB."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
