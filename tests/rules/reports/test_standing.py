"""A shop's standing: its metrics, sanctions and the money at stake."""

import orjson

from rules.engine.engine import Engine
from rules.plan.rule_book import RuleBook
from rules.reports.standing import next_deadline, standing, standings
from tests.rules.history import book, cancelled, event, late_ship, ms, pack_file, placed, scanned, shipped

JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])


def shop_at(at: str, *events, rules=JOOM):
    engine = Engine(rules, stepping=True)
    for happened, at_ms in events:
        engine.apply(happened, at_ms)
    engine.advance(ms(at))
    return standing(engine.shop("joom", "s1"), engine.clock_ms)


def unshipped(count: int, at: str = "0h", **terms):
    return [placed(f"{at}-{n}", at, **terms) for n in range(count)]


def test_a_standing_is_as_in_the_contract():
    stood = shop_at("80h", *unshipped(30, amount="10.00", currency="USD"))
    assert list(stood) == ["platform", "shop", "at", "open_alerts", "metrics", "ledgers", "sanctions", "exposure"]
    assert (stood["platform"], stood["shop"], stood["at"]) == ("joom", "s1", "2026-01-04T08:00:00Z")
    assert stood["metrics"]["joom-3"] == {
        "value": 1.0,
        "numerator": 30,
        "denominator": 30,
        "threshold": 0.05,
        "headroom": -29,
        "window": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
    }
    assert stood["exposure"] == {"amount": "60.00", "currency": "USD"}
    # Thirty late orders, the month's ratio, the suspension, and the quarter that is below its ship rate.
    assert stood["open_alerts"] == 33
    assert orjson.loads(orjson.dumps(stood)) == stood


def test_the_count_of_marks_says_how_many_are_left():
    metric = shop_at("80h", *unshipped(2))["metrics"]["joom-2"]
    assert (metric["value"], metric["threshold"], metric["headroom"]) == (2, 3, 1)


def test_a_sanction_is_named_with_its_bounds_while_it_is_in_force():
    orders = unshipped(3)
    [sanction] = shop_at("80h", *orders)["sanctions"]
    assert sanction == {
        "clause": "joom-2",
        "name": "sales suspended",
        "from": "2026-01-04T00:00:00Z",
        "until": "2026-01-18T00:00:00Z",
    }
    assert shop_at("2026-01-18T00:00:00Z", *orders)["sanctions"] == []


def test_sums_in_other_currencies_stand_beside_the_largest():
    orders = [*unshipped(15, amount="10", currency="USD"), *unshipped(15, "1h", amount="20000", currency="IDR")]
    assert shop_at("80h", *orders)["exposure"] == {
        "amount": "60000.00",
        "currency": "IDR",
        "others": [{"amount": "30.00", "currency": "USD"}],
    }


def test_nothing_is_at_stake_below_the_threshold():
    orders = [*unshipped(1, amount="10", currency="USD"), *unshipped(30, "1h")]
    ended = [cancelled(happened.order, "2h", by="buyer") for happened, _ in orders[1:]]
    assert shop_at("80h", *orders, *ended)["exposure"] is None


def test_a_shop_heard_of_only_by_its_profile_stands_at_nothing():
    engine = Engine(JOOM, stepping=True)
    engine.apply(*event("shop.profile", site="ID"))
    engine.advance(ms("1h"))
    [stood] = standings(engine)
    assert stood["metrics"]["joom-3"]["value"] is None
    assert (stood["open_alerts"], stood["sanctions"], stood["exposure"]) == (0, [], None)


def test_in_the_first_days_of_a_month_the_one_before_is_the_news_until_it_has_orders_of_its_own():
    january = unshipped(20, "2026-01-30T00:00:00Z")
    window = shop_at("2026-02-05T00:00:00Z", *january)["metrics"]["joom-3"]["window"]
    assert window["from"] == "2026-01-01T00:00:00Z"
    both = [*january, placed("new", "2026-02-04T00:00:00Z")]
    window = shop_at("2026-02-05T00:00:00Z", *both)["metrics"]["joom-3"]["window"]
    assert window["from"] == "2026-02-01T00:00:00Z"


def test_standings_are_ordered_by_platform_and_name():
    engine = Engine(JOOM, stepping=True)
    for platform, shop in (("joom", "b"), ("joom", "a"), ("a", "z")):
        engine.apply(*placed(platform=platform, shop=shop))
    engine.advance(ms("1h"))
    assert [(each["platform"], each["shop"]) for each in standings(engine)] == [
        ("a", "z"),
        ("joom", "a"),
        ("joom", "b"),
    ]


def deadline_at(at: str, *events):
    engine = Engine(book(late_ship(), late_ship(id="joom.later", within="90h")), stepping=True)
    for happened, at_ms in events:
        engine.apply(happened, at_ms)
    engine.advance(ms(at))
    return next_deadline(engine.shop("joom", "s1").orders["1"], engine.clock_ms)


def test_the_next_deadline_of_an_order_is_the_first_still_ahead():
    assert deadline_at("5h", placed()) == ("joom.late", ms("72h"))
    assert deadline_at("72h", placed()) == ("joom.later", ms("90h"))
    assert deadline_at("90h", placed()) is None
    assert deadline_at("5h", placed(), shipped(at="4h")) is None
    assert deadline_at("5h", scanned(at="4h")) is None
