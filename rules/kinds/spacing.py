"""Spacing: a price must have held for a time before its product joins a promotion."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from rules.alerts import Cause, Emitted, Open
from rules.durations import Duration
from rules.instants import NEVER, rfc3339
from rules.kinds.rule import Case, Place, Rule, Said, Verdict
from rules.shopfacts import Entry, in_order, said_by, starts_ms

if TYPE_CHECKING:
    from rules.watch import Shop


class Spacing(Rule, tag="spacing", tag_field="kind", kw_only=True, frozen=True):
    """A SKU's promotion must not start before its price has held for `price_holds`: `due_soon` from the moment it is
    scheduled too soon, `overdue` once it has started. The newest word on a SKU's promotion is the one that counts.
    """

    price_holds: Duration

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "sku", "due", "held_until"})

    def stages(self) -> tuple[str, ...]:
        return "due_soon", "overdue"

    def complaints(self) -> Iterator[tuple[str, str]]:
        if int(self.price_holds) <= 0:
            yield "price_holds", "must be longer than nothing"


class TooSoon(Struct, frozen=True):
    """A promotion that starts before its price has held long enough (epoch ms)."""

    sku: str
    starts_ms: int
    free_ms: int
    price: Entry
    promotion: Entry


class SpacingJudge:
    """A spacing rule, ready to judge a shop."""

    def __init__(self, n: int, rule: Spacing, place: Place) -> None:
        self.n = n
        self.rule = rule
        self.effective = place.effective

    def _found(self, shop: "Shop", at_ms: int) -> Iterator[TooSoon]:
        newest = {entry.data.sku or "-": entry for entry in shop.facts.known("promotion.scheduled", at_ms)}
        prices = shop.facts.known("price.changed", at_ms) if newest else []
        for sku, promotion in newest.items():
            starts = starts_ms(promotion)
            before = [price for price in prices if (price.data.sku or "-") == sku and starts_ms(price) <= starts]
            if before and self.effective.at(promotion.at_ms):
                last = _last_change(before)
                free = starts_ms(last) + self.rule.price_holds
                if starts < free:
                    yield TooSoon(sku, starts, free, last, promotion)

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        verdicts: list[Verdict] = []
        ahead = [shop.facts.next_after(name, at_ms) for name in ("promotion.scheduled", "price.changed")]
        turn = min((at for at in ahead if at is not None), default=NEVER)
        for found in self._found(shop, at_ms):
            if at_ms >= found.free_ms:
                continue
            started = at_ms >= found.starts_ms
            stage = "overdue" if started else "due_soon"
            opened = Open(stage, self.rule.severity[stage], found.starts_ms)
            cause: Cause = "deadline_passed" if started else "deadline_near"
            verdicts.append(Verdict(opened, cause, found.sku, rfc3339(found.starts_ms)))
            turn = min(turn, found.free_ms if started else found.starts_ms)
        return verdicts, turn

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        found = next((each for each in self._found(shop, at_ms) if each.sku == verdict.subject), None)
        if found is None:
            return Case({"sku": verdict.subject}, {"sku": verdict.subject, "held_until": "-"})
        evidence = {
            "sku": found.sku,
            "price_changed": said_by(found.price),
            "promotion": said_by(found.promotion),
            "starts_at": rfc3339(found.starts_ms),
            "price_held_at": rfc3339(found.free_ms),
        }
        return Case(evidence, {"sku": found.sku, "held_until": rfc3339(found.free_ms)})

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        still = any(
            each.sku == verdict.subject and rfc3339(each.starts_ms) == verdict.episode
            for each in self._found(shop, at_ms)
        )
        return "period_ended" if still else "deadline_moved"

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return None


def _last_change(prices: list[Entry]) -> Entry:
    """From which word on the price has been what it is; saying the same price again changes nothing."""
    first, *others = in_order(prices)
    held = first
    for price in others:
        if price.data.price is None or price.data.price != held.data.price:
            held = price
    return held
