"""What is kept of a shop beside its facts comes to the same whatever came before: sales, numbers, what was emitted."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS, MIN_MS, NEVER
from rules.calendar.schedule import Schedule
from rules.kinds.ratio.period_results import PeriodResult, PeriodResults, RuleResults
from rules.messages.alert_state import Emitted
from rules.messages.events import Item
from rules.state.emitted_log import EmittedLog
from rules.state.sales import Sale, Sales
from rules.state.tracking_numbers import TOGETHER_MS, NumberUse, TrackingNumbers, Use

ORDERS = st.sampled_from("abcde")
WEEKLY = Schedule("week", "UTC")


USES = st.builds(
    NumberUse,
    st.sampled_from("XY"),
    st.sampled_from((0, 1, TOGETHER_MS, 2 * TOGETHER_MS, 9 * TOGETHER_MS, 19 * TOGETHER_MS)),
    st.sampled_from((None, "C")),
    st.none() | ORDERS,
)


def runs(uses: list[Use], within_ms: int) -> list[list[Use]]:
    """The uses of a number in time, split where it was a new number again."""
    split: list[list[Use]] = []
    for use in sorted(uses, key=lambda use: use[:2]):
        if split and use.at_ms - split[-1][-1].at_ms <= within_ms:
            split[-1].append(use)
        else:
            split.append([use])
    return split


def in_other_parcels(uses: list[Use]) -> set[Use]:
    """Of the uses of a number, those that went out in another parcel than the first."""
    first = {min(uses, key=lambda use: use[:2])}
    while more := {use for use in {*uses} - first if any(use.is_one_parcel_with(each) for each in first)}:
        first |= more
    return {*uses} - first


@given(
    st.lists(st.tuples(ORDERS, st.lists(USES, max_size=3, unique=True).map(tuple))),
    st.sampled_from((8 * TOGETHER_MS, NEVER)),
)
def test_all_but_the_first_parcel_of_a_number_reuse_it_until_it_is_a_new_one(
    steps: list[tuple[str, tuple[NumberUse, ...]]], within_ms: int
) -> None:
    numbers, now, changes = TrackingNumbers(within_ms), dict[str, tuple[NumberUse, ...]](), Counter[tuple[int, str]]()
    for order, uses in steps:
        changes.update(numbers.replace(order, now.get(order, ()), uses))
        now[order] = uses
    by_number: dict[str, list[Use]] = defaultdict(list)
    for order, uses in now.items():
        for use in uses:
            by_number[use.number].append(Use(use.at_ms, order, use.carrier, use.combined_with))
    split = {number: runs(several, within_ms) for number, several in by_number.items()}
    reused = {number: set[Use]().union(*map(in_other_parcels, several)) for number, several in split.items()}
    instants = sorted((use.at_ms, use.order) for uses in reused.values() for use in uses)
    assert numbers.reuses.in_time() == instants
    assert sorted(each for each, times in Counter(instants).items() if times % 2) == sorted(
        each for each, times in changes.items() if times % 2
    )
    for order, uses in now.items():
        for use in uses:
            as_kept = Use(use.at_ms, order, use.carrier, use.combined_with)
            assert numbers.is_reuse(order, use) == (as_kept in reused[use.number])
            (run,) = (run for run in split[use.number] if as_kept in run)
            assert numbers.first_used_by(order, use) == run[0].order
        shared = [by_number[use.number] for use in uses if len(by_number[use.number]) > 1]
        last_ms = max((use.at_ms for several in shared for use in several), default=MIN_MS)
        assert numbers.reused_ms(uses) == last_ms


@given(st.lists(st.tuples(ORDERS, st.none() | st.tuples(st.integers(0, 2), st.integers(1, 3)))))
def test_sales_are_those_of_the_orders_as_they_are_now(steps: list[tuple[str, tuple[int, int] | None]]) -> None:
    sales, now = Sales(), dict[str, Sale | None]()
    for order, sold in steps:
        sale = None if sold is None else (sold[0], (Item(sku="A1", qty=sold[1]),))
        assert set(sales.replace(now.get(order), sale)) <= {"A1"}
        now[order] = sale
    by_day = Counter[int]()
    for sale in now.values():
        by_day.update({} if sale is None else {sale[0]: sale[1][0].qty})
    assert sales.by_sku == ({"A1": dict(by_day)} if by_day else {})
    assert ("A1" in sales) == bool(by_day)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("xyz"), st.booleans())))
def test_so_many_alerts_are_open_as_were_last_emitted_open(steps: list[tuple[bool, str, bool]]) -> None:
    log, of_order = EmittedLog(), dict[str, Emitted]()
    for is_of_shop, alert, is_open in steps:
        held = log.alerts if is_of_shop else of_order
        log.record(held, alert, Emitted(f"rule {alert}", 1, is_open, "info", "near", 0, 0, 0, None))
    for alert in [alert for alert, emitted in of_order.items() if not emitted.open]:
        log.reopen(of_order, alert)
    assert log.open_total == len(of_order) + sum(emitted.open for emitted in log.alerts.values())
    for alert in "xyz":
        assert (alert in log.open_of(f"rule {alert}")) == (alert in log.alerts and log.alerts[alert].open)


def test_a_result_that_came_back_before_its_rule_is_found_by_it() -> None:
    result = PeriodResult("-", 1, 10, None)
    results, weekly = PeriodResults(), RuleResults("weekly")
    results.restore("weekly", 0, result)
    results.restore("gone", 0, result)
    results.bind([weekly], [WEEKLY], [])
    assert weekly.by_boundary == {0: result}
    assert results.by_rule() == {"weekly": {0: result}, "gone": {0: result}}
    assert results.take_unsaved() == ()


def test_only_results_that_have_changed_are_saved() -> None:
    result = PeriodResult("-", 1, 10, None)
    results, weekly = PeriodResults(), RuleResults("weekly")
    results.bind([weekly], [WEEKLY], [])
    assert weekly.put(0, result)
    assert not weekly.put(0, result)
    assert weekly.put(0, None)
    assert list(results.take_unsaved()) == [("weekly", 0), ("weekly", 0)]


def test_results_are_saved_as_another_plan_has_them_before_it_is_bound() -> None:
    result, monday_ms = PeriodResult("-", 1, 10, None), 4 * DAY_MS
    results, weekly = PeriodResults(), RuleResults("weekly")
    results.bind([weekly], [WEEKLY], [])
    weekly.put(monday_ms, result)
    results.take_unsaved()
    in_jakarta_ms = monday_ms - 7 * HOUR_MS
    for schedule, saved_ms in (Schedule("week", "Asia/Jakarta"), in_jakarta_ms), (WEEKLY, monday_ms):
        results.move({"weekly": schedule})
        assert set(results.take_unsaved()) == {("weekly", monday_ms), ("weekly", in_jakarta_ms)}
        assert results.saved("weekly", saved_ms) == result
        assert results.saved("weekly", monday_ms + in_jakarta_ms - saved_ms) is None
        assert results.by_rule() == {"weekly": {monday_ms: result}}, "its rule still goes by it"
    results.bind([RuleResults("weekly")], [WEEKLY], [])
    assert results.by_rule() == {"weekly": {monday_ms: result}}
    assert results.moved is None
