"""When a ledger's points are next looked at, and what they will be then."""

from typing import Any

import pytest

from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.plan.rule_book import RuleBook
from rules.reports.forecast import with_forecast
from rules.reports.standing import standing
from tests.rules.history import ms, pack_file, placed


def forecast(platform: str, ledger: str, orders: int, at: str) -> dict[str, Any]:
    """Of a shop whose orders, placed at the start, nobody ships."""
    engine = Engine(RuleBook([pack_file(f"rules/packs/{platform}.yaml")]), stepping=True)
    list(replay(engine, [placed(str(n), platform=platform) for n in range(orders)], ms(at)))
    shop = engine.shop(platform, "s1")
    found: dict[str, Any] = with_forecast(standing(shop, ms(at)), shop, ms(at))["ledgers"][ledger]["forecast"]
    return found


@pytest.mark.parametrize("at", ["6d", "10d"], ids=["not yet late", "late"])
def test_points_of_a_monthly_review_are_foreseen_for_the_review(at):
    found = forecast("aliexpress", "points", 10, at)
    assert found == {"at": "2026-02-01T00:00:00Z", "points": 12.0, "tier": "frozen 7 days"}


def test_points_that_are_taken_at_once_are_foreseen_for_the_end_of_the_local_day():
    found = forecast("douyin", "A", 30, "47h")
    assert found == {"at": "2026-01-03T16:00:00Z", "points": 2.0, "tier": None}
