"""When this machine was booted, kept in DATADIR: a worker that starts again on the same boot knows by it whether the
machine's clock has jumped meanwhile."""

from contextlib import suppress
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootTime(msgspec.Struct):
    """`booted_ms` as the clock that deadlines went by had it (epoch ms); `boot` is another after each boot."""

    boot: str
    booted_ms: int


def read(file: Path) -> int | None:
    """None where nothing is known, or of another boot."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=BootTime)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return kept.booted_ms if kept.boot and kept.boot == _boot() else None


def write(file: Path, booted_ms: int) -> None:
    """Does without where the disk doesn't take it."""
    new = file.with_suffix(".new")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(BootTime(_boot(), booted_ms)))
        new.replace(file)


def _boot() -> str:
    """Empty on a machine that doesn't say (it isn't Linux): then a start is not checked."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""
