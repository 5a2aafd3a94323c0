"""The demo's feed: a dozen shops on five platforms, seeded and endless, with troubles worth watching.

Days count from the feed's start. What happens, by `Shop.story`:

- stock-out (joom/s17): its bestseller runs out at the start of day 2. The orders that need it, 60 % of all,
  stop shipping; the shop cancels each 80–110 h after it was placed, reason stock.
- silent carrier (joom/hongkong-gadgets and shopee/lion-city-home use it): from day 3 nothing of
  `SILENT_CARRIER` is scanned any more. Parcels are clicked shipped but never collected, and those on their
  way go silent.
- drift (joom/slow-river): the share of orders that never ship grows by 3 percentage points a day, up to 20 %.
  Those past 72 h are more than 5 % of all orders from about day 7 on. The platform cancels each after 10
  days, reason late_ship.
- late evenings (douyin/night-market): sells in the evening and clicks "shipped" in the evening two days on,
  47–50 h after the order, around Douyin's 48 h.
- fake (douyin/fast-labels): clicks "shipped" within hours, and four of ten parcels are never scanned.
- two parcels (douyin/s204): one order in six has two lines that go out in a parcel each, a few hours apart. Every
  tenth of the second parcels is clicked shipped and never collected.
- parts (ozon/s5): of one order in eight only some of the pieces go out at first. The others follow two to five days
  later, or, of every fifth of these orders, not at all.
- taken back (aliexpress/shenzhen-parts): one order in twelve is cancelled by its buyer within hours and reopened
  within a day. A third of those is forgotten, and never shipped.
- model (joom/steady-hands): ships within a day, is scanned within half a day, is never in trouble.
- ordinary (all others): two orders in a hundred ship late or are cancelled, as anywhere.

Together they place about 2 100 orders a day, more in the evening than at night, each shop by its own local
time. About 1 % of messages come twice, and about 4 % come late, by a minute to three hours, so that a
pickup may come before its order. Everything else comes within seconds.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from rules.calendar.instants import DAY_MS, HOUR_MS, rfc3339

Event = dict[str, Any]

STOCK_OUT_DAY = 2
SILENCE_DAY = 3
SILENT_CARRIER = "swift-post"
BESTSELLER = "s17-lamp"

_MINUTE_MS = 60_000
_REPEATED = 0.01
_DELAYED = 0.04

# Orders in each local hour, as a share of the hourly mean.
_ALL_DAY = (
    *(0.5, 0.3, 0.2, 0.15, 0.15, 0.2),
    *(0.4, 0.6, 0.8, 1.0, 1.2, 1.3),
    *(1.3, 1.2, 1.1, 1.1, 1.2, 1.3),
    *(1.5, 1.8, 2.0, 2.0, 1.6, 1.1),
)
_EVENINGS = (*(0.0,) * 19, 3.0, 6.0, 7.0, 6.0, 2.0)


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop of the demo; `story` is one of those in the module's docstring."""

    platform: str
    shop: str
    story: str
    orders_per_day: int
    site: str
    utc_offset_h: int
    currency: str
    carriers: tuple[str, ...]
    order_prefix: str
    mean_price: float

    @property
    def key(self) -> str:
        return f"{self.platform}/{self.shop}"


SHOPS = (
    Shop("joom", "s17", "stock-out", 180, "DE", 1, "USD", ("yanwen", "4px"), "7301", 14),
    Shop("joom", "hongkong-gadgets", "silent carrier", 210, "FR", 1, "USD", (SILENT_CARRIER,), "7302", 22),
    Shop("joom", "slow-river", "drift", 230, "PL", 1, "USD", ("yanwen", "4px"), "7303", 9),
    Shop("joom", "steady-hands", "model", 250, "DE", 1, "USD", ("4px",), "7304", 17),
    Shop("douyin", "night-market", "late evenings", 160, "CN", 8, "CNY", ("yto", "zto"), "6920", 59),
    Shop("douyin", "fast-labels", "fake", 170, "CN", 8, "CNY", ("yto", "sto"), "6921", 39),
    Shop("douyin", "s204", "two parcels", 260, "CN", 8, "CNY", ("zto", "sf"), "6922", 129),
    Shop(
        "shopee",
        "lion-city-home",
        "silent carrier",
        120,
        "SG",
        8,
        "SGD",
        (SILENT_CARRIER, "ninja"),
        "2611",
        25,
    ),
    Shop("shopee", "s88", "ordinary", 90, "TW", 8, "TWD", ("711", "hct"), "2612", 420),
    Shop("ozon", "uralsk-tools", "ordinary", 160, "RU", 3, "RUB", ("ozon-rocket",), "0418", 2300),
    Shop("ozon", "s5", "parts", 110, "RU", 3, "RUB", ("ozon-rocket", "cdek"), "0419", 900),
    Shop("aliexpress", "shenzhen-parts", "taken back", 190, "ES", 1, "USD", ("cainiao",), "8190", 12),
)

# How many digits the platform's order ids have.
_ID_DIGITS = {"joom": 17, "douyin": 19, "shopee": 14, "ozon": 15, "aliexpress": 16}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of an order, in hours after it was placed; None is never. `sku` overrides what it is for.

    `parts`: it has this many lines, or pieces of one line (`pieces`), of which the first parcel holds one and a second
    one, shipped at `rest_h`, the rest.
    """

    ship_h: float | None = None
    cancel_h: float | None = None
    cancelled_by: str = "seller"
    cancel_reason: str = "other"
    scanned: bool = True
    sku: str | None = None
    parts: int = 1
    pieces: bool = False
    rest_h: float | None = None
    rest_scanned: bool = True
    reopened_h: float | None = None


def events(seed: int, start_ms: int) -> Iterator[tuple[int, Event]]:
    """Yield (arrival, event) for ever, in order of arrival (epoch ms); `time` is when it happened.

    The same seed and start give the same events.
    """
    feeds = [_ShopFeed(shop, seed, start_ms) for shop in SHOPS]
    post = Random(f"{seed}/post")
    # (arrival, sequence number, event); the number keeps the order among equals, and from comparing dicts.
    waiting: list[tuple[int, int, Event]] = []
    count = 0
    hour_ms = start_ms
    while True:
        # No event comes before its order was placed, so once an hour's orders are made, all that comes within
        # the hour is known.
        for feed in feeds:
            for at_ms, event in feed.hour(hour_ms):
                for arrival_ms in _arrivals(at_ms, post):
                    heapq.heappush(waiting, (arrival_ms, count, event))
                    count += 1
        hour_ms += HOUR_MS
        while waiting and waiting[0][0] < hour_ms:
            arrival_ms, _, event = heapq.heappop(waiting)
            yield arrival_ms, event


def _arrivals(at_ms: int, post: Random) -> list[int]:
    """When a message arrives: mostly once and within seconds."""
    delayed = post.random() < _DELAYED
    first_ms = at_ms + (post.randrange(_MINUTE_MS, 3 * HOUR_MS) if delayed else post.randrange(200, 5000))
    if post.random() < _REPEATED:
        return [first_ms, first_ms + post.randrange(1000, 2 * HOUR_MS)]
    return [first_ms]


class _ShopFeed:
    """One shop's orders, hour by hour, each with all that will ever happen to it."""

    def __init__(self, shop: Shop, seed: int, start_ms: int) -> None:
        self._shop = shop
        self._start_ms = start_ms
        # A shop draws from its own random numbers, so a change to one story leaves the others as they were.
        self._random = Random(f"{seed}/{shop.key}")
        self._plan = _PLANS[shop.story]
        self._rhythm = _EVENINGS if shop.story == "late evenings" else _ALL_DAY
        self._digits = _ID_DIGITS[shop.platform] - len(shop.order_prefix)
        self._last_number = self._random.randrange(10 ** (self._digits - 1), 5 * 10 ** (self._digits - 1))

    def hour(self, hour_ms: int) -> Iterator[tuple[int, Event]]:
        """(time, event) of what concerns the shop and of all orders placed in the hour."""
        if hour_ms == self._start_ms:
            profile = {"site": self._shop.site, "currency": self._shop.currency}
            yield hour_ms, self._event(hour_ms, "shop.profile", "profile", profile)
        if self._shop.story == "stock-out" and (hour_ms - self._start_ms) % DAY_MS == 0:
            yield hour_ms, self._stock_level(hour_ms)
        per_hour = self._shop.orders_per_day / 24 * self._rhythm[self._local_hour(hour_ms)]
        if per_hour == 0:
            return
        at_ms = float(hour_ms)
        while True:
            at_ms += self._random.expovariate(per_hour) * HOUR_MS
            if at_ms >= hour_ms + HOUR_MS:
                return
            yield from self._order(int(at_ms))

    def _local_hour(self, at_ms: int) -> int:
        return (at_ms // HOUR_MS + self._shop.utc_offset_h) % 24

    def _stock_level(self, at_ms: int) -> Event:
        day = (at_ms - self._start_ms) // DAY_MS
        on_hand = max(0, 110 * (STOCK_OUT_DAY - day))
        return self._event(at_ms, "stock.level", f"stock/{day}", {"sku": BESTSELLER, "on_hand": on_hand})

    def _order(self, placed_ms: int) -> Iterator[tuple[int, Event]]:
        random = self._random
        order = self._order_id()
        plan = self._plan((placed_ms - self._start_ms) / DAY_MS, random)
        placed = self._placed(plan.sku) if plan.parts == 1 else self._placed_in_parts(plan)
        parcel = self._label()
        yield placed_ms, self._event(placed_ms, "order.placed", f"{order}/placed", placed, order)
        if plan.cancel_h is not None:
            at_ms = placed_ms + int(plan.cancel_h * HOUR_MS)
            data = {"by": plan.cancelled_by, "reason": plan.cancel_reason}
            yield at_ms, self._event(at_ms, "order.cancelled", f"{order}/cancelled", data, order)
        if plan.reopened_h is not None:
            at_ms = placed_ms + int(plan.reopened_h * HOUR_MS)
            yield at_ms, self._event(at_ms, "order.reopened", f"{order}/reopened", {"by": "buyer"}, order)
        if plan.ship_h is not None:
            first = {} if plan.parts == 1 else {"parcel": "1", "items": _part(placed["items"], plan, rest=False)}
            yield from self._shipped(order, "", placed_ms + int(plan.ship_h * HOUR_MS), parcel, first, plan.scanned)
        if plan.rest_h is not None:
            rest = {"parcel": "2", "items": _part(placed["items"], plan, rest=True)}
            rest_ms = placed_ms + int(plan.rest_h * HOUR_MS)
            yield from self._shipped(order, "/2", rest_ms, self._label(), rest, plan.rest_scanned)

    def _label(self) -> dict[str, str]:
        """Who carries a parcel, and under which number."""
        carrier = self._random.choice(self._shop.carriers)
        return {"carrier": carrier, "tracking_no": f"{carrier[:2].upper()}{self._random.randrange(10**12):012}"}

    def _shipped(
        self, order: str, number: str, shipped_ms: int, label: dict[str, str], contents: dict[str, Any], scanned: bool
    ) -> Iterator[tuple[int, Event]]:
        """A parcel of an order, and what its carrier scans; `number` sets its events' ids apart from another one's."""
        shipped = {**label, **contents}
        yield shipped_ms, self._event(shipped_ms, "order.shipped", f"{order}/shipped{number}", shipped, order)
        if not scanned:
            return
        for at_ms, kind, name, scan in self._journey(shipped_ms, label):
            if label["carrier"] != SILENT_CARRIER or at_ms < self._start_ms + SILENCE_DAY * DAY_MS:
                yield at_ms, self._event(at_ms, kind, f"{order}/{name}{number}", scan, order)

    def _order_id(self) -> str:
        self._last_number += self._random.randint(1, 9973)
        return f"{self._shop.order_prefix}{self._last_number}"

    def _placed(self, sku: str | None) -> dict[str, Any]:
        random = self._random
        quantity = random.choices((1, 2, 3), (85, 12, 3))[0]
        price = self._shop.mean_price * random.lognormvariate(-0.1, 0.45)
        return {
            "amount": f"{price * quantity:.2f}",
            "currency": self._shop.currency,
            "items": [{"sku": sku or f"{self._shop.shop}-{random.randint(1, 40):02}", "qty": quantity}],
        }

    def _placed_in_parts(self, plan: _Plan) -> dict[str, Any]:
        """The same of an order of several lines, or of several pieces of one."""
        placed = self._placed(plan.sku)
        item = {**placed["items"][0], "line": "1"}
        if plan.pieces:
            return {**placed, "items": [{**item, "qty": plan.parts}]}
        others = [self._placed(None)["items"][0] for _ in range(plan.parts - 1)]
        return {**placed, "items": [item, *({**each, "line": f"{n}"} for n, each in enumerate(others, start=2))]}

    def _journey(self, shipped_ms: int, parcel: dict[str, str]) -> Iterator[tuple[int, str, str, dict[str, str]]]:
        """What the carrier scans of a parcel: (time, type, name in the event's id, data)."""
        random = self._random
        at_ms = shipped_ms + int(random.uniform(2, 12) * HOUR_MS)
        yield at_ms, "pickup.collected", "collected", parcel
        stops = ["in_transit"] * random.randint(1, 3) + ["at_hub", "out_for_delivery", "delivered"]
        for number, status in enumerate(stops):
            at_ms += int(random.uniform(6, 40) * HOUR_MS)
            data = {"tracking_no": parcel["tracking_no"], "status": status}
            yield at_ms, "tracking.updated", f"scan/{number}", data

    def _event(self, at_ms: int, kind: str, name: str, data: dict[str, Any], order: str | None = None) -> Event:
        event: Event = {
            "specversion": "1.0",
            "id": name,
            "source": f"{self._shop.key}/feed",
            "type": kind,
            "time": rfc3339(at_ms),
            "platform": self._shop.platform,
            "shop": self._shop.shop,
        }
        if order is not None:
            event["order"] = order
        event["data"] = data
        return event


def _part(items: list[dict[str, Any]], plan: _Plan, *, rest: bool) -> list[dict[str, Any]]:
    """What the first parcel of an order in parts holds, or the second one."""
    if plan.pieces:
        return [{"line": "1", "qty": plan.parts - 1 if rest else 1}]
    return [{"line": each["line"], "qty": each["qty"]} for each in (items[1:] if rest else items[:1])]


def _model(day: float, random: Random) -> _Plan:
    return _Plan(ship_h=random.uniform(3, 22))


def _ordinary(day: float, random: Random) -> _Plan:
    luck = random.random()
    if luck < 0.007:
        return _Plan(ship_h=random.uniform(50, 100))
    if luck < 0.01:
        return _Plan(cancel_h=random.uniform(5, 60), cancel_reason=random.choice(("quality", "supply", "other")))
    if luck < 0.02:
        return _Plan(cancel_h=random.uniform(0.2, 5), cancelled_by="buyer")
    return _Plan(ship_h=random.uniform(4, 36))


def _two_parcels(day: float, random: Random) -> _Plan:
    if random.random() >= 1 / 6:
        return _ordinary(day, random)
    ship_h = random.uniform(4, 30)
    rest_h, rest_scanned = ship_h + random.uniform(2, 16), random.random() >= 0.1
    return _Plan(ship_h=ship_h, parts=2, rest_h=rest_h, rest_scanned=rest_scanned)


def _parts(day: float, random: Random) -> _Plan:
    if random.random() >= 1 / 8:
        return _ordinary(day, random)
    rest_h = None if random.random() < 0.2 else random.uniform(48, 120)
    return _Plan(ship_h=random.uniform(4, 30), parts=random.randint(2, 4), pieces=True, rest_h=rest_h)


def _taken_back(day: float, random: Random) -> _Plan:
    if random.random() >= 1 / 12:
        return _ordinary(day, random)
    cancel_h = random.uniform(0.5, 6)
    reopened_h = cancel_h + random.uniform(1, 20)
    ship_h = None if random.random() < 1 / 3 else reopened_h + random.uniform(4, 36)
    return _Plan(ship_h=ship_h, cancel_h=cancel_h, cancelled_by="buyer", reopened_h=reopened_h)


def _stock_out(day: float, random: Random) -> _Plan:
    if random.random() >= 0.6:
        return _ordinary(day, random)
    if day < STOCK_OUT_DAY:
        return _Plan(ship_h=random.uniform(4, 36), sku=BESTSELLER)
    return _Plan(cancel_h=random.uniform(80, 110), cancel_reason="stock", sku=BESTSELLER)


def _drift(day: float, random: Random) -> _Plan:
    if random.random() >= min(0.03 * day, 0.20):
        return _Plan(ship_h=random.uniform(10, 60))
    return _Plan(cancel_h=240, cancelled_by="system", cancel_reason="late_ship")


def _late_evenings(day: float, random: Random) -> _Plan:
    return _Plan(ship_h=random.uniform(47, 50))


def _fake(day: float, random: Random) -> _Plan:
    return _Plan(ship_h=random.uniform(1, 5), scanned=random.random() >= 0.4)


# Each is given the days since the start, and the shop's random numbers.
_PLANS: dict[str, Callable[[float, Random], _Plan]] = {
    "model": _model,
    "ordinary": _ordinary,
    "silent carrier": _ordinary,
    "two parcels": _two_parcels,
    "parts": _parts,
    "taken back": _taken_back,
    "stock-out": _stock_out,
    "drift": _drift,
    "late evenings": _late_evenings,
    "fake": _fake,
}
