"""Rules that look at a whole shop, and what they are given when they are compiled."""

from collections.abc import Collection, Sequence
from typing import ClassVar, Literal, Protocol, TypeVar, cast

from rules.kinds.evaluator import AnyEvaluator
from rules.kinds.occurrences.source import OccurrenceSource
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.rule import Locale, Rule
from rules.kinds.subjects import AnySubjectEvaluator
from rules.kinds.versioned import Versions

_E = TypeVar("_E", bound=AnyEvaluator)
_W = TypeVar("_W")


class Wiring(Protocol):
    """The place of a rule's evaluator in a plan, and what it takes from orders, events and other rules. It is evaluated
    again when any of what it has asked for changes; the plan has it look at the rule's own `events` already."""

    n: int
    """The evaluator's place in the plan; `1 << n` names it among others."""

    locale: Locale
    """Whose days and holidays it goes by, and when this version of the rule is in effect."""

    site: str | None

    def source(self, spec: OccurrenceSpec, kept_ms: int = 0, /) -> OccurrenceSource:
        """Where it finds what has happened. It is kept for the rule's `retention_ms`, or for longer (`kept_ms`)."""

    def evaluator_of(self, rule_id: str, kind: type[_E]) -> _E | None:
        """The evaluator of a rule that this one `depends_on`; None where the shop has no such rule. It is evaluated
        before this one."""

    def subscribe(self, events: Collection[str]) -> None:
        """Types of the shop's own events to look at, beside the rule's `events`."""

    def for_kind(self, kind: type[_W]) -> _W:
        """What the plan does for one kind alone: `RatioWiring`, `LedgerWiring`."""

    def losses(self) -> None:
        """Has the evaluator look again when a bad order is lost (cancelled, and never shipped), or no longer: it counts
        as bad before and after."""

    def amounts(self) -> None:
        """Has the evaluator look again when what a bad order comes to, or the shop's usual currency, has changed."""

    def sales(self) -> None:
        """Has units sold counted by SKU and local day, for those evaluators that look at them."""


class ShopRule(Rule, kw_only=True, frozen=True):
    """A rule that looks at a whole shop. It is compiled once for all shops that have the same rules.

    Deadlines and silences are none: they are compiled for single orders, all of a plan into one expression
    (`plan/order_plan.py`), since each event of an order asks them. That wall is speed.
    """

    PER_ORDER: ClassVar[Literal[False]] = False

    def compile(self, wiring: Wiring) -> AnyEvaluator:
        """The rule made ready for the shops of a plan."""
        raise NotImplementedError

    def combine(self, wiring: Wiring, versions: Sequence[AnyEvaluator]) -> AnyEvaluator:
        """One evaluator from those of the rule's versions, each of which has its own time. A kind whose versions take
        turns by date (`DATED`) is evaluated subject by subject, or combines them in its own way."""
        if len(versions) == 1:
            return versions[0]
        return Versions(wiring.n, cast(Sequence[AnySubjectEvaluator], versions))
