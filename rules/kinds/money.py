"""The money that a clause costs, by currency."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from msgspec import UNSET

from rules.facts.lines import line_name
from rules.facts.order_facts import DetailedFacts, OrderFacts, Terms
from rules.kinds.rule import Cost

_CENT = Decimal("0.01")


def money_taken(cost: Cost | None, orders: Iterable[OrderFacts], usual: str | None) -> dict[str, Decimal]:
    """What a penalty takes of what these orders come to, by currency; empty without such a penalty. An order without a
    currency is in the shop's `usual` one."""
    if cost is None or cost.share is None:
        return {}
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for facts in orders:
        amount = amount_of(facts)
        if amount is not None:
            amounts[(facts.terms and facts.terms.currency) or usual or ""].append(amount)
    return {currency: _taken(cost, currency, each).quantize(_CENT) for currency, each in amounts.items()}


def amount_of(facts: OrderFacts) -> Decimal | None:
    """What an order comes to: its amount, or that of its lines where it has none. Of one that is cancelled in part it
    is the open part of the lines, where each has an amount."""
    terms = facts.terms
    if terms is None:
        return None
    if isinstance(facts, DetailedFacts) and facts.part_cancelled is not None and facts.lines:
        amounts = _amounts_of_lines(terms)
        if amounts is not None:
            left = ((amounts[name], Decimal(ordered), cancelled) for name, ordered, cancelled, _ in facts.lines)
            return sum((amount * (ordered - cancelled) / ordered for amount, ordered, cancelled in left), Decimal())
    if terms.amount is not None:
        return Decimal(terms.amount)
    amounts = _amounts_of_lines(terms)
    return None if amounts is None else sum(amounts.values(), Decimal())


def _amounts_of_lines(terms: Terms) -> dict[str, Decimal] | None:
    """What each line costs in all; None where that isn't known of each."""
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for n, item in enumerate(terms.items):
        if item.amount is UNSET:
            return None
        amounts[line_name(n, item.line or None, item.sku)] += item.amount
    return amounts or None


def _taken(cost: Cost, currency: str, amounts: list[Decimal]) -> Decimal:
    assert cost.share is not None
    share = Decimal(cost.share.numerator) / Decimal(cost.share.denominator)
    if cost.cap is None or cost.cap.currency != currency:
        return sum(amounts, Decimal()) * share
    most = cost.cap.amount
    return sum((min(amount * share, most) for amount in amounts), Decimal())


def money_of(sums: dict[str, Decimal]) -> list[dict[str, str]]:
    """Sums of money, largest first; currencies are never added together."""
    largest_first = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [{"amount": str(amount), "currency": currency} for currency, amount in largest_first]
