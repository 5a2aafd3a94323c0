"""Tiers of a ratio: what each costs, by the version in force."""

from typing import Any

from rules.dsl.reader import parse
from rules.messages.alerts import Alert
from rules.plan.rule_book import RuleBook
from tests.rules.history import cancelled, placed, run

PACK = """
platform: joom
rules:
  - id: joom.cancellations
    clause: own-cancellations
    kind: ratio
    source: test
    confidence: ours
    numerator: {has: cancelled, by: [seller]}
    near: 5%
    tiers:
      - {name: fee, share: 10%, penalty: {share: 3%, effect: 3 % of each order}}
      - {name: high fee, share: 20%, penalty: {share: 6%, effect: 6 % of each order}}
    severity: {near: info, fee: warning, high fee: critical}
    summary: {near: "{value}: {effect}", fee: "{value}: {effect}", high fee: "{value}: {effect}"}
    versions:
      - effective_to: "2026-01-02"
        source: test
        confidence: ours
        set:
          tiers:
            - {name: fee, share: 10%, penalty: {share: 1%, effect: 1 % of each order}}
            - {name: high fee, share: 20%, penalty: {share: 2%, effect: 2 % of each order}}
"""


def last_alert(bad: int, at: str = "0h") -> Alert:
    """The last alert of a hundred orders of 10.00 each, so many of them cancelled one after another."""
    events: list[Any] = [placed(f"{n}", at, amount="10.00", currency="USD") for n in range(100)]
    events += [cancelled(f"{n}", at, by="seller") for n in range(bad)]
    return run(RuleBook([parse(PACK, "test.yaml")]), events)[-1]


def cost(alert: Alert) -> tuple[str | None, str | None, str]:
    penalty = alert.data.penalty
    return (penalty.amount, penalty.effect, alert.data.summary) if penalty else (None, None, alert.data.summary)


def test_each_tier_says_what_it_costs_in_money_and_in_words() -> None:
    assert cost(last_alert(6, "48h")) == (None, None, "6 %: -")
    assert cost(last_alert(11, "48h")) == ("3.30", "3 % of each order", "11 %: 3 % of each order")
    assert cost(last_alert(21, "48h")) == ("12.60", "6 % of each order", "21 %: 6 % of each order")


def test_an_older_version_says_what_it_cost_then() -> None:
    assert cost(last_alert(11)) == ("1.10", "1 % of each order", "11 %: 1 % of each order")
