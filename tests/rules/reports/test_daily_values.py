"""A shop's figures of a local day."""

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.daily_values import AlertsOfDay, DailyValues, PointsOfDay, RatioOfDay, decode, encode
from rules.plan.rule_book import RuleBook
from rules.reports.daily_values import alerts_since, daily_values
from rules.reports.standing import standing
from tests.rules.history import TimedEvent, book, event, late_ship, ms, pack_file, placed, rule, shipped


def of_day(rules: RuleBook, events: list[TimedEvent], at: str, platform: str = "joom") -> DailyValues:
    shop = played(rules, events, at).shop(platform, "s1")
    return daily_values(shop, ms(at), AlertsOfDay())


def played(rules: RuleBook, events: list[TimedEvent], at: str) -> Engine:
    engine = Engine(rules, stepping=True)
    for _ in replay(engine, events, ms(at)):
        pass
    return engine


SHARE = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="5%", window={"length": "7d"})


def orders(number: int, unshipped: int, **more: object) -> list[TimedEvent]:
    return [
        *[placed(str(n), "0h", **more) for n in range(number)],
        *[shipped(str(n), "1h") for n in range(unshipped, number)],
    ]


def test_a_ratio_is_as_the_standing_shows_it_with_the_days_that_it_counts() -> None:
    rules = book(late_ship(within="48h"), SHARE)
    found = of_day(rules, orders(20, 3), "71h")
    assert (found.platform, found.shop, found.day, found.zone) == ("joom", "s1", "2026-01-03", "UTC")
    assert found.ratios == {
        "joom.share": RatioOfDay(
            value=0.15,
            threshold=0.05,
            numerator=3,
            denominator=20,
            first_day="2025-12-28",
            last_day="2026-01-03",
            period=None,
        )
    }
    assert found.open_alerts == {"critical": 4}


def test_a_ratio_without_orders_has_no_value() -> None:
    found = of_day(book(late_ship(within="48h"), SHARE), [placed("1", "0h")], "240h")
    assert (found.ratios["joom.share"].value, found.ratios["joom.share"].denominator) == (None, 0)


def test_a_calendar_month_is_named_and_its_money_at_stake_and_penalties_are_told() -> None:
    joom = RuleBook([pack_file("rules/packs/joom.yaml")])
    found = of_day(joom, orders(50, 13, amount="100", currency="USD"), "100h")
    month = found.ratios["joom.unshipped_ratio"]
    assert (month.numerator, month.denominator, month.threshold) == (50, 50, 0.05)  # no carrier has scanned any
    assert (month.period, month.first_day, month.last_day) == ("2026-01", "2026-01-01", "2026-01-31")
    assert found.exposure == [{"amount": "1000.00", "currency": "USD"}]
    assert found.penalties == [{"amount": "1000.00", "currency": "USD"}]


def test_points_are_told_with_the_limit_ahead_and_from_when_on_they_count() -> None:
    shopee = RuleBook([pack_file("rules/packs/shopee.yaml")])
    events = [event("violation.recorded", None, "1h", platform="shopee", kind="prohibited_item", id="v1")]
    found = of_day(shopee, events, "400h", "shopee")
    (points,) = found.ledgers.values()
    ledger = standing(played(shopee, events, "400h").shop("shopee", "s1"), ms("400h"))["ledgers"]["points"]
    assert isinstance(points, PointsOfDay)
    assert (points.ledger, points.points, points.limit) == (
        "points",
        ledger["points"],
        ledger["points"] + ledger["headroom"],
    )
    assert points.points > 0
    assert points.first_day == "2026-01-05"


def test_the_day_is_that_of_the_platforms_zone() -> None:
    douyin = RuleBook([pack_file("rules/packs/douyin.yaml")])
    found = of_day(douyin, [placed("1", "0h", platform="douyin")], "17h", "douyin")
    assert (found.day, found.zone) == ("2026-01-02", "Asia/Shanghai")


def test_the_alerts_of_a_day_are_counted_from_what_was_last_emitted() -> None:
    rules = book(late_ship(within="48h"))
    events = [placed("1", "0h"), placed("2", "20h"), placed("3", "30h"), shipped("2", "71h"), shipped("1", "80h")]
    shop = played(rules, events, "90h").shop("joom", "s1")
    assert alerts_since(shop, ms("72h")) == AlertsOfDay(opened=1, resolved=1, deadlines_missed=1)
    assert alerts_since(shop, ms("48h")) == AlertsOfDay(opened=3, resolved=2, deadlines_missed=3)


def test_open_alerts_by_severity_are_those_of_the_shop_and_its_orders() -> None:
    rules = book(late_ship(within="48h"), SHARE)
    shop = played(rules, orders(20, 3), "71h").shop("joom", "s1")
    held = [
        *shop.emitted.alerts.values(),
        *(each for order in shop.orders.values() for each in (order.alerts or {}).values()),
    ]
    counted: dict[str, int] = {}
    for each in held:
        if each.open:
            counted[each.severity] = counted.get(each.severity, 0) + 1
    assert counted
    assert {severity: number for severity, number in shop.emitted.open_by_severity.items() if number} == counted
    assert shop.emitted.open_total == sum(counted.values())


def test_a_record_reads_back_as_it_was_written() -> None:
    found = of_day(book(late_ship(within="48h"), SHARE), orders(20, 3), "71h")
    assert decode(encode(found)) == found
    assert found.key() == b"joom/s1/2026-01-03"
