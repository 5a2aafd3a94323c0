"""DATADIR holds orders, amounts and tracking numbers, so no other user may read it."""

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Permissions of the group and of all others."""


def make_private(folder: Path) -> str | None:
    """Makes `folder` readable by this user only, creating it if needed; likewise every file this process makes from now
    on.

    Returns a warning if the folder belongs to another user and stays open, else None. A folder that can't be made or
    changed is no error: snapshots do without it and log that.
    """
    os.umask(OTHERS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError:
        return None
    if mode & OTHERS:
        try:
            folder.chmod(mode & ~OTHERS)
        except PermissionError:
            shown = f"SHIPCLOCK_DATADIR={folder} (mode {mode:o})"
            return f"{shown} is open to others and belongs to another user; name a folder inside it"
        except OSError:  # a read-only disk
            return None
    return None
