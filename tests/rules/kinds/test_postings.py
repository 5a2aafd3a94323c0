"""What a ledger posts at one instant."""

from typing import Any

import orjson

from rules.dsl.reader import parse
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from tests.rules.history import START_MS, brief, run

WEEKLY = RuleBook(
    [
        parse(
            """
            platform: joom
            rules:
              - {id: joom.points, clause: own-1, kind: ledger, source: test, confidence: ours, ledger: points,
                 posts: week, feeds: [{clause: own-2, of: [{violation: [fake_orders]}], points: 2},
                 {clause: own-3, of: [{violation: [counterfeit]}], points: 3}],
                 tiers: [{name: warned, at: 3, lasts: 7d}, {name: frozen, at: 9, lasts: 7d}],
                 severity: {active: critical}, summary: {active: "{value} points, {sanction}"}}
            """,
            "test.yaml",
        )
    ]
)


def violation(kind: str, hour: int) -> Any:
    written = {"type": "violation.recorded", "id": f"{kind}{hour}", "source": "test", "platform": "joom", "shop": "s1"}
    return decode(orjson.dumps({**written, "time": START_MS + hour * 3_600_000, "data": {"kind": kind}}))


def test_a_monday_is_one_step_however_many_postings_it_has():
    alerts = run(WEEKLY, [violation("fake_orders", 1), violation("counterfeit", 2), violation("fake_orders", 3)], "97h")
    assert brief(alerts) == ["96h opened active sanction_started"]
    [alert] = alerts
    assert (alert.data.tier, alert.data.value, alert.data.summary) == ("warned", 7, "7 points, warned")
    assert alert.data.evidence["postings_total"] == 3
    first = alert.data.evidence["postings"][0]
    assert (first["at"], first["happened_at"]) == ("2026-01-05T00:00:00Z", "2026-01-01T01:00:00Z")
    assert alert.data.penalty is not None and alert.data.penalty.points == 7
