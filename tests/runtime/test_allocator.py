"""What the worker's process keeps of memory that was freed."""

import subprocess
import sys

import pytest

from streams.runtime.allocator import ARENAS

FREED = """
import sys
from pathlib import Path
from streams.runtime import allocator

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096

bytearray(16_000_000)  # once freed, glibc takes no smaller block from the system by itself
before, buffers, stays = resident(), [], []
for _ in range(200):
    buffers.append(bytearray(200_000))
    stays.append(bytearray(1_000))
buffers.clear()
if sys.argv[1:]:
    allocator.trim()
print(resident() - before)
"""

THREADS = """
import ctypes, sys, threading
from pathlib import Path
from tempfile import TemporaryDirectory
from streams.runtime import allocator
if sys.argv[1:]:
    allocator.tame()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
all_hold_memory = threading.Barrier(8)

def hold():
    held = bytearray(10_000)
    all_hold_memory.wait()

threads = [threading.Thread(target=hold) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
with TemporaryDirectory() as folder:
    file = Path(folder) / "heaps"
    out = ctypes.c_void_p(libc.fopen(bytes(file), b"w"))
    libc.malloc_info(0, out)
    libc.fclose(out)
    print(file.read_text().count("<heap nr="))
"""

MB = 1_000_000


def printed(program: str, *arguments: str) -> int:
    """What a process of its own prints: how it allocates can't be undone."""
    return int(subprocess.check_output([sys.executable, "-c", program, *arguments]))


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is tamed")
def test_what_is_free_between_what_stays_goes_back_to_the_system() -> None:
    assert printed(FREED) > 30 * MB
    assert printed(FREED, "trimmed") < 5 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is tamed")
def test_threads_share_heaps() -> None:
    assert printed(THREADS) > ARENAS
    assert printed(THREADS, "tamed") <= ARENAS
