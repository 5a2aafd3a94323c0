"""Engines made of a few rules and happenings."""

from rules.engine.engine import Engine
from rules.plan.rule_book import RuleBook
from tests.rules.history import TimedEvent, book, late_ship, rule

WARN = [{"before": "24h", "severity": "info"}]
LATE = book(late_ship())
SHARE = rule(
    "ratio",
    "share",
    numerator={"late": "joom.late"},
    denominator="placed",
    window={"length": "30d"},
    threshold="5%",
)
MARKS = rule("count", "marks", of={"missed": "joom.late"}, threshold=2, sanction={"name": "suspended", "lasts": "14d"})
FULL = book(late_ship(ship_by=True, warn=WARN), SHARE, MARKS)


def engine(rules: RuleBook = LATE, *events: TimedEvent, stepping: bool = True) -> Engine:
    made = Engine(rules, stepping=stepping)
    apply(made, *events)
    return made


def apply(to: Engine, *events: TimedEvent) -> None:
    for happened, at_ms in events:
        to.apply(happened, at_ms)
