"""The money that a clause costs, by currency."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from rules.facts.order_facts import OrderFacts
from rules.kinds.rule import Cost

_CENT = Decimal("0.01")


def money_taken(cost: Cost | None, orders: Iterable[OrderFacts], usual: str | None) -> dict[str, Decimal]:
    """What a penalty takes of these orders' amounts, by currency; empty without such a penalty. An order without a
    currency is in the shop's `usual` one."""
    if cost is None or cost.share is None:
        return {}
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for facts in orders:
        terms = facts.terms
        if terms is not None and terms.amount is not None:
            amounts[terms.currency or usual or ""].append(Decimal(terms.amount))
    return {currency: _taken(cost, currency, each).quantize(_CENT) for currency, each in amounts.items()}


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
