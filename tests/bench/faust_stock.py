"""System (b): the same job the way Faust's documentation teaches it: an agent per topic, Records, Tables with
changelogs, ``app.timer`` for the deadlines, an internal topic through which the timer has its agent write.

State: ``memory://`` tables made durable by their changelog topics, Faust's default. The heap of deadlines is
made again from the orders table after a rebalance. The watermark is not kept (a table of it would cost a write
per event): after a restart a partition's deadlines wait until each of its inputs has had another event.

Settings: BENCH_BROKER, BENCH_APP_ID, BENCH_PREFIX, BENCH_DATADIR. Run as ``python -m tests.bench.faust_stock
worker``.
"""

import heapq
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import faust

from tests.bench.marks import FIRST, mark

PARTITIONS = 4
WINDOW = timedelta(days=29)  # before today
PREFIX = os.environ["BENCH_PREFIX"]


class Event(faust.Record, serializer="json"):
    type: str
    time: str
    platform: str = ""
    shop: str = ""
    order: str = ""
    data: dict[str, Any] = {}

    @property
    def shop_key(self) -> str:
        return f"{self.platform}/{self.shop}"

    @property
    def order_key(self) -> str:
        return f"{self.platform}/{self.shop}/{self.order}"


class Order(faust.Record, serializer="json"):
    """Times are seconds since the epoch."""

    shop: str
    placed: float | None = None
    shipped: float | None = None
    collected: float | None = None
    cancelled: float | None = None
    bad: bool = False
    raised: list[str] = []
    ever: list[str] = []


class Shop(faust.Record, serializer="json"):
    """``days``: ISO date → [placed, bad]."""

    days: dict[str, list[int]] = {}
    raised: bool = False


class Due(faust.Record, serializer="json"):
    """A rule to be judged for a subject: an order, or for ratio_5pct a shop."""

    rule: str
    subject: str


class Alert(faust.Record, serializer="json"):
    rule: str
    shop: str
    order: str
    state: str


app = faust.App(
    os.environ["BENCH_APP_ID"],
    broker=os.environ["BENCH_BROKER"],
    datadir=os.environ["BENCH_DATADIR"],
    store="memory://",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    web_enabled=False,
)
orders_topic = app.topic(f"{PREFIX}orders", key_type=str, value_type=Event)
pickups_topic = app.topic(f"{PREFIX}pickups", key_type=str, value_type=Event)
tracking_topic = app.topic(f"{PREFIX}tracking", key_type=str, value_type=Event)
due_topic = app.topic(f"{PREFIX}due", key_type=str, value_type=Due, partitions=PARTITIONS, internal=True)
alerts_topic = app.topic(f"{PREFIX}alerts", key_type=str, value_type=Alert)

orders = app.Table("orders", key_type=str, value_type=Order, partitions=PARTITIONS)
shops = app.Table("shops", key_type=str, value_type=Shop, partitions=PARTITIONS)

# Per partition: the largest event time seen of each input, the day last judged, its shops, and its deadlines.
seen: dict[int, dict[str, float]] = defaultdict(dict)
judged_day: dict[int, str] = {}
shops_of: dict[int, set[str]] = defaultdict(set)
deadlines: dict[int, list[tuple[float, str, str]]] = defaultdict(list)


def watermark(partition: int) -> float | None:
    return min(seen[partition].values()) if len(seen[partition]) == 3 else None


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def note_time(event: faust.EventT) -> float:
    """Moves the clock of the event's partition; returns the event's own time."""
    if not seen:
        mark(FIRST)
    at = datetime.fromisoformat(event.value.time).timestamp()
    times, topic = seen[event.message.partition], event.message.topic
    times[topic] = max(at, times.get(topic, at))
    return at


def arm(partition: int, rule: str, key: str, at: float) -> None:
    heapq.heappush(deadlines[partition], (at, rule, key))


def late(order: Order, hours: int) -> bool:
    deadline = order.placed + hours * 3600
    return not any(at is not None and at <= deadline for at in (order.shipped, order.cancelled))


def violated(order: Order, rule: str) -> bool:
    if rule == "pickup_24h":
        return order.collected is None or order.collected > order.shipped + 24 * 3600
    return late(order, 48 if rule == "late_48h" else 72)


def resolve(key: str, order: Order, rules: tuple[str, ...]) -> list[Alert]:
    ended = [rule for rule in rules if rule in order.raised]
    order.raised = [rule for rule in order.raised if rule not in ended]
    return [Alert(rule=rule, shop=order.shop, order=key, state="resolved") for rule in ended]


def judge_shop(key: str, shop: Shop, partition: int) -> list[Alert]:
    now = watermark(partition)
    if now is None:
        return []
    first = day(now - WINDOW.total_seconds())
    window = [counts for date, counts in shop.days.items() if date >= first]
    placed, bad = sum(counts[0] for counts in window), sum(counts[1] for counts in window)
    above = bad > 0.05 * placed
    if above == shop.raised or (above and placed < 20):
        return []
    shop.raised = above
    return [Alert(rule="ratio_5pct", shop=key, order="", state="raised" if above else "resolved")]


def count(key: str, date: str, column: int, partition: int) -> list[Alert]:
    """Adds one to a shop's placed (0) or bad (1) of a day, and judges the shop."""
    shop = shops.get(key) or Shop(days={})
    shop.days.setdefault(date, [0, 0])[column] += 1
    alerts = judge_shop(key, shop, partition)
    shops[key] = shop
    return alerts


async def send(alerts: list[Alert]) -> None:
    """Comes after the tables were written: while an agent waits here, another may read them."""
    for alert in alerts:
        await alerts_topic.send(key=alert.shop, value=alert)


@app.agent(orders_topic)
async def on_orders(stream: faust.StreamT[Event]) -> None:
    async for record in stream.events():
        at, event, partition = note_time(record), record.value, record.message.partition
        if event.type == "clock.tick":
            continue
        key, shop_key = event.order_key, event.shop_key
        order = orders.get(key) or Order(shop=shop_key, raised=[], ever=[])
        alerts = []
        if event.type == "order.placed":
            order.placed = at
            shops_of[partition].add(shop_key)
            arm(partition, "late_48h", key, at + 48 * 3600)
            arm(partition, "late_72h", key, at + 72 * 3600)
            alerts += count(shop_key, day(at), 0, partition)
        elif event.type == "order.shipped":
            order.shipped = at
            arm(partition, "pickup_24h", key, at + 24 * 3600)
            alerts += resolve(key, order, ("late_48h", "late_72h"))
        elif event.type == "order.cancelled":
            order.cancelled = at
            alerts += resolve(key, order, ("late_48h", "late_72h"))
            if event.data["by"] in ("seller", "system") and not order.bad:
                order.bad = True
                alerts += count(shop_key, day(order.placed), 1, partition)
        orders[key] = order
        await send(alerts)


@app.agent(pickups_topic)
async def on_pickups(stream: faust.StreamT[Event]) -> None:
    async for record in stream.events():
        at, event = note_time(record), record.value
        if event.type == "clock.tick":
            continue
        # The pickup may be read before its order: nothing orders the topics between them.
        order = orders.get(event.order_key) or Order(shop=event.shop_key, raised=[], ever=[])
        order.collected = at
        alerts = resolve(event.order_key, order, ("pickup_24h",))
        orders[event.order_key] = order
        await send(alerts)


@app.agent(tracking_topic)
async def on_tracking(stream: faust.StreamT[Event]) -> None:
    async for record in stream.events():
        note_time(record)


@app.agent(due_topic)
async def on_due(stream: faust.StreamT[Due]) -> None:
    async for record in stream.events():
        due, partition = record.value, record.message.partition
        if due.rule == "ratio_5pct":
            shop = shops[due.subject]
            alerts = judge_shop(due.subject, shop, partition)
            if alerts:
                shops[due.subject] = shop
        else:
            alerts = raise_late(due.rule, due.subject, partition)
        await send(alerts)


def raise_late(rule: str, key: str, partition: int) -> list[Alert]:
    order = orders[key]
    if rule in order.ever:
        return []
    order.ever.append(rule)
    order.raised.append(rule)
    alerts = [Alert(rule=rule, shop=order.shop, order=key, state="raised")]
    if (order.collected if rule == "pickup_24h" else order.shipped or order.cancelled) is not None:
        alerts += resolve(key, order, (rule,))
    if rule == "late_48h" and not order.bad:
        order.bad = True
        alerts += count(order.shop, day(order.placed), 1, partition)
    orders[key] = order
    return alerts


@app.timer(interval=1.0)
async def on_timer() -> None:
    for partition in list(seen):
        now = watermark(partition)
        if now is None:
            continue
        waiting = deadlines[partition]
        while waiting and waiting[0][0] <= now:
            _, rule, key = heapq.heappop(waiting)
            order = orders[key]
            if violated(order, rule):  # and stays so: what was late can't become prompt
                await due_topic.send(key=order.shop, value=Due(rule=rule, subject=key))
        today = day(now)
        if judged_day.get(partition) != today:
            judged_day[partition] = today
            for shop in list(shops_of[partition]):  # more may come while it waits
                await due_topic.send(key=shop, value=Due(rule="ratio_5pct", subject=shop))


@app.on_rebalance_complete.connect
async def remember_deadlines(*_: Any, **__: Any) -> None:
    deadlines.clear()
    shops_of.clear()
    for key, order in orders.items():
        partition = app.consumer.key_partition(f"{PREFIX}orders", order.shop.encode())
        shops_of[partition].add(order.shop)
        if order.placed is not None:
            arm(partition, "late_48h", key, order.placed + 48 * 3600)
            arm(partition, "late_72h", key, order.placed + 72 * 3600)
        if order.shipped is not None:
            arm(partition, "pickup_24h", key, order.shipped + 24 * 3600)


if __name__ == "__main__":
    app.main()
