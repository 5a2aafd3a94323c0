"""What holds for every history of orders: any order of arrival, any repetition, any interleaving, any restart."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS, MIN_MS
from rules.engine.engine import Engine
from rules.engine.restore import restore_order
from rules.facts.statements import LEEWAY_MS
from rules.facts.stored import encode_facts
from rules.harness.replay import replay
from rules.kinds.nothing import NOTHING
from rules.messages.alerts import Alert
from rules.plan.rule_book import RuleBook
from rules.reports.standing import standings
from tests.rules.histories import (
    END_MS,
    Worker,
    apply,
    assert_well_formed,
    clocks_ms,
    commit_cycles,
    facts_of,
    histories,
    in_no_order,
    open_alerts,
    shuffled_with_repeats,
)
from tests.rules.history import (
    TimedEvent,
    book,
    drained,
    event,
    late_ship,
    pack_file,
    rule,
)

JOB = RuleBook([pack_file("tests/bench/job.yaml")])
JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])
DOUYIN = RuleBook([pack_file("rules/packs/douyin.yaml")])
EVERYTHING = RuleBook([*JOB.packs, *JOOM.packs, *DOUYIN.packs])
PLAIN = book(
    late_ship(warn=[{"before": "24h", "severity": "info"}, {"before": "6h", "severity": "warning"}]),
    late_ship(id="joom.again", within="48h", again={"every": "24h", "times": 3}),
    rule("deadline", "pickup", **{"from": "shipped", "until": ["collected"], "within": "24h"}),
)
"""Deadlines that no later word moves, with all that they can say."""


def platform_of(rules: RuleBook) -> str:
    platform = rules.packs[0].platform
    return "joom" if platform == "*" else platform


# -- order of arrival and repetition --------------------------------------------------------------------------


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_any_order_of_arrival_and_any_repetition_end_in_the_same_state(
    rules: RuleBook, stepping: bool, data: st.DataObject
):
    events = data.draw(histories(platform_of(rules), detailed=True))
    at_ms = data.draw(clocks_ms)
    states = []
    for arrived in (events, data.draw(shuffled_with_repeats(events))):
        engine = Engine(rules, stepping=stepping)
        apply(engine, arrived)
        engine.advance(at_ms)
        alerts = drained(engine)
        assert_well_formed(alerts)
        states.append((facts_of(engine), standings(engine), open_alerts(alerts), in_no_order(alerts)))
    assert states[0] == states[1]


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.data())
def test_the_wall_clock_ends_in_the_same_state_by_however_many_leaps(rules: RuleBook, data: st.DataObject):
    events = data.draw(histories(platform_of(rules), detailed=True))
    leaps = data.draw(st.lists(clocks_ms, max_size=5))
    states = []
    for way in ([], sorted(leaps)):
        engine = Engine(rules, stepping=False)
        arrived = data.draw(shuffled_with_repeats(events))
        for n, leap in enumerate(way):
            apply(engine, arrived[n :: len(way)])
            engine.advance(leap)
        apply(engine, arrived)
        engine.advance(END_MS)
        alerts = drained(engine)
        assert_well_formed(alerts)
        counts = [(each["metrics"], each["sanctions"], each["open_alerts"]) for each in standings(engine)]
        states.append((facts_of(engine), counts, open_alerts(alerts)))
    assert states[0] == states[1]


# -- three topics, and the clock that waits for the slowest ---------------------------------------------------

TOPICS = ("order.", "pickup.", "tracking.")


def kind_of(timed: TimedEvent) -> str:
    return str(type(timed[0]).__struct_config__.tag)


def topic_of(timed: TimedEvent) -> str:
    return next(topic for topic in TOPICS if kind_of(timed).startswith(topic))


def interleaved(rules: RuleBook, events: Sequence[TimedEvent], turns: Sequence[int]) -> list[Alert]:
    """The worker's event time: topics, each in time, read in turns; the clock is the smallest of the three
    largest times seen, and that instant is not over yet."""
    streams = {topic: [each for each in events if topic_of(each) == topic] for topic in TOPICS}
    seen = dict.fromkeys(TOPICS, MIN_MS)
    engine = Engine(rules, stepping=True)
    alerts: list[Alert] = []
    turn = 0
    while any(streams.values()):
        waiting = [topic for topic in TOPICS if streams[topic]]
        topic = waiting[turns[turn % len(turns)] % len(waiting)]
        turn += 1
        happened, at_ms = streams[topic].pop(0)
        engine.apply(happened, at_ms)
        seen[topic] = at_ms
        if min(seen.values()) > MIN_MS:
            engine.advance(min(seen.values()), including=False)
        engine.settle()
        alerts += drained(engine)
    engine.advance(END_MS)
    return alerts + drained(engine)


def of_orders(alerts: Iterable[Alert]) -> list[tuple[Any, ...]]:
    """What must not depend on how far one topic ran ahead of another. The reason may, when two events of the same
    instant both end a wait; the evidence may name facts that lie ahead of the clock."""
    emitted = [
        (each.data.alert, each.data.revision, each.type, each.data.stage, each.time) for each in alerts if each.order
    ]
    return sorted(emitted)


def without_doubtful_news(in_time: list[TimedEvent]) -> list[TimedEvent]:
    """Events without orders placed more than a day after news of their parcels. That news proves nothing once the order
    is known, so it matters which of the two was read first."""
    heard_ms: dict[tuple[str, str], int] = {}
    kept = []
    for happened, at_ms in in_time:
        key = happened.shop, happened.order
        if kind_of((happened, at_ms)).startswith(("pickup", "tracking")):
            heard_ms.setdefault(key, at_ms)
        elif kind_of((happened, at_ms)) == "order.placed" and at_ms - LEEWAY_MS > heard_ms.get(key, at_ms):
            continue
        kept.append((happened, at_ms))
    return kept


@given(st.sampled_from([JOB, PLAIN]), histories(movable=False), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_order_rules_say_the_same_however_the_topics_interleave(
    rules: RuleBook, events: list[TimedEvent], turns: list[int]
):
    in_time = without_doubtful_news(sorted(events, key=lambda each: each[1]))
    merged = list(replay(Engine(rules, stepping=True), in_time, END_MS))
    assert_well_formed(merged)
    timers = {timer.rule.id for timer in rules.plan("joom").timers}
    by_turns = interleaved(rules, in_time, turns)
    assert_well_formed(by_turns)
    assert of_orders(each for each in by_turns if each.data.rule in timers) == of_orders(
        each for each in merged if each.data.rule in timers
    )


def raised_by_hand(events: Iterable[TimedEvent]) -> set[tuple[str, str, str]]:
    """The job's three order rules, computed straight from the events."""
    first: dict[tuple[str, str, str], int] = {}
    for happened, at_ms in events:
        key = (happened.shop, happened.order, kind_of((happened, at_ms)))
        first[key] = min(at_ms, first.get(key, at_ms))

    def none_by(shop: str, order: str, kinds: tuple[str, ...], due_ms: int) -> bool:
        return all(first.get((shop, order, kind), END_MS) > due_ms for kind in kinds)

    raised = set()
    for (shop, order, kind), at_ms in first.items():
        if kind == "order.placed":
            for rule_id, length in (("job.late_48h", 48), ("job.late_72h", 72)):
                if none_by(shop, order, ("order.shipped", "order.cancelled"), at_ms + length * HOUR_MS):
                    raised.add((rule_id, shop, order))
        elif kind == "order.shipped" and none_by(shop, order, ("pickup.collected",), at_ms + 24 * HOUR_MS):
            raised.add(("job.pickup_24h", shop, order))
    return raised


@given(histories(), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_the_jobs_orders_ever_raised_are_those_computed_straight_from_the_events(
    events: list[TimedEvent], turns: list[int]
):
    in_time = without_doubtful_news(sorted(events, key=lambda each: each[1]))
    for alerts in (replay(Engine(JOB, stepping=True), in_time, END_MS), interleaved(JOB, in_time, turns)):
        raised = {(each.data.rule, each.shop, each.order) for each in alerts if isinstance(each.order, str)}
        assert raised == raised_by_hand(in_time)


# -- restarts -------------------------------------------------------------------------------------------------


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_a_restart_anywhere_and_any_overlap_say_nothing_new(rules: RuleBook, stepping: bool, data: st.DataObject):
    lived = data.draw(commit_cycles(platform_of(rules)))
    cut = data.draw(st.integers(1, len(lived)))
    overlap = data.draw(st.integers(0, cut))
    worker = Worker(rules, stepping)
    for events, to_ms in lived[:cut]:
        worker.commit_cycle(events, to_ms)
    other = worker.restarted(worker.alerts)
    for events, _ in lived[overlap:cut]:
        apply(other.engine, events)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        worker.commit_cycle(events, to_ms)
        other.commit_cycle(events, to_ms)
    assert_well_formed(other.alerts)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)
    assert standings(other.engine) == standings(worker.engine)
    assert other.kept() == worker.kept()


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_alerts_written_before_a_crash_that_lost_facts_and_clock_are_never_contradicted(
    rules: RuleBook, stepping: bool, data: st.DataObject
):
    lived = data.draw(commit_cycles(platform_of(rules)))
    cut = data.draw(st.integers(0, len(lived) - 1))
    worker = Worker(rules, stepping)
    for events, to_ms in lived[:cut]:
        worker.commit_cycle(events, to_ms)
    before = worker.restarted(worker.alerts)
    events, to_ms = lived[cut]
    worker.commit_cycle(events, to_ms)
    other = before.restarted(
        worker.alerts
    )  # the alerts of the last commit cycle were written, its facts and clock were not
    together = data.draw(st.integers(cut, len(lived) - 1))
    if together > cut:  # and what came after it is read in one go, under whichever clock holds by then
        lived = [
            *lived[:cut],
            ([each for events, _ in lived[cut : together + 1] for each in events], lived[together][1]),
        ]
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        other.commit_cycle(events, to_ms)
    straight = Worker(rules, stepping)
    straight.commit_cycle([each for events, _ in lived for each in events], END_MS)
    assert_well_formed(other.alerts)
    assert other.kept() == straight.kept()
    assert {each for each in open_alerts(other.alerts) if is_of_order(each[0])} == {
        each for each in open_alerts(straight.alerts) if is_of_order(each[0])
    }


def is_of_order(alert: str) -> bool:
    return alert.split(":")[2] != "-"


# -- counts ---------------------------------------------------------------------------------------------------


@given(st.sampled_from([JOB, JOOM]), st.booleans(), st.data())
def test_derived_counts_are_those_rebuilt_from_the_orders(rules: RuleBook, stepping: bool, data: st.DataObject):
    engine = Engine(rules, stepping=stepping)
    for events, to_ms in [*data.draw(commit_cycles("joom")), ([], data.draw(st.sampled_from([MIN_MS, END_MS])))]:
        apply(engine, events)
        engine.advance(to_ms)
        rebuilt = Engine(rules, stepping=stepping)
        for (shop, order), facts in facts_of(engine).items():
            restore_order(rebuilt, "joom", shop, order, encode_facts(facts))
        rebuilt.clock_ms = engine.clock_ms
        rebuilt.settle()
        for each in (engine, rebuilt):
            assert each.order_count == sum(len(shop.orders) for shop in each.shops.values())
        for key, shop in engine.shops.items():
            again = rebuilt.shop(*key)
            for counter, other in zip(shop.counters, again.counters, strict=True):
                assert counter.buckets.by_day == other.buckets.by_day
                assert {day: set(orders) for day, orders in counter.bad.items()} == {
                    day: set(orders) for day, orders in other.bad.items()
                }
                counter.advance(engine.clock_ms)
                ahead = counter.next_period_count(engine.clock_ms)
                expected = counter.counts_at(engine.clock_ms) if ahead is None else [ahead]
                if counter.idle:
                    assert not any(each.bad for each in expected)
                else:
                    assert list(counter.counts) == expected
                    assert [counter.current_count(each.period) for each in expected] == expected
                for count in counter.ratio.current(engine.clock_ms).idle_counts:
                    assert (count.bad, count.total) == (0, 0), "shared by all shops that sleep"
            assert [timeline.by_order for timeline in shop.timelines] == [
                timeline.by_order for timeline in again.timelines
            ]
    assert NOTHING == {}, "shared by all shops"


@given(histories(), clocks_ms, st.booleans())
def test_the_jobs_ratio_is_the_one_counted_by_hand(events: list[TimedEvent], at_ms: int, stepping: bool):
    engine = Engine(JOB, stepping=stepping)
    apply(engine, events)
    engine.advance(at_ms)
    today = at_ms // DAY_MS
    for (_, name), shop in engine.shops.items():
        placed_orders = bad = 0
        for order in shop.orders.values():
            facts = order.facts
            if facts.placed is None or not today - 30 < facts.placed[0] // DAY_MS <= today:
                continue
            due_ms = facts.placed[0] + 48 * HOUR_MS
            ends = [stamp[0] for stamp in (facts.shipped, facts.cancelled) if stamp is not None]
            late = due_ms <= at_ms and not any(end <= due_ms for end in ends)
            placed_orders += 1
            bad += late or (facts.cancelled is not None and facts.cancelled_by in ("seller", "system"))
        [metric] = [each["metrics"]["job-ratio"] for each in standings(engine) if each["shop"] == name]
        assert (metric["numerator"], metric["denominator"]) == (bad, placed_orders)


def test_an_event_is_told_from_another_by_source_and_id():
    engine = Engine(JOB, stepping=True)
    apply(engine, [event("order.placed", "1", "5h", id="x"), event("order.placed", "1", "5h", id="x", amount="9")])
    [order] = engine.drain().orders
    assert order.facts.terms.amount is None
