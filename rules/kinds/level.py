"""Levels: figures that must not fall below, or rise above, a value: a rating, a SKU's stock, points."""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

from msgspec import Struct

from rules.calendar.days import day_of, start_of_day
from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS, NEVER
from rules.facts.shop_facts import Entry, event_evidence, sku_of
from rules.kinds.endings import ending
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.evidence import percent
from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.occurrence_index import Occurrence, OccurrenceIndex
from rules.kinds.occurrences.source import Crossings
from rules.kinds.rule import FieldDiagnostic, Locale, Reference, Role
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class LevelTier(Struct, forbid_unknown_fields=True, frozen=True):
    """A step by name, reached at `at`."""

    name: str
    at: Decimal


class Level(ShopRule, tag="level", tag_field="kind", kw_only=True, frozen=True):
    """A figure of the shop: `rating`, `preorder_share` (of its listings), or the `points` of a ledger rule. Or of each
    SKU: `stock_cover` (days that its stock lasts at the pace of the last `velocity`), or `reorder_point` (its stock
    against the demand over `lead_time` and `safety` at that pace).

    `crossed` when `below` or `above` the value (`reorder_point` needs none), `near` a step before that; or by the names
    of `tiers`, each reached *at* its value.
    """

    of: Literal["rating", "preorder_share", "points", "stock_cover", "reorder_point"]
    below: Decimal | None = None
    above: Decimal | None = None
    near: Decimal | None = None
    tiers: tuple[LevelTier, ...] = ()
    ledger: str | None = None
    velocity: Duration | None = None
    lead_time: Duration | None = None
    safety: Duration | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "sku", "value", "threshold", "headroom", "stock", "per_day"})
    ROLES: ClassVar[frozenset[Role]] = frozenset({"level or count"})
    HAS_FIGURES: ClassVar[bool] = True

    def depends_on(self) -> set[str]:
        return set() if self.ledger is None else {self.ledger}

    def references(self) -> Iterator[Reference]:
        if self.ledger is not None:
            yield Reference("ledger", self.ledger, "ledger")

    def of_skus(self) -> bool:
        return self.of in ("stock_cover", "reorder_point")

    def crosses(self) -> bool:
        return self.of == "preorder_share"

    def events(self) -> set[str]:
        skus = {"stock.level"}
        return {"rating": {"rating.updated"}, "preorder_share": {"listing.counts"}, "points": set[str]()}.get(
            self.of, skus
        )

    def span_ms(self) -> int:
        return 0 if self.velocity is None else int(self.velocity) + DAY_MS

    def stages(self) -> tuple[str, ...]:
        if self.tiers:
            return tuple(tier.name for tier in self.tiers)
        return ("crossed",) if self.near is None else ("near", "crossed")

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        given = sum((self.below is not None, self.above is not None, bool(self.tiers)))
        if given != (self.of != "reorder_point"):
            yield "of", "a level has one of below, above and tiers (a reorder point none: it is worked out)"
        limit = self.below if self.below is not None else self.above
        if self.near is not None and (limit is None or (self.near <= limit) is (self.below is not None)):
            yield "near", "must come before the level itself"
        for n, (lower, upper) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), start=1):
            if upper.at <= lower.at:
                yield f"tiers[{n}]", f"tiers are out of order: {upper.name} must lie above {lower.name}"
        if (self.of == "points") != (self.ledger is not None):
            yield "ledger", "`ledger` names the rule whose points are looked at"
        if self.of_skus() != (self.velocity is not None):
            yield "velocity", "goes with a SKU's stock: how far back its sales are looked at"
        if self.velocity is not None and (self.velocity % DAY_MS or self.velocity < DAY_MS):
            yield "velocity", "must be whole days"
        for field in ("lead_time", "safety"):
            if (self.of == "reorder_point") != (getattr(self, field) is not None):
                yield field, "goes with a reorder point"

    def compile(self, wiring: Wiring) -> "FigureEvaluator":
        if self.of_skus():
            wiring.sales()
            return StockEvaluator(wiring.n, self, wiring.locale)
        ledger = None if self.ledger is None else wiring.evaluator_of(self.ledger, LedgerEvaluator)
        return LevelEvaluator(wiring.n, self, wiring.locale, ledger)


class Figure(Struct, frozen=True):
    """A figure as it stands; `limit` is the value it is compared with."""

    value: float
    stage: str | None
    limit: float | None
    shown: dict[str, Any]


class FigureEvaluator(Evaluator[Level, None]):
    """What the evaluators of levels share: a figure compared with its limits."""

    def __init__(self, n: int, rule: Level, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.zone = locale.zone

    @abstractmethod
    def figure(self, shop: ShopView, subject: str, at_ms: int) -> Figure | None:
        """A subject's figure at a moment."""

    def _findings(self, subject: str, figure: Figure | None) -> list[Finding]:
        if figure is None or figure.stage is None:
            return []
        tier = figure.stage if self.rule.tiers else None
        opened = Desired(figure.stage, self.rule.severity[figure.stage], tier=tier)
        return [Finding(opened, "threshold_near" if figure.stage == "near" else "threshold_crossed", subject)]

    def _formatted(self, value: Decimal, shown: dict[str, Any]) -> Figure:
        rule = self.rule
        if rule.tiers:
            reached = [tier.name for tier in rule.tiers if value >= tier.at]
            ahead = [tier.at for tier in rule.tiers if value < tier.at]
            next_at = ahead[0] if ahead else rule.tiers[-1].at
            return Figure(float(value), reached[-1] if reached else None, float(next_at), shown)
        limit = rule.below if rule.below is not None else rule.above
        assert limit is not None
        stage = None
        for name, at in (("near", rule.near), ("crossed", limit)):
            if at is not None and (value < at if rule.below is not None else value > at):
                stage = name
        return Figure(float(value), stage, float(limit), shown)

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        figure = self.figure(shop, finding.subject, at_ms)
        if figure is None and self.rule.of == "points":  # all are cleared
            figure = self._formatted(Decimal(), {})
        if figure is None:
            return Evidence({}, dict.fromkeys(("value", "threshold", "headroom", "stock", "per_day"), "-"))
        sku = {} if finding.subject == "-" else {"sku": finding.subject}
        value = None if figure.value == float("inf") else figure.value
        room = self._headroom(figure)
        days = figure.shown.get("days")
        write = percent if self.rule.of == "preorder_share" else _formatted
        names = {
            "sku": finding.subject,
            "value": "∞" if value is None else write(value),
            "threshold": "-" if figure.limit is None else write(figure.limit),
            "headroom": "-" if room is None else write(room),
            "stock": figure.shown.get("on_hand"),
            "per_day": _formatted(figure.shown["sold"] / days) if days else "0",
        }
        return Evidence(sku | figure.shown, names, value=value, threshold=figure.limit, headroom=room)

    def _headroom(self, figure: Figure) -> float | None:
        """How much further the figure may go before the level or the next tier; negative past it."""
        if figure.limit is None or figure.value == float("inf"):
            return None
        falls = self.rule.below is not None or self.rule.of == "reorder_point"
        return round(figure.value - figure.limit if falls else figure.limit - figure.value, 6)

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        return "fell_back"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        if names["value"] == "-":
            return ending(reason)
        about = f"SKU {names['sku']} is back" if self.rule.of_skus() else "Back"
        return f"{about} at {names['value']}; the limit is {names['threshold']}"

    def _metric(self, figure: Figure) -> dict[str, Any]:
        return {
            "value": figure.value if figure.value != float("inf") else None,
            "numerator": figure.shown.get("preorder"),
            "denominator": figure.shown.get("total"),
            "threshold": figure.limit,
            "headroom": self._headroom(figure),
            "window": None,
        }


class LevelEvaluator(FigureEvaluator, Crossings[Level, None]):
    """Evaluates a level rule on one figure of a shop."""

    def __init__(self, n: int, rule: Level, locale: Locale, ledger: LedgerEvaluator | None) -> None:
        super().__init__(n, rule, locale)
        self.ledger = ledger

    def evaluate(self, shop: ShopView, state: None, at_ms: int) -> Evaluation:
        ahead = [at for name in self.rule.events() if (at := shop.facts.next_after(name, at_ms)) is not None]
        return Evaluation(self._findings("-", self.figure(shop, "-", at_ms)), min(ahead, default=NEVER))

    def figure(self, shop: ShopView, subject: str, at_ms: int) -> Figure | None:
        match self.rule.of:
            case "rating":
                rated = shop.facts.last("rating.updated", at_ms)
                if rated is not None and rated.data.score is not None:
                    return self._formatted(rated.data.score, event_evidence(rated))
            case "preorder_share":
                counted = shop.facts.last("listing.counts", at_ms)
                if counted is not None and (part := _preorder_share(counted)) is not None:
                    counts = {"total": counted.data.total, "preorder": counted.data.preorder}
                    return self._formatted(part, event_evidence(counted) | counts)
            case _:
                assert self.ledger is not None
                if points := self.ledger.points(shop, at_ms):
                    return self._formatted(points, {"ledger": self.ledger.rule.ledger})
        return None

    def crossings(self, shop: ShopView) -> list[Occurrence]:
        """When the share of pre-orders rose above its limit, each time."""
        counts = shop.facts.of("listing.counts")
        return [_crossing(entry) for n, entry in enumerate(counts) if self._crosses(counts, n)]

    def crossings_by(
        self, shop: ShopView, entry: Entry, kept: OccurrenceIndex
    ) -> tuple[list[Occurrence], list[Occurrence]]:
        """The crossings that an entry may have changed, before it was added or removed, and after."""
        counts = shop.facts.of("listing.counts")
        n = bisect_left(counts, entry.stamp(), key=Entry.stamp)
        near = range(n, min(n + 2, len(counts)))
        before = [_crossing(entry), *(_crossing(counts[each]) for each in near)]
        return before, [_crossing(counts[each]) for each in near if self._crosses(counts, each)]

    def _crosses(self, counts: Sequence[Entry], n: int) -> bool:
        return self._is_over(counts[n]) and not (n and self._is_over(counts[n - 1]))

    def _is_over(self, entry: Entry) -> bool:
        share = _preorder_share(entry)
        return share is not None and self._formatted(share, {}).stage == "crossed"

    def crossing_events(self) -> set[str]:
        """Types of the shop's events that its crossings rest on."""
        return self.rule.events()

    def metric(self, shop: ShopView, state: None, at_ms: int) -> dict[str, Any] | None:
        figure = self.figure(shop, "-", at_ms)
        return None if figure is None else self._metric(figure)


class StockEvaluator(FigureEvaluator, SubjectEvaluator[Level, None]):
    """Evaluates a level rule on the stock of each SKU."""

    def keys(self, shop: ShopView) -> list[str]:
        return [sku_of(entry) for entry in shop.facts.of("stock.level")]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[str]:
        return [sku_of(entry)]

    def evaluate_key(self, shop: ShopView, state: None, key: str, at_ms: int) -> Evaluation:
        ahead = shop.facts.next_about("stock.level", (key,), at_ms)
        next_eval_ms = NEVER if ahead is None else ahead
        if key in shop.sales:  # stock lasts longer as sales leave the window
            next_eval_ms = min(next_eval_ms, start_of_day(day_of(at_ms, self.zone) + 1, self.zone))
        return Evaluation(self._findings(key, self.figure(shop, key, at_ms)), next_eval_ms)

    def figure(self, shop: ShopView, subject: str, at_ms: int) -> Figure | None:
        """A SKU's stock against the pace of its sales. Stock without sales lasts for ever, unless there is none."""
        entry = shop.facts.newest("stock.level", (subject,), at_ms)
        if entry is None:
            return None
        rule, on_hand = self.rule, entry.data.on_hand
        assert rule.velocity is not None
        sold, days = shop.sales.of(subject, rule.velocity // DAY_MS, day_of(at_ms, self.zone))
        per_day = Decimal(sold) / days if days else Decimal()
        shown = event_evidence(entry) | {"on_hand": on_hand, "sold": sold, "days": days}
        if rule.of == "reorder_point":
            assert rule.lead_time is not None and rule.safety is not None
            point = per_day * (rule.lead_time + rule.safety) / DAY_MS
            stage = "crossed" if on_hand < point or on_hand <= 0 else None
            return Figure(on_hand, stage, float(point), shown)
        if on_hand <= 0:
            return self._formatted(Decimal(), shown)
        return self._formatted(on_hand / per_day if per_day else Decimal("Infinity"), shown)

    def metric(self, shop: ShopView, state: None, at_ms: int) -> dict[str, Any] | None:
        """The worst SKU's figure, and those past a stage."""
        skus = [sku_of(entry) for entry in shop.facts.known("stock.level", at_ms)]
        figures = {sku: found for sku in skus if (found := self.figure(shop, sku, at_ms)) is not None}
        if not figures:
            return None
        worst = min(figures.values(), key=lambda each: self._headroom(each) or 0.0)
        below = {sku: each.value for sku, each in figures.items() if each.stage is not None}
        return {**self._metric(worst), "by": dict(sorted(below.items(), key=lambda each: each[1])[:20])}


def _crossing(entry: Entry) -> Occurrence:
    return Occurrence(entry.at_ms, event=entry.id, source=entry.source)


def _formatted(value: float) -> str:
    """A figure for people: 6.86, 1999, 250000."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _preorder_share(entry: Entry) -> Decimal | None:
    total, preorder = entry.data.total, entry.data.preorder
    return Decimal(preorder) / total if total and preorder is not None else None
