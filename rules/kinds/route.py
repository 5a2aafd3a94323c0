"""Routes: which line to use instead while a carrier is in trouble."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from rules.calendar.instants import NEVER
from rules.facts.shop_facts import Entry, event_evidence
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.rule import FieldDiagnostic
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason

Condition = Literal["saturated", "paralysed", "extreme"]


class Route(ShopRule, tag="route", tag_field="kind", kw_only=True, frozen=True):
    """While a carrier (in a region) is in trouble, `lines` says by state where its parcels go instead. The state is the
    stage."""

    lines: dict[Condition, str]

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "carrier", "region", "line", "where"})

    def events(self) -> set[str]:
        return {"carrier.state"}

    def stages(self) -> tuple[str, ...]:
        return tuple(self.lines)

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        if not self.lines:
            yield "lines", "names no state of a carrier"

    def compile(self, wiring: Wiring) -> "RouteEvaluator":
        return RouteEvaluator(wiring.n, self)


class RouteEvaluator(SubjectEvaluator[Route, None]):
    """Evaluates a route rule, by carrier and region."""

    def __init__(self, n: int, rule: Route) -> None:
        self.n = n
        self.rule = rule

    def keys(self, shop: ShopView) -> list[str]:
        return [_where(entry) for entry in shop.facts.of("carrier.state")]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[str]:
        return [_where(entry)]

    def evaluate_key(self, shop: ShopView, state: None, key: str, at_ms: int) -> Evaluation:
        ahead = [shop.facts.next_about("carrier.state", about, at_ms) for about in _meant(key)]
        next_eval_ms = min([at for at in ahead if at is not None], default=NEVER)
        entry = self._entry(shop, key, at_ms)
        if entry is None or (condition := entry.data.state) not in self.rule.lines:
            return Evaluation([], next_eval_ms)
        opened = Desired(condition, self.rule.severity[condition], tier=condition)
        return Evaluation([Finding(opened, "threshold_crossed", key)], next_eval_ms)

    def _entry(self, shop: ShopView, where: str, at_ms: int) -> Entry | None:
        """The newest state of a carrier; one in trouble, if several have the same name."""
        entries = [shop.facts.newest("carrier.state", about, at_ms) for about in _meant(where)]
        known = [entry for entry in entries if entry is not None]
        return max(known, key=lambda entry: (entry.data.state in self.rule.lines, entry.stamp()), default=None)

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        entry = self._entry(shop, finding.subject, at_ms)
        if entry is None:
            return Evidence({}, dict.fromkeys(("carrier", "region", "line", "where"), "-"))
        data = entry.data
        line = self.rule.lines.get(data.state)
        names = {"carrier": data.carrier, "region": data.region, "line": line, "where": finding.subject}
        details = event_evidence(entry) | {
            "carrier": data.carrier,
            "region": data.region,
            "state": data.state,
            "line": line,
        }
        return Evidence(details, names)

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        return "fell_back"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        where = evidence.names["where"]
        return "The carrier is no longer in trouble" if where == "-" else f"{where} is no longer in trouble"


def _where(entry: Entry) -> str:
    """The subject: the carrier, the region, or both."""
    return _called(entry.data.carrier, entry.data.region)


def _called(carrier: str | None, region: str | None) -> str:
    return " ".join(part for part in (carrier, region) if part) or "-"


def _meant(where: str) -> list[tuple[str, str]]:
    """The carriers and regions that `_where` names so."""
    if where == "-":
        return [("", ""), ("-", ""), ("", "-")]
    spaces = [n for n, letter in enumerate(where) if letter == " "]
    meant = [(where, ""), ("", where), *((where[:n], where[n + 1 :]) for n in spaces)]
    return [about for about in meant if _called(*about) == where]  # not "C" for "C "
