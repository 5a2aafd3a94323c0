"""`python -m tests.bench.olist [ORDERS.csv ITEMS.csv]`: a history on its way through `import olist` and a worker.

Of the public Olist files, or of made ones in their form (as many orders as README's figures are of). What the worker
says of orders in the end must be what `replay` says of the same events.
"""

import argparse
import asyncio
import os
import random
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from rules.calendar.instants import rfc3339
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.events import decode
from streams import pack_files
from tests.bench.figure import Figure
from tests.bench.hub import Hub
from tests.bench.parts import measure_alone, step
from tests.importing.support import ITEMS_HEADER, ORDERS_HEADER
from tests.runtime.workers import SHIPCLOCK
from tests.support.kafka import Kafka, read_topic

PACK = Path("deploy/examples/olist.yaml")
ORDER_RULE = "olist.late_handover"
ORDERS = 8_135
END_MS = 1_546_300_800_000
"""2019-01-01: all of the public files is over."""

COMMAND = "python -m tests.bench.olist"


@dataclass(frozen=True)
class Files:
    """The public files' names are `olist_orders_dataset.csv` and `olist_order_items_dataset.csv`."""

    orders: Path
    items: Path


def made(folder: Path, count: int = ORDERS) -> Files:
    """Files in the public ones' form: a year and a half, 600 sellers, one order in twenty late or never handed over."""
    chance, orders, items = random.Random(1), [ORDERS_HEADER], [ITEMS_HEADER]
    begin = datetime(2017, 1, 1)
    for n in range(count):
        placed = begin + timedelta(minutes=chance.randrange(18 * 30 * 24 * 60))
        limit = placed + timedelta(days=6)
        handed = placed + timedelta(hours=chance.expovariate(1 / 48)) if chance.random() > 0.02 else None
        delivered = handed + timedelta(days=chance.uniform(2, 15)) if handed and chance.random() > 0.03 else None
        status = "delivered" if delivered else "shipped" if handed else chance.choice(["canceled", "processing"])
        times = [_written(at) for at in (placed, placed + timedelta(hours=1), handed, delivered)]
        orders.append(f"{n:032x},c{n},{status},{','.join(times)},")
        for item in range(1, chance.choice([2, 2, 2, 3])):
            seller = chance.randrange(600)
            items.append(f"{n:032x},{item},p{item},seller-{seller},{_written(limit)},58.90,13.29")
    files = Files(folder / "orders.csv", folder / "items.csv")
    files.orders.write_text("\n".join(orders) + "\n")
    files.items.write_text("\n".join(items) + "\n")
    return files


def _written(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(" ", "seconds")


async def figures(kafka: Kafka, runs: Path, core: int, files: Files | None = None) -> list[Figure]:
    with TemporaryDirectory() as folder:
        return await _figures(kafka, runs, core, files or made(Path(folder)), of_public=files is not None)


async def _figures(kafka: Kafka, runs: Path, core: int, files: Files, *, of_public: bool) -> list[Figure]:
    command = f"{COMMAND} ORDERS.csv ITEMS.csv" if of_public else COMMAND
    of = "the Olist files" if of_public else "made files in Olist's form"
    step("what replay says")
    events = await _import(files)
    expected = _replayed(events)
    async with Hub(kafka, runs, core) as hub:
        step("importing to Kafka")
        began_s = time.monotonic()
        to = ["--to-kafka", f"kafka://{hub.run.bootstrap}", "--topic-prefix", hub.run.prefix, "--tick", rfc3339(END_MS)]
        await _import(files, *to)
        import_s = time.monotonic() - began_s
        step("through the worker")
        began_s = time.monotonic()
        async with hub.worker(SHIPCLOCK_PACKS=str(PACK)) as worker:
            await worker.settle()
            worker_s = time.monotonic() - began_s
        records = await read_topic(hub.run.bootstrap, f"{hub.run.prefix}alerts")
    said = _stand(orjson.loads(record.value)["data"] for record in records if record.value is not None)
    if said != expected:
        different = [alert for alert in said.keys() | expected.keys() if said.get(alert) != expected.get(alert)]
        raise ValueError(f"{len(different)} alerts aren't what replay says, such as {sorted(different)[0]}")
    return [
        Figure(f"{of}, events", len(events), "", command),
        Figure(f"{of}, import to Kafka, start included", import_s, "s", command),
        Figure(f"{of}, through a worker until it is idle, start included", worker_s, "s", command),
        Figure(f"{of}, alert records", len(records), "", command),
        Figure(f"{of}, alerts of orders, each as replay has it", len(said), "", command),
    ]


async def _import(files: Files, *options: str) -> list[bytes]:
    """The events, unless they go to Kafka."""
    command = [str(SHIPCLOCK), "import", "olist", str(files.orders), str(files.items), *options]
    environment = os.environ | {"SHIPCLOCK_PACKS": str(PACK)}
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, timeout=300)
    done.check_returncode()
    return done.stdout.splitlines()


def _replayed(events: list[bytes]) -> dict[str, Any]:
    engine = Engine(pack_files.load([str(PACK)]), stepping=True)
    alerts = replay(engine, [decode(event) for event in events], END_MS)
    return _stand({name: getattr(alert.data, name) for name in ("rule", "alert", *STANDS)} for alert in alerts)


STANDS = ("state", "stage", "revision")


def _stand(alerts: Iterable[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Where each alert of an order ends. (A shop's share is another where events of its orders come in another order:
    each topic is read by itself.)"""
    found: dict[str, tuple[Any, ...]] = {}
    for alert in alerts:
        if alert["rule"] == ORDER_RULE:
            found[alert["alert"]] = tuple(alert[name] for name in STANDS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.olist", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", help="ORDERS.csv ITEMS.csv, the public files")
    given = parser.parse_args().files
    if len(given) not in (0, 2):
        parser.error("both files, or none")
    files = Files(*given) if given else None
    measure_alone(lambda kafka, core, _: figures(kafka, Path(".bench/runs"), core, files))


if __name__ == "__main__":
    main()
