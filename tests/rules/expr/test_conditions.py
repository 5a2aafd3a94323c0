"""Which orders count, as packs say it."""

import pytest

from rules.expr.conditions import compile_condition, facts_named, facts_that_end, parse_condition, rules_named
from tests.rules.facts.test_order_facts import facts_of
from tests.rules.history import cancelled, collected, placed, scanned, shipped

LATE, SLOW = 1, 2
BITS = {"joom.late": LATE, "joom.slow": SLOW}


def holds(written, *happenings, missed=0, overdue=0) -> bool:
    return compile_condition(parse_condition(written), BITS)(facts_of(*happenings), missed, overdue)


def test_a_fact_is_there_or_not():
    assert holds("shipped", shipped())
    assert not holds("shipped", placed())
    assert holds({"has": "scanned"}, scanned())


def test_a_cancellation_may_be_asked_by_whom_and_for_what():
    seller = cancelled(by="seller", reason="stock")
    assert holds({"has": "cancelled", "by": ["seller", "system"]}, seller)
    assert holds({"has": "cancelled", "by": "seller", "reason": "stock"}, seller)
    assert not holds({"has": "cancelled", "by": ["buyer"]}, seller)
    assert not holds({"has": "cancelled", "by": ["seller"], "reason": ["quality"]}, seller)
    assert not holds({"has": "cancelled", "by": ["seller"]}, cancelled())
    assert not holds({"has": "cancelled", "by": ["seller"]}, placed())


def test_a_deadline_once_missed_stays_late_and_is_overdue_only_while_unmet():
    assert holds({"late": "joom.late"}, missed=LATE)
    assert not holds({"overdue": "joom.late"}, missed=LATE)
    assert holds({"overdue": "joom.late"}, missed=LATE, overdue=LATE)
    assert not holds({"late": "joom.late"}, missed=SLOW)


def test_terms_agreed_when_the_order_was_placed():
    assert holds({"term": "sensitive"}, placed(sensitive=True))
    assert not holds({"term": "sensitive"}, placed())
    assert holds({"term": "mode", "is": ["presale", "stepped"]}, placed(mode="presale"))
    assert not holds({"term": "mode", "is": "presale"}, shipped())


def test_nothing_is_said_of_a_parcel_before_it_has_gone_out():
    named = collected(tracking_no="T1")
    assert holds({"parcel": "tracked"}, shipped(tracking_no="T1"), named)
    assert not holds({"parcel": "tracked"}, named)
    assert not holds({"parcel": "logistics", "is": "own"}, placed(logistics="own"), named)


def test_conditions_combine():
    late, shop = {"late": "joom.late"}, {"has": "cancelled", "by": ["seller"]}
    assert holds({"any": [late, shop]}, cancelled(by="seller"))
    assert not holds({"all": [late, shop]}, cancelled(by="seller"))
    assert holds({"all": [late, shop]}, cancelled(by="seller"), missed=LATE)
    assert holds({"all": [{"not": shop}, late]}, missed=LATE)
    assert holds({"any": [shop, "shipped", late]}, shipped())
    assert not holds({"any": [shop, "shipped", late]}, placed())


def test_a_condition_names_the_rules_it_leans_on():
    written = {"any": [{"late": "a.b"}, {"all": [{"not": {"overdue": "c.d"}}, "shipped"]}]}
    assert rules_named(parse_condition(written)) == {"a.b", "c.d"}


def test_a_condition_names_the_facts_it_looks_at():
    written = {"any": [{"late": "a.b"}, {"all": [{"not": "refunded"}, {"term": "sensitive"}]}, {"has": "cancelled"}]}
    assert facts_named(parse_condition(written)) == {"refunded", "placed", "cancelled"}


@pytest.mark.parametrize(
    "written",
    [
        "teleported",
        5,
        None,
        [],
        {},
        {"any": []},
        {"any": "shipped"},
        {"any": ["shipped"], "all": ["placed"]},
        {"has": "placed", "by": ["seller"]},
        {"has": ["placed"]},
        {"late": 5},
        {"late": "joom.late", "by": "seller"},
        {"term": "colour"},
        {"not": ["shipped"]},
        {"sometimes": "shipped"},
    ],
)
def test_what_is_no_condition_says_so(written):
    with pytest.raises(ValueError, match=r"condition|fact|means nothing|by and reason|takes|term"):
        parse_condition(written)


@pytest.mark.parametrize(
    ("written", "ending"),
    [
        ({"not": "shipped"}, {"shipped"}),
        ({"all": ["cancelled", {"not": {"any": ["shipped", "collected"]}}]}, {"shipped", "collected"}),
        ({"not": {"has": "cancelled", "by": ["buyer"]}}, set()),  # an earlier word may say by whom else
        ({"any": ["shipped", {"not": "shipped"}]}, set()),
        ({"not": {"not": "shipped"}}, set()),
    ],
)
def test_facts_that_can_only_end_a_condition_are_known(written: object, ending: set[str]) -> None:
    assert facts_that_end(parse_condition(written)) == ending
