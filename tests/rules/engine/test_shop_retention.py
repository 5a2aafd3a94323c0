"""What is kept of a shop, and for how long."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.events import decode
from rules.reports.standing import standing
from tests.rules.history import book, event, ms, placed, rule, shipped, tick

LONG_AFTER = "500d"
COUNTERFEIT = {"violation": ["counterfeit"]}


def ledger(of: Mapping[str, Any] = COUNTERFEIT, **parts: Any) -> dict[str, Any]:
    """Two points for each counterfeit."""
    feed = {"clause": "own-points", "of": [of], "points": 2}
    wording = {"severity": {"active": "critical"}, "summary": {"active": "closed"}} if "tiers" in parts else {}
    general = {"id": "joom.points", "clause": "own-points", "kind": "ledger", "source": "test", "confidence": "ours"}
    return {**general, "ledger": "points", "feeds": [feed], **wording, **parts}


def freeze() -> dict[str, Any]:
    """A counterfeit freezes the shop for good."""
    wording = {"severity": {"active": "critical"}, "summary": {"active": "frozen"}}
    general = {"id": "joom.frozen", "clause": "own-frozen", "kind": "event", "source": "test", "confidence": "ours"}
    return {**general, "of": COUNTERFEIT, "sanction": {"name": "frozen"}, **wording}


def counterfeit(at: str, kind: str = "counterfeit") -> Any:
    envelope = {
        "type": "violation.recorded",
        "id": at,
        "source": "test",
        "time": ms(at),
        "platform": "joom",
        "shop": "s1",
    }
    return decode(orjson.dumps({**envelope, "data": {"kind": kind}}))


LOOKED_AT_AGAIN = tick("490d"), counterfeit("491d", "another")
"""What is too old by then has been dropped, and all that rests on it is evaluated again."""


def standing_after(rules: Any, *events: Any, at: str = LONG_AFTER) -> dict[str, Any]:
    engine = Engine(rules, stepping=True)
    list(replay(engine, [*events, tick(at)]))
    return standing(engine.shop("joom", "s1"), engine.clock_ms)


@pytest.mark.parametrize("written", [freeze(), ledger(tiers=[{"name": "frozen", "at": 2}])], ids=["event", "ledger"])
def test_what_closed_a_shop_for_good_is_never_forgotten(written):
    [sanction] = standing_after(book(written), counterfeit("1h"))["sanctions"]
    assert (sanction["name"], sanction["until"]) == ("frozen", None)


def test_the_crossing_that_closed_a_shop_for_good_is_never_forgotten():
    preorders = rule("level", "preorders", of="preorder_share", above="0.1")
    closed = {**freeze(), "of": {"crossed": "joom.preorders"}}
    crossed = [event("listing.counts", None, at, total=100, preorder=n) for at, n in (("1h", 20), ("2h", 5))]
    engine = Engine(book(preorders, closed), stepping=True)
    list(replay(engine, [*crossed, tick(LONG_AFTER)]))
    shop = engine.shop("joom", "s1")
    assert [sanction["name"] for sanction in standing(shop, engine.clock_ms)["sanctions"]] == ["frozen"]
    assert len(shop.facts.of("listing.counts")) == 2  # a restart finds it by these


@pytest.mark.parametrize(
    "lasting",
    [{}, {"expires": "730d"}, {"tiers": [{"name": "closed", "at": 2, "lasts": "730d"}], "clears": "year"}],
    ids=["points that nothing clears", "points", "a sanction"],
)
def test_what_lasts_longer_than_events_are_kept_is_kept_for_as_long(lasting: dict[str, Any]):
    standing = standing_after(book(ledger(**lasting)), counterfeit("1h"), *LOOKED_AT_AGAIN)
    assert standing["ledgers"]["points"]["points"] == (0 if "clears" in lasting else 2)
    assert [each["name"] for each in standing["sanctions"]] == (["closed"] if "tiers" in lasting else [])


def test_an_alert_that_is_shown_for_longer_is_kept_for_as_long():
    shown = {"severity": {"crossed": "warning"}, "summary": {"crossed": "!"}, "of": COUNTERFEIT, "lasts": "730d"}
    general = {"clause": "own-1", "source": "test", "confidence": "ours", "id": "joom.once", "kind": "event"}
    standing = standing_after(book({**general, **shown}), counterfeit("1h"), *LOOKED_AT_AGAIN)
    assert standing["open_alerts"] == 1


def test_what_was_free_as_it_came_first_stays_the_first_however_long_ago_it_was():
    feed = {"clause": "own-points", "of": [COUNTERFEIT], "points": 2, "free": 1}
    rules = book(ledger(feeds=[feed], expires="90d"))
    assert standing_after(rules, counterfeit("1h"), counterfeit("480d"))["ledgers"]["points"]["points"] == 2


def test_a_level_that_nobody_speaks_of_any_more_stands_where_it_stood():
    preorders = rule("level", "preorders", of="preorder_share", above="0.1")
    counts = [event("listing.counts", None, at, total=100, preorder=20) for at in ("1h", "2h")]
    standing = standing_after(book(preorders), *counts)
    assert (standing["open_alerts"], standing["metrics"]["own-preorders"]["value"]) == (1, 0.2)
    feed = {"clause": "own-points", "of": [{"crossed": "joom.preorders"}], "points": 2}
    again = event("listing.counts", None, "490d", total=100, preorder=20)
    rules = book(preorders, ledger(feeds=[feed], expires="90d"))
    assert standing_after(rules, *counts, again)["ledgers"]["points"]["points"] == 0, "it has been above all the while"


def test_a_promotion_is_dearer_than_a_price_of_long_ago():
    shown = {"severity": {"crossed": "warning"}, "summary": {"crossed": "!"}, "lasts": "30d"}
    general = {"clause": "own-1", "source": "test", "confidence": "ours", "id": "joom.dear", "kind": "event"}
    events = [event("price.changed", None, "1h", sku="A", price="9")]
    events.append(event("promotion.scheduled", None, "490d", sku="A", price="10"))
    assert standing_after(book({**general, **shown, "of": {"promotion": "above_price"}}), *events)["open_alerts"] == 1


def test_points_that_went_with_the_first_of_them_do_not_come_back_when_that_is_old():
    rules = book(ledger(clears_after="365d"))
    assert standing_after(rules, counterfeit("0h"), counterfeit("364d"))["ledgers"]["points"]["points"] == 0


@pytest.mark.parametrize(("at", "points"), [("360d", 2), ("366d", 0)])
def test_a_reused_number_counts_for_as_long_as_its_points_do(at, points):
    rules = book(ledger({"reused": "tracking_no"}, clears="year"))
    shipments = [shipped(order, "1h", tracking_no="YT1") for order in ("1", "2")]
    standing = standing_after(rules, placed("1"), placed("2"), *shipments, at=at)
    assert standing["ledgers"]["points"]["points"] == points


def test_what_nothing_asks_for_any_more_is_dropped():
    engine = Engine(book(ledger(expires="90d")), stepping=True)
    list(replay(engine, [counterfeit("0h"), tick(LONG_AFTER)]))
    assert engine.shop("joom", "s1").facts.of("violation.recorded") == []


def test_of_profiles_only_the_words_that_still_hold_are_kept():
    engine = Engine(book(ledger(expires="90d")), stepping=True)
    stated = [("0h", {"site": "TW"}), ("1h", {"currency": "USD"}), ("2h", {}), ("3h", {"currency": "TWD"})]
    profiles = [event("shop.profile", None, at, **what) for at, what in stated]
    list(replay(engine, [*profiles[::-1], *profiles]))
    shop = engine.shop("joom", "s1")
    assert sorted(entry.at_ms for entry in shop.facts.of("shop.profile")) == [ms("0h"), ms("3h")]
    assert (shop.facts.profile("site"), shop.facts.profile("currency")) == ("TW", "TWD")


def test_what_was_said_of_a_time_long_past_is_dropped_but_what_may_be_said_again_is_not():
    shown = {"severity": {"crossed": "warning"}, "summary": {"crossed": "!"}, "of": COUNTERFEIT}
    general = {"clause": "own-1", "source": "test", "confidence": "ours", **shown}
    once = {**general, "id": "joom.once", "kind": "event", "lasts": "7d"}
    rating = {**general, "id": "joom.rating", "kind": "level", "of": "rating", "below": 4}
    engine = Engine(book(once, rating), stepping=True)
    scores = [event("rating.updated", None, "1h", score=3), event("rating.updated", None, "2h", score=5)]
    list(replay(engine, [counterfeit("0h"), *scores, tick("100d")]))
    shop = engine.shop("joom", "s1")
    assert sorted(emitted.rule for emitted in shop.emitted.alerts.values()) == ["joom.once", "joom.rating"]
    [dropped] = [alert for alert, emitted in shop.emitted.alerts.items() if emitted.rule == "joom.once"]
    engine.advance(ms("500d"))
    assert [emitted.rule for emitted in shop.emitted.alerts.values()] == ["joom.rating"]
    assert engine.drain().forgotten == [dropped]


def test_a_sku_that_has_no_sales_left_leaves_nothing_behind():
    cover = {"id": "joom.cover", "clause": "own-1", "kind": "level", "source": "test", "confidence": "ours",
             "of": "stock_cover", "velocity": "7d", "below": 7,
             "severity": {"crossed": "warning"}, "summary": {"crossed": "!"}}  # fmt: skip
    engine = Engine(book(cover), stepping=True)
    list(replay(engine, [placed(items=[{"sku": "A1"}]), tick(LONG_AFTER)]))
    assert engine.shop("joom", "s1").sales.by_sku == {}
