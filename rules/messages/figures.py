"""The figures of an alert, and when they have moved so far that it is written again."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from rules.messages.alerts import AlertData, Penalty

TENTH = (1 - 1e-9) / 10
"""A change counts from a tenth on; a hair less, since shares such as 0.63 and 0.7 are no exact floats."""


class Figures(Struct, frozen=True, gc=False):
    """What an alert says in figures: its value, its headroom, and the `money` it costs, by currency."""

    value: float | None = None
    headroom: float | None = None
    money: Mapping[str, Decimal] | None = None

    def have_moved_to(self, now: "Figures") -> bool:
        """Whether any of them differs by a tenth or more from what it was."""
        return (
            differs(self.value, now.value)
            or differs(self.headroom, now.headroom)
            or _money_differs(self.money or {}, now.money or {})
        )


def differs(before: float | None, now: float | None) -> bool:
    """Whether a figure differs by a tenth or more from what it was before; from 0, or from no figure, by any change."""
    if before is None or now is None:
        return before is not now
    return before != now and abs(now - before) >= abs(before) * TENTH


def _money_differs(before: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> bool:
    """A currency that isn't named stands for nothing in it."""
    return any(
        differs(float(before.get(currency, 0)), float(now.get(currency, 0))) for currency in before.keys() | now.keys()
    )


def figures_of(value: float | None, headroom: float | None, money: Mapping[str, Decimal] | None) -> Figures | None:
    """None where there are none, as in most alerts."""
    if value is None and headroom is None and not money:
        return None
    return Figures(value, headroom, money or None)


def figures_in(data: AlertData) -> Figures | None:
    """Those of an alert's record."""
    return figures_of(data.value, data.headroom, None if data.penalty is None else _money_in(data.penalty))


def _money_in(penalty: Penalty) -> dict[str, Decimal]:
    """A sum that can't be read is left out, so it differs from any other."""
    sums = [(penalty.currency, penalty.amount)]
    sums += [(each.get("currency"), each.get("amount")) for each in penalty.others or ()]
    return {
        currency: amount
        for currency, text in sums
        if currency is not None and text is not None and (amount := _amount(text)) is not None
    }


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
