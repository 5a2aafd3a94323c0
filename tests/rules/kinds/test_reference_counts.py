"""Every way in which the engine counts a ratio comes to the plain count of the orders' facts (`reference_count`): as
it goes, at the boundaries of periods, now and in the past, for a sanction's tier, and in forecasts; for every ratio of
the built-in packs and for ratios made up at random."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, from_rfc3339, rfc3339
from rules.calendar.schedule import boundaries, last_boundary, next_boundary
from rules.calendar.windows import Period
from rules.dsl.model import Where
from rules.engine.engine import Engine
from rules.facts.order_facts import OrderFacts
from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.registry import InForce
from rules.messages.alerts import subject_and_episode
from rules.plan.rule_book import RuleBook
from rules.reports.forecast import Outlook
from rules.reports.standing import sanctions
from rules.state.shop import Shop
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES, fewer
from tests.rules.histories import Cycle, apply
from tests.rules.history import START_MS, TimedEvent
from tests.rules.made_up_rules import books, order_lives
from tests.rules.reference import Reference, known_by, local_day, reference_count, steps_reached
from tests.rules.shop_histories import shop_commit_cycles

FIRST_MS = START_MS - 100 * DAY_MS
"""Before this nothing happens in any history."""


class Case:
    """A shop that an engine has brought to a moment, and its rules and facts for the reference."""

    def __init__(self, engine: Engine, shop: Shop, events: Iterable[TimedEvent]) -> None:
        self.shop, self.at_ms = shop, engine.clock_ms
        where = Where(shop.platform, shop.facts.profile("site"), shop.facts.profile("programme"))
        packs = [pack for pack in engine.book.packs if pack.platform in ("*", shop.platform)]
        self.rules = Reference(each for pack in packs for each in pack.in_force(where))
        self.events = [each for each in events if getattr(each[0], "shop", None) == shop.name]
        self.orders = [order.facts for order in shop.orders.values()]

    def ratios(self) -> Iterator[InForce]:
        """The ratios in force."""
        for rule_id in self.rules.rules:
            ratio = self.in_force(rule_id, self.at_ms)
            if ratio is not None and isinstance(ratio.rule, RatioSpec):
                yield ratio

    def in_force(self, rule_id: str, at_ms: int) -> InForce | None:
        """The version of a rule that holds at a moment."""
        return next((each for each in self.rules.rules[rule_id] if each.locale.effective.at(at_ms)), None)

    def facts_by(self, at_ms: int) -> list[OrderFacts]:
        """What was known of its orders by a moment."""
        return list(known_by(self.events, at_ms).values())

    def now(self, ratio: InForce, period: Period, orders: Iterable[OrderFacts] | None = None) -> tuple[int, int]:
        """What a period has come to by now, with all that is known, also of times to come."""
        return reference_count(self.orders if orders is None else orders, self.rules, ratio, period, self.at_ms)

    def then(self, ratio: InForce, period: Period, at_ms: int) -> tuple[int, int]:
        """What a period had come to at a moment, from what had happened by then."""
        return reference_count(self.facts_by(at_ms), self.rules, ratio, period, at_ms)


# -- as it goes -----------------------------------------------------------------------------------------------


def assert_counted_as_it_goes(case: Case) -> None:
    """The counters' sums, which orders are moved in and out of one by one."""
    for ratio in case.ratios():
        [counter] = [
            each
            for each in case.shop.counters
            if (each.ratio.rule.id, each.ratio.effective) == (ratio.rule.id, ratio.locale.effective)
        ]
        counter.advance(case.at_ms)
        if counter.idle:
            assert not any(case.now(ratio, count.period)[0] for count in counter.counts)
        else:
            for count in counter.counts:
                assert (count.bad, count.total) == case.now(ratio, count.period)
        for count in counter.counts_at(case.at_ms):
            assert (count.bad, count.total) == case.now(ratio, count.period)


def assert_told_as_counted(case: Case) -> None:
    """The stages of the ratios' open alerts, where they are judged as it goes."""
    for ratio in case.ratios():
        rule = ratio.rule
        assert isinstance(rule, RatioSpec)
        if rule.every is None or rule.window.align != "rolling":
            expected = {
                (subject, period.name, stages[-1])
                for period in rule.window.periods(case.at_ms, ratio.locale.zone)
                for subject, bad, total in parts(case, ratio, period)
                if (stages := steps_reached(rule, bad, total))
            }
            assert open_stages(case, rule) == expected
        else:
            stage = stage_of_rolling(case, ratio)
            assert open_stages(case, rule) == (set() if stage is None else {("-", "-", stage)})


def open_stages(case: Case, rule: RatioSpec) -> set[tuple[str, str, str]]:
    """Subject, episode and stage of a ratio's open alerts."""
    return {
        (*subject_and_episode(alert, rule.id, case.shop.key), last_emitted.stage)
        for alert, last_emitted in case.shop.emitted.alerts.items()
        if last_emitted.rule == rule.id and last_emitted.open
    }


def parts(case: Case, ratio: InForce, period: Period) -> Iterator[tuple[str, int, int]]:
    """What is judged each by itself: the whole, or the part of each reason or provider, as `(subject, bad, total)`."""
    rule = ratio.rule
    assert isinstance(rule, RatioSpec)
    bad, total = case.now(ratio, period)
    if rule.by is None:
        yield "-", bad, total
    elif rule.by == "reason":
        for reason in rule.of:
            of_it = [facts for facts in case.orders if facts.cancelled_for == reason]
            yield reason, case.now(ratio, period, of_it)[0], total
    else:
        zone = ratio.locale.zone
        opened = [
            entry.data.provider or "-"
            for entry in case.shop.facts.of("dispute.opened")
            if entry.data.cause == rule.disputes
            and entry.at_ms <= case.at_ms
            and period.first <= local_day(entry.at_ms, zone) <= period.last
        ]
        yield from ((provider, number, total) for provider, number in Counter(opened).items())


def stage_of_rolling(case: Case, ratio: InForce) -> str | None:
    """The stage of a rolling window that is computed at boundaries: what was found at the last one, or `near` where the
    next one would find something."""
    rule, zone = ratio.rule, ratio.locale.zone
    assert isinstance(rule, RatioSpec) and rule.every is not None
    found = computed_at(case, rule.id, last_boundary(rule.every, case.at_ms, zone))
    if found is not None and found[3] is not None:
        return found[3]
    next_ms = next_boundary(rule.every, case.at_ms, zone)
    following = case.in_force(rule.id, next_ms)
    if following is None or not isinstance(following.rule, RatioSpec):
        return None
    ahead = following.rule.window.so_far(case.at_ms, next_ms, following.locale.zone)
    return "near" if steps_reached(following.rule, *case.now(following, ahead)) else None


# -- at boundaries --------------------------------------------------------------------------------------------


def computed_at(case: Case, rule_id: str, boundary_ms: int) -> tuple[str, int, int, str | None] | None:
    """What a ratio is computed to at a boundary: period, bad, total and step; None without orders."""
    ratio = case.in_force(rule_id, boundary_ms)
    if ratio is None or not isinstance(ratio.rule, RatioSpec):
        return None
    period = ratio.rule.window.closed_at(boundary_ms, ratio.locale.zone)
    bad, total = case.then(ratio, period, boundary_ms)
    steps = [stage for stage in steps_reached(ratio.rule, bad, total) if stage != "near"]
    return (period.name, bad, total, steps[-1] if steps else None) if total else None


def assert_computed(case: Case) -> None:
    for rule_id, versions in case.rules.rules.items():
        newest = versions[-1]
        rule = newest.rule
        if not isinstance(rule, RatioSpec) or rule.every is None:
            continue
        lag_ms = 0 if rule.window.align == "rolling" else int(rule.window.lag)
        expected = {
            at_ms: found
            for at_ms in boundaries(rule.every, FIRST_MS, case.at_ms, newest.locale.zone, lag_ms)
            if (found := computed_at(case, rule_id, at_ms)) is not None
        }
        results = case.shop.period_results.by_rule().get(rule_id, {})
        assert {at_ms: (each.period, each.bad, each.total, each.step) for at_ms, each in results.items()} == expected


# -- the past of a tier's sanction ----------------------------------------------------------------------------


def assert_sanctioned(case: Case) -> None:
    """Sanctions begin when their tier is first reached, as it stood at each moment of the time in which they last."""
    found = sanctions(case.shop, case.at_ms)
    for ratio in case.ratios():
        rule = ratio.rule
        assert isinstance(rule, RatioSpec)
        standing_has = [(each["name"], each["from"]) for each in found if each["clause"] == rule.clause]
        assert standing_has == [(name, rfc3339(at_ms)) for name, at_ms in sanctions_of(case, ratio)]


def sanctions_of(case: Case, ratio: InForce) -> Iterator[tuple[str, int]]:
    rule = ratio.rule
    assert isinstance(rule, RatioSpec)
    for tier in rule.tiers:
        if tier.sanction is None:
            continue
        since_ms = case.at_ms - int(tier.sanction.lasts or rule.window.span_ms())
        was = is_reached(case, ratio, tier.name, since_ms)
        for at_ms in moments(case, ratio, since_ms):
            now = is_reached(case, ratio, tier.name, at_ms)
            if now and not was:
                yield tier.sanction.name, at_ms
                break
            was = now


def is_reached(case: Case, ratio: InForce, tier: str, at_ms: int) -> bool:
    """Whether a tier, or one above it, was reached at a moment."""
    rule = ratio.rule
    assert isinstance(rule, RatioSpec)
    period = rule.window.periods(at_ms, ratio.locale.zone)[0]
    reached = steps_reached(rule, *case.then(ratio, period, at_ms))
    names = [each.name for each in rule.tiers]
    return any(stage in names[names.index(tier) :] for stage in reached)


def moments(case: Case, ratio: InForce, since_ms: int) -> list[int]:
    """All instants since one at which the ratio may have changed: something happens, falls due, or a day begins."""
    happened = {at_ms for _, at_ms in case.events}
    timers = [each for versions in case.rules.rules.values() for each in versions]
    timers = [each for each in timers if isinstance(each.rule, Deadline | Silence)]
    due = {
        case.rules.due_by(timer, facts)
        for at_ms in [since_ms, *happened]
        for facts in case.facts_by(at_ms)
        for timer in timers
    }
    days = set(boundaries("day", since_ms, case.at_ms, ratio.locale.zone))
    return sorted(at for at in happened | due | days if at is not None and since_ms < at <= case.at_ms)


# -- what is to come ------------------------------------------------------------------------------------------


def assert_forecast(case: Case) -> None:
    """With all that is known, as deadlines will stand at the next evaluation if nobody ships and carriers are
    silent."""
    outlook = Outlook(case.shop, case.at_ms)
    for _ in outlook.work():
        pass
    for rule_id, found in outlook.ratios.items():
        ratio = case.in_force(rule_id, case.at_ms)
        assert ratio is not None and isinstance(ratio.rule, RatioSpec)
        zone, then_ms = ratio.locale.zone, from_rfc3339(found["at"])
        first, after = (local_day(from_rfc3339(found["window"][end]), zone) for end in ("from", "to"))
        bad, total = reference_count(case.orders, case.rules, ratio, Period("-", first, after - 1), then_ms)
        numerator = total - bad if ratio.rule.good else bad
        silent = found.get("if_silent", found)
        assert (silent["numerator"], silent["denominator"]) == (numerator, total)


# -- every history --------------------------------------------------------------------------------------------


def live_through(rules: RuleBook, stepping: bool, lived: list[Cycle]) -> None:
    """Holds every way of counting to the reference after each commit cycle."""
    engine = Engine(rules, stepping=stepping)
    happened: list[TimedEvent] = []
    for events, to_ms in lived:
        apply(engine, events)
        happened += events
        engine.advance(to_ms)
        for shop in engine.shops.values():
            case = Case(engine, shop, happened)
            assert_counted_as_it_goes(case)
            assert_told_as_counted(case)
            assert_computed(case)
            assert_sanctioned(case)
            assert_forecast(case)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(st.booleans(), st.data())
@fewer
def test_ratios_of_built_in_packs_are_counted_as_their_facts_say(
    platform: str, stepping: bool, data: st.DataObject
) -> None:
    live_through(RULES[platform], stepping, data.draw(shop_commit_cycles(platform)))


@given(books(), st.booleans(), shop_commit_cycles("joom"))
@fewer
def test_ratios_made_up_at_random_are_counted_as_their_facts_say(
    rules: RuleBook, stepping: bool, lived: list[Cycle]
) -> None:
    live_through(rules, stepping, lived)


@given(books(), st.booleans(), order_lives())
@fewer
def test_ratios_are_counted_as_their_facts_say_where_events_come_in_their_time(
    rules: RuleBook, stepping: bool, lived: list[Cycle]
) -> None:
    """Then boundaries are computed from what was counted as it went, not from all orders anew."""
    live_through(rules, stepping, lived)
