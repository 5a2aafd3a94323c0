"""DATADIR holds orders, amounts and tracking numbers, so no other user may read it."""

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Permissions of the group and of all others."""


def make_private(folder: Path) -> str | None:
    """Makes `folder` readable by this user only, creating it if needed; likewise every file this process makes from now
    on.

    Returns a warning if the folder can't be made, or belongs to another user and stays open, else None. Neither is an
    error: the worker does without snapshots, and they log that, too.
    """
    os.umask(OTHERS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        return f"SHIPCLOCK_DATADIR={folder} can't be used: {error.strerror}; the worker does without snapshots"
    if mode & OTHERS:
        try:
            folder.chmod(mode & ~OTHERS)
        except PermissionError:
            shown = f"SHIPCLOCK_DATADIR={folder} (mode {mode:o})"
            return f"{shown} is open to others and belongs to another user; name a folder inside it"
        except OSError:  # a read-only disk
            return None
    return None
