"""The systems under test: how each is started, and how its alerts are read."""

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streams.pack_files import built_in
from tests.bench import outcome

PACK = Path(__file__).with_name("job.yaml")


@dataclass(frozen=True)
class Run:
    """One run of a system: where its topics are, under which consumer group, and a folder of its own."""

    bootstrap: str
    prefix: str
    group: str
    folder: Path


@dataclass(frozen=True)
class System:
    """``reads_alerts`` is None for the limit, which sends none and is checked by its count. ``own_topics``: those it
    writes to itself, which must be there before it starts."""

    name: str
    command: Callable[[Run], list[str]]
    environment: Callable[[Run], dict[str, str]]
    reads_alerts: outcome.Reading | None
    own_topics: tuple[str, ...] = ()


def _limit_command(run: Run) -> list[str]:
    return [sys.executable, "-m", "tests.bench.limit", run.bootstrap, run.prefix, run.group]


def _faust_environment(run: Run) -> dict[str, str]:
    return {
        "BENCH_BROKER": f"kafka://{run.bootstrap}",
        "BENCH_APP_ID": run.group,
        "BENCH_PREFIX": run.prefix,
        "BENCH_DATADIR": str(run.folder),
    }


def _with_all_packs(run: Run) -> dict[str, str]:
    return _shipclock_environment(run) | {"SHIPCLOCK_PACKS": ",".join([str(PACK), *built_in()])}


def _shipclock_environment(run: Run) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return {
        "SHIPCLOCK_BROKER": f"kafka://{run.bootstrap}",
        "SHIPCLOCK_APP_ID": run.group,
        "SHIPCLOCK_TOPIC_PREFIX": run.prefix,
        "SHIPCLOCK_PACKS": str(PACK),
        "SHIPCLOCK_CLOCK": "event",
        "SHIPCLOCK_DATADIR": str(run.folder),
        "SHIPCLOCK_PARTITIONS": "4",
        "SHIPCLOCK_WEB_PORT": str(port),
        "SHIPCLOCK_LOG_LEVEL": "info",
    }


LIMIT = System("limit", _limit_command, lambda _: {}, None)
FAUST_STOCK = System(
    "faust_stock",
    lambda _: [sys.executable, "-m", "tests.bench.faust_stock", "worker", "--loglevel=info"],
    _faust_environment,
    outcome.of_faust_stock,
    own_topics=("due",),  # Faust makes it, but passes over it where the broker doesn't know it yet
)
SHIPCLOCK = System(
    "shipclock",
    lambda _: [str(Path(sys.executable).with_name("shipclock")), "worker"],
    _shipclock_environment,
    outcome.of_shipclock,
)
SHIPCLOCK_ALL = System("shipclock_all", SHIPCLOCK.command, _with_all_packs, outcome.of_shipclock)
SYSTEMS = {system.name: system for system in (LIMIT, FAUST_STOCK, SHIPCLOCK, SHIPCLOCK_ALL)}
