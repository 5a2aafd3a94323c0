"""How evidence is shown, alike for all kinds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


ORDERS_SHOWN = 20
"""How many orders of a numerator an alert names; it always says how many there are."""


def percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.3g} %"
