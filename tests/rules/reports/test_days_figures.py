"""The figures of a day are those found by walking through all that is known of a shop, and cost no walk."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.calendar.windows import Period, Window
from rules.engine.engine import Engine
from rules.kinds.ledger.postings import FeedReader
from rules.kinds.ratio.compiled import Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay, encode
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from rules.reports import daily_values as report
from rules.reports.daily_values import daily_values
from rules.state.shop import Shop
from streams import pack_files
from tests.bench.systems import PACK
from tests.bench.workload import PLATFORMS, START, Workload
from tests.rules.history import TimedEvent

START_MS = round(START.timestamp() * 1000)
DAYS = 45
ALERTS = AlertsOfDay(opened=1)


@cache
def all_packs() -> RuleBook:
    return pack_files.load([str(PACK), *pack_files.built_in()])


@cache
def happened() -> list[TimedEvent]:
    """The benchmark's orders of some shops, and what platforms tell of these themselves; some comes late."""
    events = list(Workload(orders=1_500, shops=20, days=DAYS).events())
    for n, shop in enumerate(sorted({(each["platform"], each["shop"]) for each in events})):
        of_shop = {"specversion": "1.0", "source": "test", "platform": shop[0], "shop": shop[1]}
        for day in range(n % 3, DAYS, 4):
            at_ms = START_MS + day * DAY_MS + n * HOUR_MS
            told: dict[str, dict[str, Any]] = {
                "violation.recorded": {"kind": "prohibited_item", "id": f"v{day}", "severe": day % 8 == 0},
                "points.reported": {"value": str(day // 3)},
                "listing.counts": {"total": 100, "preorder": day},
                "dispute.opened": {"provider": f"p{day % 5}", "cause": "not_shipped"},
            }
            events += [
                {**of_shop, "id": f"{kind}-{day}", "type": kind, "time": at_ms + later, "data": data}
                for later, (kind, data) in enumerate(told.items())
                if (day + later + n) % 3
            ]
    return sorted((decode(orjson.dumps(each)) for each in events), key=arrived_ms)


def arrived_ms(timed: TimedEvent) -> int:
    event, at_ms = timed
    return at_ms + 30 * HOUR_MS if event.id.endswith("7") and event.source == "test" else at_ms


def days_ends(step_ms: int = DAY_MS) -> Iterator[tuple[Engine, int]]:
    """The engine at the end of each day, and before it has evaluated what came last."""
    engine, events = Engine(all_packs(), stepping=True), iter(happened())
    waiting = next(events, None)
    for end_ms in range(START_MS + step_ms - 1, START_MS + (DAYS + 8) * DAY_MS, step_ms):
        while waiting is not None and arrived_ms(waiting) <= end_ms:
            engine.apply(*waiting)
            waiting = next(events, None)
        if engine.clock_ms > START_MS:
            yield engine, engine.clock_ms
        engine.advance(end_ms)
        yield engine, end_ms


# -- the reference -----------------------------------------------------------------------------------------------


def walked(counter: RatioCounter, shop: Shop, period: Period) -> Count:
    """The orders of a period, one by one."""
    count = Count(period)
    for order in shop.orders.values():
        count.add(counter.ratio.part_of(order.decoded()), 1)
    return count


def measured(evaluator: RatioEvaluator, shop: Shop, at_ms: int) -> tuple[RatioCounter, Count] | None:
    """What a ratio is at an instant, worked out from its window and the orders."""
    counter = evaluator.counter(shop, at_ms)
    if counter is None:
        return None
    rule, zone = counter.ratio.rule, counter.ratio.zone
    window, newest = rule.window, None
    if evaluator.periodic is not None:
        schedule = evaluator.periodic.schedule
        newest = next((each for each in evaluator.computations(shop) if each[0] == schedule.last_by(at_ms)), None)
        following = evaluator.counter(shop, schedule.next_after(at_ms))
        if window.align == "rolling" and following is not None:
            if newest is None:
                then = following.ratio.rule.window.so_far(at_ms, schedule.next_after(at_ms), zone)
                return following, walked(following, shop, then)
            return counter, Count(window.closed_at(newest[0], zone), newest[1].bad, newest[1].total)
    counts = [walked(counter, shop, period) for period in window.periods(at_ms, zone)]
    if evaluator.periodic is not None and window.align != "rolling":
        before = window.before(counts[-1].period)
        computed = newest is not None and newest[1].period == before.name
        counts.append(Count(before, newest[1].bad, newest[1].total) if computed else walked(counter, shop, before))  # type: ignore[index]
    count = next((each for each in counts if each.total), counts[0])
    if rule.by is None:
        return counter, count
    parts = [part for _, part in evaluator._split(shop, counter, count, at_ms)]
    return counter, max(parts, key=lambda part: part.bad, default=Count(count.period, 0, count.total))


def ratio_of_day(evaluator: RatioEvaluator, shop: Shop, at_ms: int) -> RatioOfDay | None:
    found = measured(evaluator, shop, at_ms)
    if found is None:
        return None
    ratio, count = found[0].ratio, found[1]
    good = count.total - count.bad if ratio.rule.good else count.bad
    return RatioOfDay(
        value=good / count.total if count.total else None,
        threshold=ratio.threshold(count),
        numerator=good,
        denominator=count.total,
        first_day=report._date(count.period.first),
        last_day=report._date(count.period.last),
        period=None if count.period.name == "-" else count.period.name,
    )


def walked_through(shop: Shop, at_ms: int) -> DailyValues:
    """A day's figures, each worked out anew."""
    plan, found = shop.plan, daily_values(shop, at_ms, ALERTS)
    ratios = {each.rule.id: ratio_of_day(each, shop, at_ms) for each in plan.ratio_evaluators}
    ledgers: dict[str, PointsOfDay] = {}
    for each in plan.ledger_evaluators:
        points = each.balance(shop, at_ms).points
        ahead = [tier.at for tier in each.rule.tiers if points < tier.at] or [tier.at for tier in each.rule.tiers][-1:]
        limit = float(ahead[0]) if ahead else None
        ledgers[each.rule.id] = PointsOfDay(
            ledger=each.rule.ledger, points=float(points), limit=limit, first_day=found.ledgers[each.rule.id].first_day
        )
    return replace(found, ratios={rule: each for rule, each in ratios.items() if each is not None}, ledgers=ledgers)


# -- what holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_ms", [DAY_MS, 5 * HOUR_MS], ids=["at each day's end", "every five hours"])
def test_each_days_figures_are_those_found_by_walking(step_ms: int) -> None:
    points, staged = set[float](), 0
    for engine, clock_ms in days_ends(step_ms):
        for n, shop in enumerate(engine.shops.values()):
            at_ms = clock_ms + (0, 0, -HOUR_MS, 9 * DAY_MS)[n % 4]  # a day's end is mostly now, but may lie behind
            found = daily_values(shop, at_ms, ALERTS)
            assert encode(found) == encode(walked_through(shop, at_ms))
            points |= {each.points for each in found.ledgers.values()}
            staged += sum(
                each.value is not None and each.value > (each.threshold or 1) for each in found.ratios.values()
            )
    assert len(points) > 10
    assert staged > 100
    assert {platform for platform, _ in engine.shops} == set(PLATFORMS)


def test_a_ledger_in_a_standing_is_the_one_worked_out_anew() -> None:
    sanctions = 0
    for engine, at_ms in days_ends(7 * HOUR_MS):
        for shop in engine.shops.values():
            for each in shop.plan.ledger_evaluators:
                kept, new = shop.states[each.n], each.new_state()
                assert each.points(shop, at_ms) == each.balance(shop, at_ms).points
                found = each.sanctions(shop, kept, at_ms)
                assert each.entry(shop, kept, at_ms) == each.entry(shop, new, at_ms)
                assert found == each.sanctions(shop, new, at_ms)
                sanctions += len(found)
    assert sanctions > 100


def test_a_days_end_reads_no_feed_of_a_ledger_again_and_works_out_each_window_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def counting(owner: type, name: str) -> None:
        function = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            asked.append(name)
            return function(*arguments)

        monkeypatch.setattr(owner, name, counted)

    counting(FeedReader, "read")
    for name in ("periods", "so_far", "closed_at"):
        counting(Window, name)
    rules = {each.rule.id for platform in PLATFORMS for each in all_packs().plan(platform).ratio_evaluators}
    for engine, at_ms in days_ends():
        if at_ms == engine.clock_ms and not any(shop.dirty_rules for shop in engine.shops.values()):
            asked.clear()
            for shop in engine.shops.values():
                daily_values(shop, at_ms, ALERTS)
            assert "read" not in asked
            assert len(asked) <= 2 * len(rules)  # the current period and the one computed last, for all shops
