"""`python -m tests.bench.order_memory [FINISHED] [OPEN] [PART]`: what an order takes of memory, with all packs.

Bytes for each finished order that has left memory, with the worker's local copy on disk, for each such that was late
and had an alert, and for each that lived through the worker (these one in ten, and one in fifty of them late); for each
that is done and hasn't left memory yet, and for each open order; and for each shop. Each part is measured in a process
of its own.

Finished orders are restored from a changelog like the one that they leave (`tests.bench.made_changelog`): that takes
half a minute a million. Those that live come as they do in a shop: a day after the other, each shipped, scanned and
delivered.

"In use" is what the allocators have given out and not taken back (`tests.bench.heap`). "Resident" is the growth of the
process (RSS) after free memory has been handed back to the system. What an allocator can't hand back, since something
still lies beside it, is in the second figure alone: it depends on how many orders were in memory at the same time.
"""

import argparse
import asyncio
import gc
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
import orjson

from rules.calendar.instants import HOUR_MS
from rules.engine.engine import Engine
from rules.engine.restore import restore_alert, restore_order
from rules.messages import alerts
from rules.messages.alerts import Alert
from rules.messages.events import decode
from streams import pack_files
from streams.runtime.changelog import CLOCK_KEY, fact_records
from streams.runtime.local_copy import LocalCopy
from streams.runtime.orders_on_disk import OrdersOnDisk
from streams.runtime.snapshot_faults import SnapshotFaults
from tests.bench import shop_memory
from tests.bench.heap import bytes_in_use, return_free_memory
from tests.bench.made_changelog import records
from tests.bench.made_orders import COLLECTED, DELIVERED, PLACED, SHIPPED, Orders, finished_orders
from tests.bench.shop_memory import AT_MS, rss

SHOPS = 100
PER_DAY = 25_000
LATE = 50
SHOPS_MEASURED = 5_000
OPEN_EVERY_MS = HOUR_MS // 20
"""How often 5,000 open orders come: 100,000 an hour."""
FIRST = 100_000
"""Orders before the first measurement, which fill what doesn't grow with them."""
AT_ONCE = 5_000

LATE_STAGES = (
    (0, "order.placed", PLACED),
    (90 * HOUR_MS, "order.shipped", SHIPPED),
    (95 * HOUR_MS, "pickup.collected", COLLECTED),
    (120 * HOUR_MS, "tracking.updated", DELIVERED),
)


def event(kind: str, n: int, at_ms: int, **data: Any) -> bytes:
    event = {
        "id": str(UUID(int=n * 97 + len(kind) << 64)),
        "source": "erp/1",
        "type": kind,
        "time": at_ms,
        "platform": PLATFORMS[n % len(PLATFORMS)],
        "shop": f"shop-{n % SHOPS}",
        "order": f"26A{n:011}",
    }
    return msgspec.json.encode(event | {"data": data})  # orjson keeps 4 KB for each


PLATFORMS = ("joom", "shopee", "ozon", "tiktok")


def life(n: int, at_ms: int) -> Iterator[bytes]:
    number, shipped_ms = f"TN{n:010}", at_ms + (90 if n % LATE == 0 else 8) * HOUR_MS
    yield event("order.placed", n, at_ms, amount="12.50", currency="USD", items=[{"sku": f"A{n % 50}", "qty": 1}])
    yield event("order.shipped", n, shipped_ms, tracking_no=number, carrier="jnt")
    yield event("pickup.collected", n, shipped_ms + 5 * HOUR_MS, tracking_no=number)
    yield event("tracking.updated", n, shipped_ms + 30 * HOUR_MS, tracking_no=number, status="in_transit")
    yield event("tracking.updated", n, shipped_ms + 80 * HOUR_MS, tracking_no=number, status="delivered")


class Measured:
    """An engine with its local copy, as in a worker."""

    def __init__(self, copy: LocalCopy) -> None:
        self.engine = Engine(pack_files.load([]), stepping=False, emit=lambda shop, alert: None)
        self.engine.ledger.store = OrdersOnDisk(copy)
        self._copy, self._offset, self._ahead = copy, 0, dict[int, list[bytes]]()

    def cycle(self, events: list[bytes], at_ms: int) -> None:
        for raw in events:
            self.engine.apply(*decode(raw))
        self.engine.advance(at_ms)
        self._note(fact_records(self.engine.drain()))
        self.engine.evict()
        self.engine.encode_quiet()

    def _note(self, facts: Sequence[tuple[bytes, bytes | None]]) -> None:
        self._offset += len(facts)
        self._copy.note_all(facts, self._offset)

    def finished(self, first: int, number: int) -> None:
        """So many orders more, as they come back after a restart."""
        self._restore(finished_orders(number, first), [])

    def late(self, first: int, number: int) -> None:
        """The same of such that were late."""
        lot = replace(finished_orders(number, first), stages=LATE_STAGES)
        self._restore(lot, alerts_of(lot))

    def _restore(self, lot: Orders, of_first: list[bytes]) -> None:
        """Restores the orders of a lot, with alerts like those of its first order, and has them leave memory."""
        engine, facts = self.engine, ((key, value) for _, key, value in records(lot) if key != CLOCK_KEY)
        engine.clock_ms = max(engine.clock_ms, lot.end_ms)
        while some := list(islice(facts, AT_ONCE)):
            self._note(some)
            for key, value in some:
                platform, shop, order = orjson.loads(key)
                restore_order(engine, platform, shop, order, value)
                for alert in of_first:
                    restore_alert(engine, alerts.decode(renamed(alert, shop, order)))
            engine.settle()
            engine.drain()
            engine.evict()
            engine.encode_quiet()

    def lived(self, first: int, number: int) -> None:
        """So many orders more, hour by hour, each event at its own time; then until all have left memory."""
        per_hour = PER_DAY // 24
        hour = first // per_hour
        for n in range(first, first + number):
            for raw in life(n, AT_MS + n // per_hour * HOUR_MS):
                self._ahead.setdefault((orjson.loads(raw)["time"] - AT_MS) // HOUR_MS, []).append(raw)
            if (n + 1) % per_hour == 0:
                self.cycle(self._ahead.pop(hour, []), AT_MS + hour * HOUR_MS)
                hour += 1
        for later in range(hour, hour + 15 * 24):
            self.cycle(self._ahead.pop(later, []), AT_MS + later * HOUR_MS)

    def done(self, first: int, number: int) -> None:
        """So many that are done, and of which something was heard in the last three days."""
        for n in range(first, first + number, 5_000):
            lives = [raw for each in range(n, min(n + 5_000, first + number)) for raw in life(each, AT_MS)]
            self.cycle(lives, AT_MS + 150 * HOUR_MS)

    def open(self, first: int, number: int) -> None:
        for n in range(first, first + number, 5_000):
            at_ms = AT_MS + (n - first) // 5_000 * OPEN_EVERY_MS
            self.cycle([next(life(each, at_ms)) for each in range(n, min(n + 5_000, first + number))], at_ms)
        self.cycle([], at_ms + 2 * HOUR_MS)  # nothing more is heard of them for now


def alerts_of(lot: Orders) -> list[bytes]:
    """What is last written of the alerts of a lot's first order."""
    emitted: dict[str, Alert] = {}
    engine = Engine(pack_files.load([]), stepping=True, emit=lambda _, each: emitted.__setitem__(each.data.alert, each))
    for _, _, _, event in replace(lot, count=1).made():
        engine.apply(*decode(event))
    engine.advance(lot.end_ms)
    return [alerts.encode(each) for each in emitted.values() if isinstance(each.order, str)]


def renamed(alert: bytes, shop: str, order: str) -> bytes:
    """The same alert of another order."""
    known = alerts.decode(alert)
    for was, now in ((known.shop, shop), (str(known.order), order)):
        alert = re.sub(rf'(?<=[/:"]){was}(?=[:"])'.encode(), now.encode(), alert)
    return alert


async def measure(part: str, number: int) -> None:
    with TemporaryDirectory() as folder:
        copy = LocalCopy(Path(folder) / "facts-0", SnapshotFaults(Path(folder)))
        await copy.open()
        measured = Measured(copy)
        do = getattr(measured, part)
        do(0, FIRST)
        held, before = sum(len(shop.orders) for shop in measured.engine.shops.values()), bytes_taken(copy)
        do(FIRST + 15 * PER_DAY, number)
        more = sum(len(shop.orders) for shop in measured.engine.shops.values()) - held
        taken = [round((after - first) / number, 1) for after, first in zip(bytes_taken(copy), before, strict=True)]
        print(*taken, more, len(measured.engine.ledger))


def bytes_taken(copy: LocalCopy) -> tuple[int, int]:
    """Bytes in use, and resident bytes, without those that RocksDB gathers before it writes them: at most 4 MB, full
    or not."""
    snapshot = copy._snapshot
    assert snapshot is not None
    snapshot.write()
    snapshot._db.flush()
    gc.collect()
    return_free_memory()
    return bytes_in_use(), rss()


def main(finished: int = 300_000, opened: int = 100_000, part: str | None = None) -> None:
    if part:
        asyncio.run(measure(part, finished))
        return
    parts = (
        ("finished", finished),
        ("late", finished // 10),
        ("lived", finished // 10),
        ("done", opened),
        ("open", opened),
    )
    for name, number in parts:
        run = [sys.executable, "-m", "tests.bench.order_memory", str(number), "0", name]
        in_use, resident, in_memory, left = subprocess.check_output(run, text=True).split()
        print(f"python {' '.join(run[1:])}\n  {number:,} {name} orders, bytes each: ", end="")
        print(f"{in_use} in use, {resident} resident; ", end="")
        print(f"{int(in_memory):,} of them in memory, {int(left):,} in all have left it", flush=True)
    print(f"python -m tests.bench.shop_memory {SHOPS_MEASURED}\n  ", end="", flush=True)
    shop_memory.main(SHOPS_MEASURED)


def parser() -> argparse.ArgumentParser:
    described = {"description": __doc__, "formatter_class": argparse.RawDescriptionHelpFormatter}
    made = argparse.ArgumentParser(prog="python -m tests.bench.order_memory", **described)
    made.add_argument("finished", nargs="?", type=int, default=300_000, help="finished orders (%(default)s)")
    made.add_argument("opened", nargs="?", type=int, default=100_000, help="open orders (%(default)s)")
    made.add_argument(
        "part",
        nargs="?",
        choices=("finished", "late", "lived", "done", "open"),
        help="one kind alone, FINISHED of them, as four figures: bytes in use of each, resident bytes of each, how "
        "many are in memory, how many have left it",
    )
    return made


if __name__ == "__main__":
    main(**vars(parser().parse_args()))
