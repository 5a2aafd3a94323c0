"""News of parcels that comes before the order or its shipment, as the topics bring it."""

from itertools import permutations
from typing import Any

import pytest

from rules.engine import engine as engine_module
from rules.facts.order_facts import DetailedFacts
from tests.rules.engines import FULL, engine
from tests.rules.histories import apply, facts_of
from tests.rules.history import collected, drained, placed, scanned, shipped

LIFE = [
    placed("1", "0h"),
    shipped("1", "20h", tracking_no="T1"),
    collected("1", "30h", tracking_no="T1"),
    scanned("1", "32h", status="info_received"),
    scanned("1", "40h"),
    scanned("1", "90h", status="delivered"),
]


def tag(event: Any) -> str:
    return str(event.__struct_config__.tag)


@pytest.fixture
def merges_at_length(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was merged as more than a plain order's."""
    merged: list[object] = []
    merge = engine_module.merge_details
    monkeypatch.setattr(
        engine_module, "merge_details", lambda facts, event, stamp: merged.append(event) or merge(facts, event, stamp)
    )
    return merged


@pytest.mark.parametrize("topics", [*permutations(["order", "pickup", "tracking"])])
def test_an_order_read_topic_by_topic_stays_a_plain_one(
    topics: tuple[str, ...], merges_at_length: list[object]
) -> None:
    made = engine(FULL)
    for topic in topics:
        apply(made, [each for each in LIFE if tag(each[0]).startswith(topic)])
    made.settle()
    assert facts_of(made) == facts_of(engine(FULL, *LIFE))
    assert merges_at_length == []


def test_news_whose_order_does_not_come_in_time_is_kept_at_length_until_it_does() -> None:
    made = engine(FULL)
    apply(made, LIFE[2:])
    made.settle()
    (facts,) = facts_of(made).values()
    assert isinstance(facts, DetailedFacts) and facts.collected is not None
    apply(made, LIFE[:2])
    made.settle()
    assert facts_of(made) == facts_of(engine(FULL, *LIFE))


def test_what_waits_is_saved_with_what_else_has_changed() -> None:
    made = engine(FULL)
    apply(made, LIFE[2:3])
    (order,) = made.drain().orders
    assert order.facts.collected is not None
    assert drained(made) == []
