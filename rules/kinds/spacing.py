"""Spacing: a price must have held for some time before its product joins a promotion."""

from collections.abc import Iterator
from typing import ClassVar

from msgspec import Struct

from rules.calendar.durations import Duration
from rules.calendar.instants import NEVER, rfc3339
from rules.facts.shop_facts import Entry, event_evidence, holding, sku_of, starts_ms
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.rule import FieldDiagnostic, Locale
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class Spacing(ShopRule, tag="spacing", tag_field="kind", kw_only=True, frozen=True):
    """A SKU's promotion must not start before its price has held for `price_holds`: `due_soon` from when it is
    scheduled too soon, `overdue` once it has started. The newest entry on a SKU's promotion counts."""

    price_holds: Duration

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "sku", "due", "held_until"})
    DATED: ClassVar[bool] = True

    def events(self) -> set[str]:
        return {"price.changed", "promotion.scheduled"}

    def stages(self) -> tuple[str, ...]:
        return "due_soon", "overdue"

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        if int(self.price_holds) <= 0:
            yield "price_holds", "must be longer than nothing"

    def compile(self, wiring: Wiring) -> "SpacingEvaluator":
        return SpacingEvaluator(wiring.n, self, wiring.locale)


class TooSoon(Struct, frozen=True):
    """A promotion that starts before its price has held long enough (epoch ms)."""

    sku: str
    starts_ms: int
    free_ms: int
    price: Entry
    promotion: Entry


class SpacingEvaluator(SubjectEvaluator[Spacing, None]):
    """Evaluates a spacing rule, by SKU."""

    def __init__(self, n: int, rule: Spacing, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.effective = locale.effective

    def _found(self, shop: ShopView, sku: str, at_ms: int) -> TooSoon | None:
        promotion = shop.facts.newest("promotion.scheduled", (sku,), at_ms)
        if promotion is None or not self.effective.at(promotion.at_ms):
            return None
        starts = starts_ms(promotion)
        prices = shop.facts.about("price.changed", (sku,))
        before = [price for price in prices if price.at_ms <= at_ms and starts_ms(price) <= starts]
        if not before:
            return None
        last = _last_change(before)
        free = starts_ms(last) + self.rule.price_holds
        return TooSoon(sku, starts, free, last, promotion) if starts < free else None

    def keys(self, shop: ShopView) -> list[str]:
        return [sku_of(entry) for entry in shop.facts.of("promotion.scheduled")]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[str]:
        return [sku_of(entry)]

    def knows(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> bool:
        return self._found(shop, finding.subject, at_ms) is not None

    def evaluate_key(self, shop: ShopView, state: None, key: str, at_ms: int) -> Evaluation:
        ahead = [shop.facts.next_about(name, (key,), at_ms) for name in ("promotion.scheduled", "price.changed")]
        next_ms = min((at for at in ahead if at is not None), default=NEVER)
        found = self._found(shop, key, at_ms)
        if found is None or at_ms >= found.free_ms:
            return Evaluation([], next_ms)
        started = at_ms >= found.starts_ms
        stage = "overdue" if started else "due_soon"
        opened = Desired(stage, self.rule.severity[stage], found.starts_ms)
        reason: Reason = "deadline_passed" if started else "deadline_near"
        finding = Finding(opened, reason, key, rfc3339(found.starts_ms))
        return Evaluation([finding], min(next_ms, found.free_ms if started else found.starts_ms))

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        found = self._found(shop, finding.subject, at_ms)
        if found is None:
            return Evidence({"sku": finding.subject}, {"sku": finding.subject, "held_until": "-"})
        details = {
            "sku": found.sku,
            "price_changed": event_evidence(found.price),
            "promotion": event_evidence(found.promotion),
            "starts_at": rfc3339(found.starts_ms),
            "price_held_at": rfc3339(found.free_ms),
        }
        return Evidence(details, {"sku": found.sku, "held_until": rfc3339(found.free_ms)})

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        found = self._found(shop, finding.subject, at_ms)
        still = found is not None and rfc3339(found.starts_ms) == finding.episode
        return "period_ended" if still else "deadline_moved"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        if reason == "period_ended":
            return f"The price of {evidence.names['sku']} has held long enough"
        return f"The promotion of {evidence.names['sku']}, or its price, was changed"


def _last_change(prices: list[Entry]) -> Entry:
    """The entry that brought the current price; stating the same price again changes nothing."""
    first, *others = sorted(prices, key=holding)
    held = first
    for price in others:
        if price.data.price is None or price.data.price != held.data.price:
            held = price
    return held
