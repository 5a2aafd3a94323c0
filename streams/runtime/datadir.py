"""DATADIR: orders, amounts and tracking numbers lie there, which are nobody else's to read."""

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""What a group and everybody else may do with a file."""


def make_private(folder: Path) -> str | None:
    """Makes `folder`, or closes one that is there, to all other users; so is every file this process makes from now on.

    Returns what to tell the operator where the folder belongs to another user and stays open. One that can't be made or
    changed is no matter here: the snapshots do without it, and say so.
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
