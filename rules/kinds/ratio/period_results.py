"""What a ratio was at a boundary: a fact of the shop from then on."""

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    pass


class PeriodResult(Struct, array_like=True, frozen=True):
    """What a ratio was at a boundary: a fact from then on, kept with the shop. `step` is the stage reached."""

    period: str
    bad: int
    total: int
    step: str | None
