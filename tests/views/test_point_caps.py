"""Points of many alerts: no more than the ledger itself would take."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS
from rules.plan.rule_book import RuleBook
from streams.views.point_caps import CappedSum, Caps, caps_of
from tests.rules.history import pack_file
from tests.runtime.support import START_MS

A_TIME = Decimal("0.1")
SHANGHAI = "Asia/Shanghai"


def added(caps: Caps, *at_ms: int, order: str | None = None) -> Decimal:
    points = CappedSum(caps)
    for n, each in enumerate(at_ms):
        points.add(each, order or str(n), A_TIME)
    return points.total()


def test_a_day_and_a_week_take_no_more_than_their_caps() -> None:
    caps = Caps({"day": Decimal(2), "week": Decimal(6)}, SHANGHAI)
    assert added(caps, *[START_MS] * 19) == Decimal("1.9")
    assert added(caps, *[START_MS] * 50) == 2
    monday = START_MS + 4 * DAY_MS
    assert added(caps, *[monday + day * DAY_MS for day in range(7) for _ in range(50)]) == 6
    assert added(caps, *[monday + day * DAY_MS for day in range(8) for _ in range(50)]) == 8


def test_days_are_local() -> None:
    caps = Caps({"day": A_TIME}, SHANGHAI)
    assert added(caps, START_MS + 15 * HOUR_MS, START_MS + 16 * HOUR_MS) == 2 * A_TIME


def test_an_order_takes_no_more_than_its_cap() -> None:
    caps = Caps({"order": A_TIME}, SHANGHAI)
    assert added(caps, START_MS, START_MS, order="1") == A_TIME
    assert added(caps, START_MS, START_MS) == 2 * A_TIME


@given(st.lists(st.integers(0, 60), max_size=200), st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_added_does_not_matter(days: list[int], random: object) -> None:
    caps = Caps({"day": Decimal(1), "week": Decimal(3)}, SHANGHAI)
    at_ms = [START_MS + day * DAY_MS for day in days]
    shuffled = sorted(at_ms, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert added(caps, *at_ms) == added(caps, *shuffled) <= A_TIME * len(days)


def test_the_packs_caps_are_found_by_rule_and_ledger() -> None:
    found = caps_of(RuleBook([pack_file("rules/packs/douyin.yaml")]))
    late = found["douyin.late_ship", "A"]
    assert (dict(late.most), late.zone) == ({"day": 2, "week": 6}, SHANGHAI)
    assert dict(found["douyin.fake_shipment", "B"].most) == {"order": A_TIME, "day": 1, "week": 2}
    assert ("douyin.late_ship", "B") not in found
