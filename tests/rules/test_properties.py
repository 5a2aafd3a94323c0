"""What holds for every history: any order of arrival, any repetition, any interleaving, any restart.

Times lie on a coarse grid of hours, so that events fall on deadlines and on each other all the time.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.alerts import Alert, decode, emitted_from, encode
from rules.book import RuleBook
from rules.engine import Engine
from rules.events import BadEvent
from rules.events import decode as decode_event
from rules.facts import MERGE, OrderFacts
from rules.instants import DAWN, DAY_MS, HOUR_MS
from rules.replay import replay
from rules.standing import standings
from tests.rules.history import (
    START_MS,
    Happening,
    book,
    cancelled,
    collected,
    drained,
    event,
    late_ship,
    moved,
    pack_file,
    placed,
    refunded,
    rule,
    scanned,
    shipped,
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

ORDERS = ("1", "1", "1", "2")
SHOPS = ("a", "a", "a", "b")
END_MS = START_MS + 800 * HOUR_MS
"""Past every deadline but those of months, and before any order is let go."""

hours = st.integers(0, 8).map(lambda n: f"{12 * n}h")
clocks_ms = st.integers(0, 20).map(lambda n: START_MS + 12 * n * HOUR_MS)


def platform_of(rules: RuleBook) -> str:
    platform = rules.packs[0].platform
    return "joom" if platform == "*" else platform


@st.composite
def happenings(draw: st.DrawFn, platform: str = "joom", movable: bool = True) -> Happening:
    """One event; which one it is follows from its contents, as with a sender that keeps its ids apart."""
    where = {"platform": platform, "shop": draw(st.sampled_from(SHOPS))}
    order, at = draw(st.sampled_from(ORDERS)), draw(hours)
    kind = draw(
        st.sampled_from(["placed", "placed", "shipped", "shipped", "cancelled", "collected", "scanned", "other"])
    )
    match kind:
        case "placed":
            terms = draw(
                st.sampled_from([{}, {"amount": "7.50", "currency": "USD"}, {"amount": "3", "currency": "IDR"}])
            )
            return placed(order, at, **where, **terms)
        case "cancelled":
            return cancelled(order, at, **where, by=draw(st.sampled_from(["buyer", "seller", "system"])))
        case "scanned":
            status = draw(st.sampled_from(["info_received", "in_transit", "delivered", "returned"]))
            return scanned(order, at, status, **where)
        case "other" if movable:
            return draw(st.sampled_from([moved(order, at, to=draw(hours), **where), refunded(order, at, **where)]))
        case "shipped":
            return shipped(order, at, **where)
    return collected(order, at, **where)


def histories(platform: str = "joom", movable: bool = True) -> st.SearchStrategy[list[Happening]]:
    return st.lists(happenings(platform, movable), min_size=4, max_size=14, unique_by=lambda each: each[0].id)


def shuffled_with_repeats(events: list[Happening]) -> st.SearchStrategy[list[Happening]]:
    repeats = st.lists(st.sampled_from(events), max_size=6)
    return repeats.flatmap(lambda again: st.permutations(events + again))


def apply(engine: Engine, events: Iterable[Happening]) -> None:
    for happened, at_ms in events:
        engine.apply(happened, at_ms)


def facts_of(engine: Engine) -> dict[tuple[str, str], OrderFacts]:
    return {(key[1], order.id): order.facts for key, shop in engine.shops.items() for order in shop.orders.values()}


def open_alerts(alerts: Iterable[Alert]) -> set[tuple[str, str, str]]:
    newest = {alert.data.alert: alert.data for alert in alerts}
    return {(data.alert, data.stage, data.severity) for data in newest.values() if data.state == "open"}


def in_no_order(alerts: Iterable[Alert]) -> Counter[bytes]:
    """Records of one instant have no order among each other."""
    return Counter(encode(alert) for alert in alerts)


def assert_well_told(alerts: Iterable[Alert]) -> None:
    """Each alert's records: revisions 1, 2, 3…, opened before anything else, in time."""
    before: dict[str, Alert] = {}
    for alert in alerts:
        last = before.get(alert.data.alert)
        assert alert.data.revision == (1 if last is None else last.data.revision + 1)
        closed = last is None or last.data.state == "resolved"
        assert (alert.type == "alert.opened") is closed
        assert last is None or last.time <= alert.time
        before[alert.data.alert] = alert


# -- order of arrival and repetition --------------------------------------------------------------------------


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_any_order_of_arrival_and_any_repetition_end_in_the_same_state(
    rules: RuleBook, stepping: bool, data: st.DataObject
):
    events = data.draw(histories(platform_of(rules)))
    at_ms = data.draw(clocks_ms)
    states = []
    for arrived in (events, data.draw(shuffled_with_repeats(events))):
        engine = Engine(rules, stepping=stepping)
        apply(engine, arrived)
        engine.advance(at_ms)
        said = drained(engine)
        assert_well_told(said)
        states.append((facts_of(engine), standings(engine), open_alerts(said), in_no_order(said)))
    assert states[0] == states[1]


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.data())
def test_the_wall_clock_ends_in_the_same_state_by_however_many_leaps(rules: RuleBook, data: st.DataObject):
    events = data.draw(histories(platform_of(rules)))
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
        said = drained(engine)
        assert_well_told(said)
        counts = [(each["metrics"], each["sanctions"], each["open_alerts"]) for each in standings(engine)]
        states.append((facts_of(engine), counts, open_alerts(said)))
    assert states[0] == states[1]


# -- three topics, and the clock that waits for the slowest ---------------------------------------------------

TOPICS = ("order.", "pickup.", "tracking.")


def kind_of(happening: Happening) -> str:
    return str(type(happening[0]).__struct_config__.tag)


def topic_of(happening: Happening) -> str:
    return next(topic for topic in TOPICS if kind_of(happening).startswith(topic))


def interleaved(rules: RuleBook, events: Sequence[Happening], turns: Sequence[int]) -> list[Alert]:
    """The worker's event time: topics, each in time, read in turns; the clock is the smallest of the three
    largest times seen, and that instant is not over yet."""
    streams = {topic: [each for each in events if topic_of(each) == topic] for topic in TOPICS}
    seen = dict.fromkeys(TOPICS, DAWN)
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
        if min(seen.values()) > DAWN:
            engine.advance(min(seen.values()), including=False)
        engine.settle()
        alerts += drained(engine)
    engine.advance(END_MS)
    return alerts + drained(engine)


def of_orders(alerts: Iterable[Alert]) -> list[tuple[Any, ...]]:
    """What must not depend on how far one topic ran ahead of another. The reason may, when two events of the same
    instant both end a wait; the evidence may name facts that lie ahead of the clock."""
    said = [
        (each.data.alert, each.data.revision, each.type, each.data.stage, each.time) for each in alerts if each.order
    ]
    return sorted(said)


@given(st.sampled_from([JOB, PLAIN]), histories(movable=False), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_order_rules_say_the_same_however_the_topics_interleave(
    rules: RuleBook, events: list[Happening], turns: list[int]
):
    in_time = sorted(events, key=lambda each: each[1])
    merged = list(replay(Engine(rules, stepping=True), in_time, END_MS))
    assert_well_told(merged)
    timers = {timer.rule.id for timer in rules.plan("joom").timers}
    by_turns = interleaved(rules, in_time, turns)
    assert_well_told(by_turns)
    assert of_orders(each for each in by_turns if each.data.rule in timers) == of_orders(
        each for each in merged if each.data.rule in timers
    )


def raised_by_hand(events: Iterable[Happening]) -> set[tuple[str, str, str]]:
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
    events: list[Happening], turns: list[int]
):
    in_time = sorted(events, key=lambda each: each[1])
    for alerts in (replay(Engine(JOB, stepping=True), in_time, END_MS), interleaved(JOB, in_time, turns)):
        raised = {(each.data.rule, each.shop, each.order) for each in alerts if isinstance(each.order, str)}
        assert raised == raised_by_hand(events)


# -- restarts -------------------------------------------------------------------------------------------------

Beat = tuple[list[Happening], int]
"""Events that arrive, and where the clock moves then (epoch ms)."""


@st.composite
def beats(draw: st.DrawFn, platform: str) -> list[Beat]:
    """A history in any order of arrival, beat by beat, under a clock that only goes on."""
    events = draw(histories(platform).flatmap(shuffled_with_repeats))
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), min_size=1, max_size=5)))
    clocks = sorted(draw(st.lists(clocks_ms, min_size=len(cuts) + 1, max_size=len(cuts) + 1)))
    parts = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    return list(zip(parts, clocks, strict=True))


class Worker:
    """An engine, and what its changelogs hold."""

    def __init__(self, rules: RuleBook, stepping: bool) -> None:
        self.engine = Engine(rules, stepping=stepping)
        self.alerts: list[Alert] = []
        self.facts: dict[tuple[str, str, str], bytes | None] = {}
        self.clock_ms = DAWN

    def beat(self, events: Iterable[Happening], to_ms: int) -> None:
        apply(self.engine, events)
        self.engine.advance(to_ms)
        self.write()

    def write(self) -> None:
        changes = self.engine.drain()
        self.alerts += [alert for _, alert in changes.alerts]
        for shop, alert in changes.alerts:
            order = shop.orders.get(alert.order) if isinstance(alert.order, str) else None
            held = (shop.alerts if order is None else order.alerts) or {}
            newest = [each for _, each in changes.alerts if each.data.alert == alert.data.alert][-1]
            assert held.get(alert.data.alert) in (emitted_from(decode(encode(newest))), None)
        gone = {id(order) for order in changes.forgotten}
        for order in changes.orders:
            key = (order.shop.platform, order.shop.name, order.id)
            self.facts[key] = None if id(order) in gone else msgspec.msgpack.encode(order.facts)
        self.clock_ms = self.engine.clock_ms

    def restarted(self, alerts: Iterable[Alert]) -> "Worker":
        """Another worker, from this one's changelogs and the `alerts` topic."""
        other = Worker(self.engine.book, self.engine.stepping)
        other.alerts = list(alerts)
        other.facts, other.clock_ms = dict(self.facts), self.clock_ms
        for newest in {alert.data.alert: alert for alert in other.alerts}.values():
            other.engine.restore_alert(decode(encode(newest)))
        for key, raw in self.facts.items():
            facts = None if raw is None else msgspec.msgpack.decode(raw, type=OrderFacts)
            other.engine.restore_order(*key, facts)
        other.engine.clock_ms = self.clock_ms
        return other


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_a_restart_anywhere_and_any_overlap_say_nothing_new(rules: RuleBook, stepping: bool, data: st.DataObject):
    lived = data.draw(beats(platform_of(rules)))
    cut = data.draw(st.integers(1, len(lived)))
    overlap = data.draw(st.integers(0, cut))
    worker = Worker(rules, stepping)
    for events, to_ms in lived[:cut]:
        worker.beat(events, to_ms)
    other = worker.restarted(worker.alerts)
    for events, _ in lived[overlap:cut]:
        apply(other.engine, events)
    other.engine.settle()
    other.write()
    assert other.alerts == worker.alerts
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        worker.beat(events, to_ms)
        other.beat(events, to_ms)
    assert_well_told(other.alerts)
    assert in_no_order(other.alerts) == in_no_order(worker.alerts)
    assert standings(other.engine) == standings(worker.engine)
    assert other.facts == worker.facts


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.data())
def test_alerts_written_before_a_crash_that_lost_facts_and_clock_are_never_contradicted(
    rules: RuleBook, stepping: bool, data: st.DataObject
):
    lived = data.draw(beats(platform_of(rules)))
    cut = data.draw(st.integers(0, len(lived) - 1))
    worker = Worker(rules, stepping)
    for events, to_ms in lived[:cut]:
        worker.beat(events, to_ms)
    before = worker.restarted(worker.alerts)
    events, to_ms = lived[cut]
    worker.beat(events, to_ms)
    other = before.restarted(worker.alerts)  # the alerts of the last beat were written, its facts and clock were not
    together = data.draw(st.integers(cut, len(lived) - 1))
    if together > cut:  # and what came after it is read in one go, under whichever clock holds by then
        lived = [
            *lived[:cut],
            ([each for events, _ in lived[cut : together + 1] for each in events], lived[together][1]),
        ]
    for events, to_ms in [*lived[cut:], ([], END_MS)]:
        other.beat(events, to_ms)
    straight = Worker(rules, stepping)
    straight.beat([each for events, _ in lived for each in events], END_MS)
    assert_well_told(other.alerts)
    assert other.facts == straight.facts
    assert {each for each in open_alerts(other.alerts) if is_of_order(each[0])} == {
        each for each in open_alerts(straight.alerts) if is_of_order(each[0])
    }


def is_of_order(alert: str) -> bool:
    return alert.split(":")[2] != "-"


# -- counts ---------------------------------------------------------------------------------------------------


@given(st.sampled_from([JOB, JOOM]), st.booleans(), st.data())
def test_derived_counts_are_those_rebuilt_from_the_orders(rules: RuleBook, stepping: bool, data: st.DataObject):
    engine = Engine(rules, stepping=stepping)
    for events, to_ms in [*data.draw(beats("joom")), ([], data.draw(st.sampled_from([DAWN, END_MS])))]:
        apply(engine, events)
        engine.advance(to_ms)
        rebuilt = Engine(rules, stepping=stepping)
        for (shop, order), facts in facts_of(engine).items():
            rebuilt.restore_order("joom", shop, order, facts)
        rebuilt.clock_ms = engine.clock_ms
        rebuilt.settle()
        for key, shop in engine.shops.items():
            again = rebuilt.shop(*key)
            for tally, other in zip(shop.tallies, again.tallies, strict=True):
                assert {at: (day.total, set(day.bad)) for at, day in tally.days.items()} == {
                    at: (day.total, set(day.bad)) for at, day in other.days.items()
                }
                tally.turn(engine.clock_ms)
                assert tally.counts == tally.counts_at(engine.clock_ms)
            assert shop.marks == again.marks


@given(histories(), clocks_ms, st.booleans())
def test_the_jobs_ratio_is_the_one_counted_by_hand(events: list[Happening], at_ms: int, stepping: bool):
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
            ends = [mark[0] for mark in (facts.shipped, facts.cancelled) if mark is not None]
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


# -- anything at all ------------------------------------------------------------------------------------------

instants = st.one_of(
    st.integers(978_307_200_000, 4_102_444_799_999),
    st.sampled_from(
        [0, 1767225600, -1, 1 << 62, "2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z", "2024-02-29T00:00:00+14:00"]
    ),
)
texts = st.text(min_size=1, max_size=8) | st.sampled_from(["{order}", "a:b/c", "\0", "%s", "x" * 512])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
contents = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.decimals(0, 10**15).map(str)
        | st.sampled_from(["1e-999999", "-0", "NaN", "1e15", "0." + "1" * 200])
        | anything,
        "currency": st.text(max_size=4) | anything,
        "items": st.lists(st.fixed_dictionaries({"sku": st.text(max_size=4), "qty": st.integers()}), max_size=2)
        | anything,
        "mode": st.sampled_from(["spot", "stepped", "presale"]) | anything,
        "ship_by": instants | anything,
        "handling_h": st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 1e-300, 8784]) | anything,
        "by": st.sampled_from(["buyer", "seller", "system"]) | anything,
        "status": st.sampled_from(["in_transit", "delivered", "returned", "info_received"]) | anything,
        "tracking_no": st.text(max_size=4) | anything,
    },
)
kinds = st.sampled_from([str(kind.__struct_config__.tag) for kind in MERGE] + ["stock.level", "clock.tick", "nonsense"])
written = st.fixed_dictionaries(
    {
        "id": texts,
        "source": texts,
        "type": kinds,
        "time": instants,
        "platform": st.sampled_from(["joom", "douyin", "other"]),
    }
    | {"shop": texts, "order": texts, "data": contents}
)


@given(st.binary(max_size=40) | anything.map(msgspec.json.encode))
def test_no_record_does_more_than_be_turned_away(raw: bytes):
    with pytest.raises(BadEvent):
        decode_event(raw)


@given(st.lists(written, min_size=1, max_size=6), st.booleans())
def test_whatever_can_be_read_can_be_judged_told_and_stored(records: list[dict[str, Any]], stepping: bool):
    worker = Worker(EVERYTHING, stepping)
    for record in records:
        try:
            event, at_ms = decode_event(msgspec.json.encode(record))
        except BadEvent:
            continue
        if stepping:
            at_ms = START_MS + at_ms % (100 * DAY_MS)
        worker.beat([(event, at_ms)], at_ms)
    worker.beat([], max(worker.clock_ms, START_MS) + 400 * DAY_MS)
    assert all(decode(encode(alert)) == alert for alert in worker.alerts)
    assert msgspec.json.encode(standings(worker.engine))
    assert_well_told(worker.alerts)
