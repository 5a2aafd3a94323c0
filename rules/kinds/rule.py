"""What every rule says, whatever its kind, and how the kinds that look at a whole shop are asked."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import Struct

from rules.calendar.durations import Duration, Share
from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.messages.alerts import Severity

if TYPE_CHECKING:
    pass

Confidence = Literal["article", "platform_help", "ours"]
"""Where a value comes from: the seed article, the platform's own help pages, or our reading of them."""

Party = Literal["warehouse", "purchasing", "listing", "customer_service", "finance"]


class Advice(Struct, forbid_unknown_fields=True, frozen=True):
    """What somebody should do, and at which stages (all when none are named)."""

    to: Party
    do: str
    at: tuple[str, ...] = ()


class Money(Struct, forbid_unknown_fields=True, frozen=True):
    """A sum: a decimal in a currency."""

    amount: Decimal
    currency: str


class Cost(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace takes: a share of each bad order's amount (at most `cap` of it), points in a ledger, or
    something put in words."""

    share: Share | None = None
    cap: Money | None = None
    points: Decimal | None = None
    ledger: str | None = None
    effect: str | None = None


class Sanction(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace does, and for how long; for good where no length is given."""

    name: str
    lasts: Duration | None = None

    def until_ms(self, from_ms: int) -> int:
        return NEVER if self.lasts is None else from_ms + self.lasts


class Rule(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """`clause` is the paragraph of RULES.md; `summary` one line per stage, with {names} filled in.

    `sites` and `programmes` say where it applies (everywhere when empty), `effective_from` and `effective_to` (a
    local date, the second not in it) when.
    """

    id: str
    clause: str
    source: str
    confidence: Confidence
    severity: dict[str, Severity] = {}
    summary: dict[str, str] = {}
    actions: tuple[Advice, ...] = ()
    penalty: Cost | None = None
    sites: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    effective_from: str | None = None
    effective_to: str | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop"})
    """What its summaries can name."""

    def stages(self) -> tuple[str, ...]:
        """The stages it can reach, from the mildest on."""
        return ()

    def diagnostics(self) -> Iterator[tuple[str, str]]:
        """What contradicts itself in it, as (field, message)."""
        return iter(())

    def depends_on(self) -> set[str]:
        """Ids of the rules it looks at."""
        return set()

    def marks_kept_ms(self) -> int:
        """How long what happened to an order matters to it."""
        return 400 * DAY_MS

    def span_ms(self) -> int:
        """How far back an order can lie and still matter to it."""
        return 0


class Effective(Struct, frozen=True):
    """When a version of a rule is in force (epoch ms), `to_ms` not in it."""

    from_ms: int = MIN_MS
    to_ms: int = NEVER

    def at(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


ALWAYS = Effective()


class Place(Struct, frozen=True):
    """Whose days and holidays a rule goes by."""

    zone: str
    calendar: str | None
    effective: Effective = ALWAYS
