"""Events from before what is kept: of orders that aren't known they begin nothing; of known ones they count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS
from rules.engine.engine import Engine
from rules.messages.bad_events import TOO_OLD, BadEvent
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import RETAINED_BEYOND_MS
from tests.rules.engines import LATE, apply, engine
from tests.rules.histories import END_MS, Worker, facts_of, histories, shuffled_with_repeats
from tests.rules.history import (
    TimedEvent,
    brief,
    drained,
    event,
    moved,
    ms,
    pack_file,
    placed,
    refunded,
    scanned,
    shipped,
    tick,
)

JOB = RuleBook([pack_file("tests/bench/job.yaml")])
JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])
DOUYIN = RuleBook([pack_file("rules/packs/douyin.yaml")])

LIFE = [placed(), shipped(at="5h", tracking_no="T1"), scanned(at="9h"), scanned(at="40h", status="delivered")]
KEPT_MS = RETAINED_BEYOND_MS + 3 * DAY_MS
"""How long `LATE` keeps an order: 72 hours, and 30 days beyond."""
LONG_AFTER = "2400h"


def refused(made: Engine, *events: TimedEvent) -> list[str]:
    """Why events were refused as too old."""
    reasons = []
    for happened, at_ms in events:
        try:
            made.apply(happened, at_ms)
        except BadEvent as bad:
            assert bad.kind == TOO_OLD
            reasons.append(str(bad))
    return reasons


def lived(*events: TimedEvent, until: str = LONG_AFTER, stepping: bool = True) -> Engine:
    """An engine that has taken these events, and moved on until their orders have expired."""
    made = engine(LATE, *events, stepping=stepping)
    made.advance(ms(until))
    drained(made)
    return made


@pytest.mark.parametrize("stepping", [True, False], ids=["event", "wall"])
def test_an_order_that_expired_does_not_come_back_by_what_is_said_of_it_again(stepping: bool):
    made = lived(*LIFE, stepping=stepping)
    assert refused(made, *LIFE) == [
        f"time {at}Z is older than the 33 days kept, and its order isn't known"
        for at in ("2026-01-01T00:00:00", "2026-01-01T05:00:00", "2026-01-01T09:00:00", "2026-01-02T16:00:00")
    ]
    made.settle()
    assert drained(made) == []
    assert made.order_count == 0


@pytest.mark.parametrize(("older_ms", "counts"), [(0, False), (-1, True)], ids=["as old as that", "younger"])
def test_what_is_as_old_as_what_expires_begins_nothing(older_ms: int, counts: bool):
    made = engine(LATE)
    made.advance(ms("0h") + KEPT_MS + older_ms)
    assert (refused(made, placed()) == []) is counts
    assert made.order_count == counts


def test_a_shop_that_is_not_known_is_not_begun_either():
    made = lived(placed("9", LONG_AFTER))
    assert len(refused(made, placed(shop="other"))) == 1
    assert [*made.shops] == [("joom", "s1")]


def test_before_the_clock_is_set_nothing_is_too_old():
    made = engine(LATE, placed("new", LONG_AFTER), *LIFE)
    made.advance(ms(LONG_AFTER))
    assert [each for each in brief(drained(made)) if "overdue" in each] == []
    assert refused(made, placed("other")) != []


def test_late_news_of_an_order_that_still_waits_counts_however_old_it_is():
    made = engine(LATE, placed())
    made.advance(ms(LONG_AFTER))
    assert brief(drained(made)) == ["72h opened overdue deadline_passed"]
    assert refused(made, shipped(at="5h")) == []
    made.settle()
    assert brief(drained(made)) == ["2400h resolved overdue evidence_arrived"]


NEWER = [
    refunded(at=LONG_AFTER),
    event("order.returned", "1", LONG_AFTER),
    scanned(at=LONG_AFTER),
    shipped(at=LONG_AFTER, tracking_no="T2"),
    moved(at=LONG_AFTER, to="9999h"),
    event("order.voided", "1", LONG_AFTER),
]


@pytest.mark.parametrize("settled", [True, False], ids=["settled", "not settled"])
@pytest.mark.parametrize("newer", NEWER, ids=lambda each: type(each[0]).__name__)
def test_an_order_that_is_heard_of_again_after_it_expired_is_not_known_from_before(newer: TimedEvent, settled: bool):
    made = lived(*LIFE)
    apply(made, newer)
    if settled:
        made.settle()
    assert len(refused(made, *LIFE)) == 4
    made.settle()
    alone = engine(LATE, tick(LONG_AFTER), newer)
    alone.settle()
    assert facts_of(made) == facts_of(alone)
    assert drained(made) == drained(alone)


def test_an_order_of_which_only_alerts_are_known_is_not_known_from_before():
    worker = Worker(LATE, stepping=True)
    worker.commit_cycle([placed(), shipped(at="80h")], ms(LONG_AFTER))
    worker.write()
    after = worker.restarted(worker.alerts)
    assert len(refused(after.engine, placed())) == 1
    apply(after.engine, shipped(at=LONG_AFTER))
    after.engine.settle()
    assert len(refused(after.engine, placed())) == 1
    assert drained(after.engine) == []


@given(st.sampled_from([JOB, JOOM, DOUYIN]), st.booleans(), st.booleans(), st.data())
def test_whatever_is_said_again_after_it_expired_nothing_comes_of_it(
    rules: RuleBook, stepping: bool, restarts: bool, data: st.DataObject
):
    platform = "joom" if rules is JOB else rules.packs[0].platform
    events = data.draw(histories(platform, detailed=True))
    again = data.draw(shuffled_with_repeats(events))
    worker = Worker(rules, stepping)
    worker.commit_cycle(events, END_MS)
    for day in (100, 450, 480):
        worker.commit_cycle([], END_MS + day * DAY_MS)
    if restarts:
        worker = worker.restarted(worker.alerts)
    made = worker.engine
    before = facts_of(made)
    refused(made, *again)
    made.settle()
    made.advance(made.clock_ms + DAY_MS)
    assert drained(made) == []
    assert facts_of(made).items() <= before.items(), "what was known only by its alerts may have gone"
