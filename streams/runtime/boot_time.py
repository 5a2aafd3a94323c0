"""When this machine was booted, kept in DATADIR. A worker that starts again on the same boot uses it to find out
whether the machine's clock has jumped meanwhile."""

from contextlib import suppress
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootTime(msgspec.Struct):
    """`booted_ms` is when the machine was booted (epoch ms), by the clock that deadlines went by. `boot` identifies the
    boot."""

    boot: str
    booted_ms: int


def read(file: Path) -> int | None:
    """What was kept on this boot; None if nothing was."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=BootTime)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return kept.booted_ms if kept.boot and kept.boot == _boot() else None


def write(file: Path, booted_ms: int) -> None:
    """Keeps it; does nothing if the disk doesn't take it."""
    new = file.with_suffix(".new")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(BootTime(_boot(), booted_ms)))
        new.replace(file)


def _boot() -> str:
    """An id of this boot; empty if the machine has none (it isn't Linux), and then nothing is checked at a start."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""
