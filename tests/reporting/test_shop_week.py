"""What a week was for a shop: counted, compared and lost, and nothing that isn't known."""

from decimal import Decimal

from rules.messages.daily_values import AlertsOfDay
from streams.reporting.shop_week import ShopWeek, shop_week
from streams.reporting.week import Week
from tests.reporting.records import SUNDAY_BEFORE, WEEK, by_day, day_of, points, ratio, record

W02 = Week.named("2026-W02")
MONDAY = "2026-01-04T16:00:00Z"
"""The first instant of the week in Shanghai."""
WEDNESDAY = "2026-01-07T08:00:00Z"
AFTER = "2026-01-11T16:00:00Z"
BEFORE = "2026-01-04T15:59:59Z"


def of(*trails: list) -> ShopWeek:  # type: ignore[type-arg]
    found = shop_week(W02, by_day(*(day_of(day) for day in WEEK)), trails)
    assert found is not None
    return found


def test_a_week_of_which_nothing_is_known_is_none() -> None:
    assert shop_week(W02, by_day(day_of(SUNDAY_BEFORE), day_of("2026-01-12")), []) is None


def test_alerts_and_missed_deadlines_of_its_days_are_added_up() -> None:
    counts = AlertsOfDay(opened=3, resolved=2, deadlines_missed=1)
    days = [day_of(day, alerts=counts, open_alerts={"critical": n}) for n, day in enumerate(WEEK)]
    found = shop_week(W02, by_day(day_of(SUNDAY_BEFORE, alerts=counts), *days), [])
    assert found is not None
    assert (found.opened, found.resolved, found.deadlines_missed, found.days) == (21, 14, 7, 7)
    assert found.open_alerts == {"critical": 6}


def test_ratios_and_points_are_those_of_the_day_before_and_of_the_last_day() -> None:
    start = day_of(SUNDAY_BEFORE, ratios={"a": ratio(0.02, 2), "gone": ratio(0.5)}, ledgers={"p": points(3)})
    end = day_of(WEEK[3], ratios={"a": ratio(0.06, 6), "new": ratio(0.1)}, ledgers={"p": points(5.5)})
    found = shop_week(W02, by_day(start, day_of(WEEK[0]), end), [])
    assert found is not None and found.days == 2
    figures = {each.rule: (each.start and each.start.value, each.end and each.end.value) for each in found.ratios}
    assert figures == {"a": (0.02, 0.06), "new": (None, 0.1), "gone": (0.5, None)}
    (ledger,) = found.points
    assert ledger.start is not None and ledger.end is not None
    assert (ledger.start.points, ledger.end.points) == (3, 5.5)


def test_without_the_day_before_nobody_knows_how_it_began() -> None:
    found = shop_week(W02, by_day(day_of(WEEK[0], ratios={"a": ratio(0.02)})), [])
    assert found is not None and found.ratios[0].start is None


def test_a_penalty_is_lost_once_it_is_settled_and_avoided_where_the_alert_ends_before() -> None:
    usd = {"amount": "12.00", "currency": "USD"}
    both = usd | {"others": [{"amount": "3", "currency": "EUR"}]}
    found = of(
        [record("1", BEFORE, penalty=usd), record("1", WEDNESDAY, 2, "resolved", reason="period_ended", penalty=both)],
        [record("2", BEFORE, penalty=usd), record("2", WEDNESDAY, 2, "resolved", reason="fell_back")],
        [record("3", BEFORE, 2, "resolved", reason="period_ended", penalty=usd)],
        [record("4", AFTER, 2, "resolved", reason="period_ended", penalty=usd)],
        [record("5", WEDNESDAY, 2, "resolved", reason="voided", penalty=usd)],
        [record("6", WEDNESDAY, penalty=usd)],
    )
    assert found.lost == {"USD": Decimal("12.00"), "EUR": Decimal("3")}
    assert found.avoided == {"USD": Decimal("12.00")}


def test_an_order_is_late_in_the_week_in_which_its_deadline_passed_and_waits_until_that_is_met() -> None:
    found = of(
        [record("1", BEFORE, due_at=WEDNESDAY)],
        [record("1", BEFORE, due_at=MONDAY, rule="joom.other")],
        [record("2", WEDNESDAY, 2, "resolved", due_at=WEDNESDAY)],
        [record("3", AFTER, 2, "resolved", due_at=WEDNESDAY)],
        [record("4", BEFORE, due_at=BEFORE)],
        [record("5", BEFORE, due_at=AFTER)],
        [record("6", BEFORE, due_at=WEDNESDAY, stage="due_soon")],
        [record(None, BEFORE, due_at=WEDNESDAY)],
    )
    assert (found.late_orders, found.still_late) == (3, 2)


def test_the_rules_with_most_alerts_are_told_by_name() -> None:
    found = of(
        [record("1", MONDAY)],
        [record("2", BEFORE, 2, "resolved", opened_at=BEFORE)],
        *([record(str(n), WEDNESDAY, rule="joom.many", titles={})] for n in range(3)),
        [record("9", BEFORE, rule="joom.old")],
    )
    shown = {each.rule: (each.opened, each.resolved) for each in found.worst}
    assert shown == {"joom.many": (3, 0), "joom.late": (1, 0)}
    assert found.worst[1].titles["zh"] == "逾时未发货"
