"""Routes: a carrier's trouble, and which line to switch to at each level of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rules.alerts import Cause, Emitted, Open
from rules.instants import NEVER
from rules.kinds.rule import Case, Rule, Said, Verdict
from rules.shopfacts import Entry, said_by

if TYPE_CHECKING:
    from rules.watch import Shop

State = Literal["saturated", "paralysed", "extreme"]


class Route(Rule, tag="route", tag_field="kind", kw_only=True, frozen=True):
    """While a carrier (in a region) is in trouble, `lines` says by state where its parcels go instead. The state is the
    stage."""

    lines: dict[State, str]

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "carrier", "region", "line", "where"})

    def stages(self) -> tuple[str, ...]:
        return tuple(self.lines)

    def complaints(self) -> Iterator[tuple[str, str]]:
        if not self.lines:
            yield "lines", "names no state of a carrier"


class RouteJudge:
    """A route rule, ready to judge a shop."""

    def __init__(self, n: int, rule: Route) -> None:
        self.n = n
        self.rule = rule

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        verdicts = []
        for entry in shop.facts.known("carrier.state", at_ms):
            state = entry.data.state
            if state in self.rule.lines:
                opened = Open(state, self.rule.severity[state], tier=state)
                verdicts.append(Verdict(opened, "threshold_crossed", _where(entry)))
        ahead = shop.facts.next_after("carrier.state", at_ms)
        return verdicts, NEVER if ahead is None else ahead

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        entry = next((e for e in shop.facts.known("carrier.state", at_ms) if _where(e) == verdict.subject), None)
        if entry is None:
            return Case({}, dict.fromkeys(("carrier", "region", "line", "where"), "-"))
        data = entry.data
        line = self.rule.lines.get(data.state)
        names = {"carrier": data.carrier, "region": data.region, "line": line, "where": verdict.subject}
        evidence = said_by(entry) | {"carrier": data.carrier, "region": data.region, "state": data.state, "line": line}
        return Case(evidence, names)

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        return "fell_back"

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return None


def _where(entry: Entry) -> str:
    """The carrier, the region, or both."""
    return " ".join(part for part in (entry.data.carrier, entry.data.region) if part) or "-"
