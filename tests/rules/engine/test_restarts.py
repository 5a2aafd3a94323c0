"""What comes back after a restart: sites, what was computed, and what was said under them."""

from typing import Any

import pytest

from rules.calendar.instants import DAY_MS
from rules.messages.bad_events import BadEvent
from rules.plan.rule_book import RuleBook
from tests.rules.histories import Worker, apply
from tests.rules.history import (
    START_MS,
    book,
    brief,
    cancelled,
    event,
    late_ship,
    moved,
    ms,
    pack_file,
    placed,
    rule,
    shipped,
)

SHOPEE = RuleBook([pack_file("rules/packs/shopee.yaml")])
TIERS = [{"name": "failing", "share": "10%"}]
WEEKLY = book(
    late_ship(ship_by=True),
    rule(
        "ratio", "rate", stages=("near", "failing"), every="week", window={"length": "7d"}, tiers=TIERS,
        numerator={"any": [{"late": "joom.late"}, "cancelled"]},
    ),
)  # fmt: skip

MONDAY, NEXT_MONDAY = "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"


def worker(rules: RuleBook, *commit_cycles: Any) -> Worker:
    lived = Worker(rules, stepping=True)
    for events, at in commit_cycles:
        lived.commit_cycle(events, ms(at))
    return lived


def again(lived: Worker, **how: Any) -> Worker:
    other = lived.restarted(lived.alerts, **how)
    other.engine.settle()
    other.write()
    return other


def computed(lived: Worker, at: str) -> tuple[int, int] | None:
    found = lived.engine.shop("joom", "s1").computed.get("joom.rate", {}).get(ms(at))
    return None if found is None else (found.bad, found.total)


def test_an_alert_of_a_rule_for_one_site_only_is_that_shops_after_a_restart_in_whatever_order_things_come_back():
    where = {"platform": "shopee"}
    chat = event("violation.recorded", "7", "1h", kind="abusive_chat", severe=True, **where)
    lived = worker(SHOPEE, ([event("shop.profile", None, site="TW", **where), chat], "2h"))
    assert [alert.data.clause for alert in lived.alerts] == ["sho-8"]
    for backwards in (False, True):
        other = again(lived, backwards=backwards)
        assert other.alerts == lived.alerts
        other.commit_cycle([], ms("200h"))
        assert brief(other.alerts)[-1] == "169h resolved active sanction_ended"


def test_evidence_that_comes_after_a_restart_changes_what_was_computed_before_it():
    orders = [placed(str(n)) for n in range(4)] + [shipped(str(n), "1h") for n in range(4)]
    other = again(worker(WEEKLY, (orders, MONDAY), ([], "200h")))
    assert computed(other, MONDAY) == (0, 4)
    other.commit_cycle([cancelled("1", "0h", by="seller")], ms("201h"))
    assert computed(other, MONDAY) == (1, 4)


def test_a_week_that_turns_out_to_have_had_no_orders_is_taken_back_from_the_changelog_too():
    rules = book(
        rule("ratio", "rate", stages=("near", "failing"), every="week", window={"length": "7d"}, tiers=TIERS,
             numerator="cancelled", denominator={"not": {"has": "cancelled", "by": ["buyer"]}})
    )  # fmt: skip
    lived = worker(rules, ([placed()], MONDAY))
    assert computed(lived, MONDAY) == (0, 1)
    lived.commit_cycle([cancelled(at="1h", by="buyer")], ms("150h"))
    assert computed(lived, MONDAY) is computed(again(lived), MONDAY) is None


def test_what_was_computed_stands_when_its_orders_have_expired():
    lived = worker(WEEKLY, ([placed("1"), cancelled("1", "1h")], MONDAY))
    for day in range(10, 200, 10):
        lived.commit_cycle([], START_MS + day * DAY_MS)
    assert lived.engine.shop("joom", "s1").orders == {}
    other = again(lived)
    other.commit_cycle([placed("2", "4700h")], ms("4810h"))
    with pytest.raises(BadEvent, match="older than"):
        other.commit_cycle([placed("old", "2h")], ms("4811h"))
    other.commit_cycle([], ms("4812h"))
    assert computed(other, MONDAY) == (1, 1)


def test_a_deadline_moved_after_monday_leaves_mondays_count_as_it_was():
    in_time = worker(WEEKLY, ([placed()], MONDAY), ([moved(at="100h", to="300h")], NEXT_MONDAY))
    at_once = worker(WEEKLY, ([placed(), moved(at="100h", to="300h")], NEXT_MONDAY))
    assert computed(in_time, MONDAY) == computed(at_once, MONDAY) == (1, 1)


def test_of_several_moves_the_one_that_held_on_monday_counts():
    moves = [moved(at="10h", to="200h"), moved(at="100h", to="20h")]
    assert computed(worker(WEEKLY, ([placed(), *moves], NEXT_MONDAY)), MONDAY) == (0, 1)
    assert computed(worker(WEEKLY, ([placed(), *reversed(moves)], NEXT_MONDAY)), MONDAY) == (0, 1)


def test_a_cancellation_after_monday_leaves_mondays_count_as_it_was():
    events = [placed(), shipped(at="1h"), cancelled(at="100h")]
    assert computed(worker(WEEKLY, (events, NEXT_MONDAY)), MONDAY) == (0, 1)


def test_late_evidence_that_was_written_but_not_yet_judged_changes_what_was_computed_all_the_same():
    orders = [placed(str(n)) for n in range(4)] + [shipped(str(n), "1h") for n in range(4)]
    lived = worker(WEEKLY, (orders, MONDAY), ([], "200h"))
    apply(lived.engine, [cancelled("1", "0h", by="seller")])
    lived.write()  # as when its partition is given away between two commit cycles
    other = again(lived)
    assert computed(other, MONDAY) == (1, 4)
