"""A seeded workload of shops, orders and their events, kept as one JSONL file in the order things happened.

The file serves Kafka (``load.py``) and ``shipclock replay`` alike; the closing ``clock.tick`` is not in it.
"""

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds
START = datetime(2026, 1, 1, tzinfo=UTC)
PLATFORMS = ("shopee", "lazada", "joom", "tiktok", "aliexpress", "ozon")
CARRIERS = ("jnt", "ninjavan", "kerry")
SCANS = ("in_transit", "out_for_delivery", "delivered")

CANCELLED, NEVER_SHIPPED = 0.04, 0.003  # shares of all orders
CANCELLED_BY = ("buyer", "buyer", "seller", "system")
COLLECTED_LATE, NEVER_COLLECTED = 0.04, 0.02  # shares of the shipped ones
LOST = 0.01  # share of the collected ones whose last scan never comes
# Hours from placed to shipped are lognormal; the median is the shop's own. The spread is chosen so that the
# promptest shop is hardly ever past 48 h and the slowest with one order in fifteen.
MEDIAN_HOURS, SPREAD = (8.0, 21.0), 0.55


@dataclass(frozen=True)
class Workload:
    """What a workload is made from: the same values give the same events, byte for byte."""

    orders: int
    shops: int
    days: int = 45
    seed: int = 1

    def file(self, folder: Path) -> Path:
        """The events as JSONL in ``folder``: made on first use, and again when this code has changed."""
        code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
        name = f"workload-o{self.orders}-s{self.shops}-d{self.days}-seed{self.seed}"
        file = folder / f"{name}-{code}.jsonl"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            for outdated in folder.glob(f"{name}-*"):
                outdated.unlink()
            unfinished = file.with_suffix(".part")
            with unfinished.open("wb") as out:
                out.writelines(orjson.dumps(event) + b"\n" for event in self.events())
            unfinished.rename(file)
        return file

    def events(self) -> Iterator[dict[str, Any]]:
        """Every event, earliest first."""
        happenings = _Happenings(random.Random(self.seed), self)
        for number, (at, kind, shop, order, data) in enumerate(happenings.in_order()):
            yield {
                "specversion": "1.0",
                "id": f"e-{number}",
                "source": "bench",
                "type": kind,
                "time": rfc3339(at),
                "platform": shop.platform,
                "shop": shop.name,
                "order": f"o{order}",
                "data": data,
            }


def rfc3339(at: int) -> str:
    """Milliseconds since the workload's start as ``2026-01-01T00:00:00.000Z``."""
    return (START + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(time: str) -> int:
    """The other way round."""
    return (datetime.fromisoformat(time) - START) // timedelta(milliseconds=1)


@dataclass(frozen=True)
class _Shop:
    platform: str
    name: str
    median_hours: float


_Happening = tuple[int, str, _Shop, int, dict[str, Any]]


@dataclass
class _Happenings:
    chance: random.Random
    workload: Workload
    found: list[_Happening] = field(default_factory=list)

    def in_order(self) -> list[_Happening]:
        chance, workload = self.chance, self.workload
        shops = [
            _Shop(chance.choice(PLATFORMS), f"s{number}", chance.uniform(*MEDIAN_HOURS))
            for number in range(workload.shops)
        ]
        # Some shops are big and some tiny, as on a marketplace.
        sizes = [chance.lognormvariate(0, 1) for _ in shops]
        owners = chance.choices(shops, sizes, k=workload.orders - len(shops))
        for order, shop in enumerate(owners):
            self._live(shop, order, chance.randrange(workload.days * DAY))
        self.found.sort(key=lambda timed: (timed[0], timed[3]))
        # Each shop's last order is placed after everything else and never shipped: the last alerts of every
        # partition then wait for its closing tick, so they can't be out before all of its records were read.
        end = self.found[-1][0]
        for number, shop in enumerate(shops):
            self._add(end + MINUTE + number, "order.placed", shop, len(owners) + number, self._placed())
        return self.found

    def _live(self, shop: _Shop, order: int, placed: int) -> None:
        """One order's life."""
        chance = self.chance
        self._add(placed, "order.placed", shop, order, self._placed())
        fate = chance.random()
        if fate < CANCELLED:
            cancelled = placed + int(min(chance.expovariate(1 / 20), 96) * HOUR) + MINUTE
            self._add(cancelled, "order.cancelled", shop, order, {"by": chance.choice(CANCELLED_BY)})
        elif fate > CANCELLED + NEVER_SHIPPED:
            hours = chance.lognormvariate(math.log(shop.median_hours), SPREAD)
            self._ship(shop, order, placed + int(hours * HOUR) + MINUTE)

    def _ship(self, shop: _Shop, order: int, shipped: int) -> None:
        chance = self.chance
        parcel = {"carrier": chance.choice(CARRIERS), "tracking_no": f"T{order}"}
        self._add(shipped, "order.shipped", shop, order, parcel)
        fate = chance.random()
        if fate < NEVER_COLLECTED:
            self._add(shipped + HOUR, "tracking.updated", shop, order, {"status": "info_received"})
            return
        late = fate < NEVER_COLLECTED + COLLECTED_LATE
        hours = chance.uniform(24.5, 72) if late else chance.uniform(0.5, 23.5)
        at = shipped + int(hours * HOUR)
        self._add(at, "pickup.collected", shop, order, parcel)
        scans = SCANS[-chance.randint(1, len(SCANS)) :]  # carriers differ in how much they tell
        for status in scans if chance.random() >= LOST else scans[:-1]:
            at += int(chance.uniform(2, 48) * HOUR)
            self._add(at, "tracking.updated", shop, order, {"status": status})

    def _placed(self) -> dict[str, Any]:
        chance = self.chance
        item = {"sku": f"A{chance.randrange(500)}", "qty": chance.randint(1, 3)}
        return {"amount": f"{chance.uniform(2, 80):.2f}", "currency": "SGD", "items": [item]}

    def _add(self, at: int, kind: str, shop: _Shop, order: int, data: dict[str, Any]) -> None:
        self.found.append((at, kind, shop, order, data))
