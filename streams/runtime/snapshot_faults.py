"""Whether DATADIR takes snapshots. It is only a cache: the worker goes on while the disk is full, read-only or gone."""

import logging
from pathlib import Path

from prometheus_client import Gauge

log = logging.getLogger(__name__)

FAILED = Gauge(
    "shipclock_snapshots_failed", "Local snapshots that the disk of DATADIR doesn't take; a restart takes longer"
)


class SnapshotFaults:
    """Keeps which snapshots fail. Logs once when the first one does, and once when none does any more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed: dict[Path, str] = {}

    @property
    def problem(self) -> str | None:
        """What is wrong, in words for readiness; None while all is well."""
        if not self._failed:
            return None
        return f"DATADIR takes no snapshots ({next(iter(self._failed.values()))}); alerting goes on without them"

    def failed(self, snapshot: Path, error: Exception) -> None:
        if not self._failed:
            log.warning(
                "DATADIR %s takes no snapshots: %s; alerting goes on without them, only a restart takes longer. "
                "It is tried again and again",
                self._folder,
                error,
            )
        self._failed[snapshot] = str(error)
        FAILED.set(len(self._failed))

    def works(self, snapshot: Path) -> None:
        """Notes that a snapshot can be written again."""
        if self._forget(snapshot):
            log.warning("DATADIR %s takes snapshots again", self._folder)

    def forget(self, snapshot: Path) -> None:
        """Forgets a snapshot whose partition another worker has now."""
        self._forget(snapshot)

    def _forget(self, snapshot: Path) -> bool:
        """Whether it was the last that failed."""
        was_failing = self._failed.pop(snapshot, None) is not None
        FAILED.set(len(self._failed))
        return was_failing and not self._failed
