"""The penalty ledger: points from several feeds, caps, postings, clearing, tiers."""

from typing import Any

import pytest

from rules.calendar.instants import HOUR_MS
from rules.dsl.yaml_source import BadPack
from rules.engine.engine import Engine
from rules.reports.standing import standing
from tests.rules.history import book, brief, emitted_of, event, late_ship, ms, placed, rule, shipped, stood, tick

FEED = {"clause": "own-1", "of": [{"violation": ["fake_orders"]}], "points": 1}
TIERS = [{"name": "tier 1", "at": 3, "lasts": "28d"}, {"name": "tier 2", "at": 6, "lasts": "28d"}]


def ledger(*feeds: Any, **parts: Any) -> Any:
    stages = (*(("near",) if "near" in parts else ()), *(("active",) if "tiers" in parts else ()))
    written = {"ledger": "points", "feeds": feeds or [FEED], **parts}
    return rule("ledger", "points", stages=stages, **written)


def fake(at: str, kind: str = "fake_orders", **more: Any) -> Any:
    return event("violation.recorded", more.pop("order", None), at, kind=kind, **more)


def points(rules: Any, events: Any, at: str) -> float:
    return stood(rules, events, at)["ledgers"]["points"]["points"]


def test_points_add_up_over_feeds_and_say_since_when():
    rules = book(ledger(FEED, {"clause": "own-2", "of": [{"violation": ["counterfeit"]}], "points": "0.1"}))
    entry = stood(rules, [fake("1h"), fake("2h", "counterfeit"), fake("3h", "counterfeit")], "4h")["ledgers"]["points"]
    assert (entry["points"], entry["since"], entry["resets_at"]) == (1.2, "2026-01-01T01:00:00Z", None)


def test_severe_ones_may_cost_more_and_several_at_once_count_each():
    rules = book(ledger(FEED | {"severe_points": 2}))
    assert points(rules, [fake("1h"), fake("2h", severe=True), fake("3h", count=3)], "4h") == 6


@pytest.mark.parametrize(
    ("caps", "total"), [({"day": 2}, 4), ({"week": 3}, 3), ({"day": 2, "week": 3}, 3), ({"order": 1}, 5), ({}, 6)]
)
def test_caps_of_a_day_a_week_and_an_order(caps, total):
    # The first of January 2026 is a Thursday.
    events = [fake(f"{hour}h", order="1" if hour < 2 else None) for hour in (0, 1, 2, 24, 25, 26)]
    assert points(book(ledger(FEED | {"caps": caps})), events, "30h") == total


def test_caps_begin_anew_on_monday_and_at_midnight_in_the_platforms_zone():
    rules = book(ledger(FEED | {"caps": {"week": 1}}), zone="Asia/Shanghai")
    sunday, monday = "2026-01-04T15:59:59Z", "2026-01-04T16:00:00Z"
    assert points(rules, [fake("0h"), fake(sunday)], "99h") == 1
    assert points(rules, [fake("0h"), fake(sunday), fake(monday)], "99h") == 2


@pytest.mark.parametrize("parts", [{}, {"tiers": TIERS}, {"clears_after": "10h"}])
def test_a_ledger_that_is_asked_again_and_again_has_what_came_since(parts: Any):
    engine = Engine(book(ledger(**parts)), stepping=True)
    for hour in range(1, 8):
        engine.apply(*fake(f"{hour}h"))
        for later_ms in (0, HOUR_MS // 2):
            engine.advance(ms(f"{hour}h") + later_ms, including=later_ms > 0)
            for _ in range(2):
                entry = standing(engine.shop("joom", "s1"), engine.clock_ms)["ledgers"]["points"]
                assert (entry["points"], entry["since"]) == (hour, "2026-01-01T01:00:00Z")


def test_the_first_may_be_free():
    assert points(book(ledger(FEED | {"free": 1})), [fake("1h"), fake("2h")], "3h") == 1


def test_points_posted_on_monday_are_not_there_before():
    rules = book(ledger(posts="week"))
    assert points(rules, [fake("0h")], "2026-01-04T23:59:59Z") == 0
    assert points(rules, [fake("0h")], "2026-01-05T00:00:00Z") == 1


def test_the_first_monday_of_a_quarter_clears_and_then_posts_the_week_before():
    rules = book(ledger(posts="week", clears="first_monday_of_quarter"))
    events = [fake("2026-03-20T00:00:00Z"), fake("2026-04-02T00:00:00Z")]
    for at, total in (("2026-04-05T23:59:59Z", 1), ("2026-04-06T00:00:00Z", 1), ("2026-07-05T00:00:00Z", 1)):
        assert points(rules, events, at) == total, at
    since = stood(rules, events, "2026-04-06T00:00:00Z")["ledgers"]["points"]
    assert (since["since"], since["resets_at"]) == ("2026-04-06T00:00:00Z", "2026-07-06T00:00:00Z")
    assert points(rules, events, "2026-07-06T00:00:00Z") == 0


def test_what_is_posted_before_the_clearing_goes_with_the_rest():
    rules = book(ledger(posts="week", clears="first_monday_of_quarter", posts_before_clearing=True))
    assert points(rules, [fake("2026-04-02T00:00:00Z")], "2026-04-06T00:00:01Z") == 0


def test_what_is_posted_before_the_clearing_is_near_a_tier_until_then():
    parts = {"posts": "week", "clears": "first_monday_of_quarter", "posts_before_clearing": True}
    rules = book(ledger(tiers=TIERS, near=2, **parts))
    alerts = emitted_of("points", rules, [fake("2026-04-02T00:00:00Z")], "2026-05-01T00:00:00Z")
    assert [(alert.type, alert.time) for alert in alerts] == [
        ("alert.opened", "2026-04-06T00:00:00Z"),
        ("alert.resolved", "2026-04-06T00:00:00.001Z"),
    ]


def test_each_posting_expires_by_itself():
    rules = book(ledger(expires="90d"))
    events = [fake("0h"), fake("24h")]
    assert [points(rules, events, f"{24 * day}h") for day in (89, 90, 91)] == [2, 1, 0]


def test_all_go_a_year_after_the_first_unless_they_have_come_too_far():
    rules = book(ledger(clears_after="365d", unless=3))
    assert points(rules, [fake("0h"), fake("200h")], f"{24 * 365}h") == 0
    assert points(rules, [fake("0h"), fake("200h", count=2)], f"{24 * 365}h") == 3


def test_points_that_have_come_to_stay_have_no_day_on_which_they_go():
    rules = book(ledger(clears_after="365d", unless=3))
    entries = [stood(rules, [fake("0h", count=n)], "1h")["ledgers"]["points"] for n in (2, 3)]
    assert [entry["resets_at"] for entry in entries] == ["2027-01-01T00:00:00Z", None]


def test_past_the_last_tier_a_word_that_it_was_near_ends_with_that_tier():
    rules = book(ledger(tiers=TIERS[:1], near=1))
    [_, ended, *_] = emitted_of("points", rules, [fake("0h", count=2), fake("1h")], "2h")
    assert (ended.type, ended.data.stage, ended.data.threshold) == ("alert.resolved", "near", 3.0)


def test_tiers_start_sanctions_that_outlive_the_clearing():
    rules = book(ledger(clears="quarter", tiers=TIERS, near=1))
    events = [fake("2026-03-25T00:00:00Z", count=2), fake("2026-03-26T00:00:00Z")]
    alerts = emitted_of("points", rules, events, "2026-05-01T00:00:00Z")
    assert [(a.type, a.data.stage, a.data.reason, a.time[:10]) for a in alerts] == [
        ("alert.opened", "near", "threshold_near", "2026-03-25"),
        ("alert.resolved", "near", "threshold_crossed", "2026-03-26"),
        ("alert.opened", "active", "sanction_started", "2026-03-26"),
        ("alert.resolved", "active", "sanction_ended", "2026-04-23"),
    ]
    assert (alerts[2].data.tier, alerts[2].data.until, alerts[2].data.value) == ("tier 1", "2026-04-23T00:00:00Z", 3)
    later = stood(rules, events, "2026-04-10T00:00:00Z")
    assert (later["ledgers"]["points"]["points"], [each["name"] for each in later["sanctions"]]) == (0, ["tier 1"])


def test_points_that_pass_two_tiers_at_once_start_the_higher():
    rules = book(ledger(tiers=TIERS))
    [alert] = emitted_of("points", rules, [fake("1h", count=7)])
    assert (alert.data.tier, alert.data.headroom) == ("tier 2", -1)


def test_a_tier_reached_again_after_clearing_starts_anew():
    rules = book(ledger(clears="month", tiers=TIERS))
    alerts = emitted_of(
        "points", rules, [fake("0h", count=3), fake("2026-02-05T00:00:00Z", count=3)], "2026-02-06T00:00:00Z"
    )
    assert brief(alerts) == [
        "0h opened active sanction_started",
        "672h resolved active sanction_ended",
        "840h opened active sanction_started",
    ]


def test_evidence_against_a_posting_lifts_its_sanction():
    feed = {"clause": "own-1", "of": [{"missed": "joom.late"}], "points": 3}
    rules = book(late_ship(), ledger(feed, tiers=TIERS))
    alerts = emitted_of("points", rules, [placed(), tick("100h"), shipped(at="70h")])
    assert brief(alerts) == ["72h opened active sanction_started", "100h resolved active evidence_arrived"]


def test_each_judgement_of_an_order_posts_and_says_which_order():
    feed = {"clause": "own-1", "of": [{"judged": "joom.late"}], "points": "0.1"}
    rules = book(late_ship(again={"every": "24h", "times": 3}), ledger(feed, near=3, tiers=TIERS))
    events = [placed(), shipped(at="100h")]
    assert points(rules, events, "101h") == 0.2
    assert points(rules, [placed()], "900h") == 0.3


def test_what_the_platform_shows_raises_the_points_to_it_but_never_lowers_them():
    rules = book(ledger(FEED, {"clause": "own-2", "reported": True}))
    shown = [event("points.reported", None, at, value=value) for at, value in (("2h", "5"), ("3h", "4"))]
    assert points(rules, [fake("1h"), *shown], "4h") == 5
    assert points(rules, [fake("1h"), *shown, fake("5h")], "6h") == 6
    other = event("points.reported", None, "2h", name="another", value="9")
    assert points(rules, [fake("1h"), other], "4h") == 1


def test_a_ratio_computed_on_monday_posts_by_the_step_it_reached():
    ratio = rule(
        "ratio", "rate", stages=("near", "failing"), numerator="cancelled", window={"length": "7d"}, every="week",
        tiers=[{"name": "failing", "share": "10%"}],
    )  # fmt: skip
    feed = {"clause": "own-3", "computed": "joom.rate", "points_of": {"failing": 2}}
    rules = book(ratio, ledger(feed))
    events = [placed(str(n)) for n in range(5)] + [event("order.cancelled", "1", "1h")]
    assert points(rules, events, "2026-01-04T23:59:59Z") == 0
    assert points(rules, events, "2026-01-05T00:00:00Z") == 2


def test_a_step_that_tells_other_points_than_the_ledger_takes_is_refused():
    step = {"name": "failing", "share": "10%", "penalty": {"points": 3}}
    ratio = rule(
        "ratio", "rate", stages=("near", "failing"), numerator="cancelled", window={"length": "7d"}, every="week",
        tiers=[step],
    )  # fmt: skip
    with pytest.raises(BadPack, match="has a penalty of 3 points for it"):
        book(ratio, ledger({"clause": "own-3", "computed": "joom.rate", "points_of": {"failing": 2}}))
