"""Disks that take no more, without a mount and whoever runs the test: root isn't stopped by a folder's mode."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full(room: int = 16 * 1024) -> Iterator[None]:
    """No file of this process can be made longer than `room` bytes: every write past it fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def missing(folder: Path) -> Path:
    """A folder that can't be made, since what should hold it is a file."""
    (folder / "file").touch()
    return folder / "file" / "data"
