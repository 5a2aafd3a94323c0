"""The one protocol of all rules that look at a whole shop: what an evaluator gets from the engine and returns to it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rules.kinds.endings import ending
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.rule import Rule
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason
from rules.messages.figures import Figures

R = TypeVar("R", bound=Rule, covariant=True)

State = TypeVar("State")
"""What an evaluator keeps of a shop; None where it keeps nothing."""


class Evaluator(ABC, Generic[R, State]):
    """A rule made ready for all shops of one plan, in which `n` is its place.

    It sees a shop through a read-only view, and writes nothing but its own `state` of that shop, which the engine holds
    and nobody else touches. What it finds, it returns. Everything it says is a function of what is known of the shop
    and of the moment: a state saves work, and a new one says the same. (Results of periodic ratios are known of the
    shop, too: they stand once their orders are gone, so the engine saves them and gives them back.)

    Rules that depend on another one hold its evaluator and call its published methods (`points`, `computations`), which
    look up their own state in `shop.states`.

    Deadlines and silences are no evaluators: they are compiled for single orders (`deadline/timer.py`), since they are
    evaluated at each event.
    """

    n: int
    rule: R
    dependents: int = 0
    """The evaluators (as bits) of rules that depend on this one, set by the plan. They lie behind it, and are evaluated
    in the same pass where its published value has `changed`."""

    def new_state(self) -> State:
        """What it keeps of a shop of which it has seen nothing yet."""
        return None  # type: ignore[return-value]  # most keep nothing

    @abstractmethod
    def evaluate(self, shop: ShopView, state: State, at_ms: int) -> Evaluation:
        """What should be open at a moment, and when that may differ without a new fact."""

    @abstractmethod
    def evidence(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> Evidence:
        """What proves an alert, as it stands at a moment. Its facts may be gone by then."""

    @abstractmethod
    def end_reason(self, shop: ShopView, state: State, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        """Why an alert that was open no longer is."""

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        """What a resolved alert says: what ended it, with the figures as of then, which its evidence has."""
        return ending(reason)

    figures_are_cheap: bool = False
    """Its figures may be worked out each time it is evaluated, not only at full hours."""

    figures_by_key: ClassVar[bool] = False
    """An alert's figures differ only where its key has been evaluated again, of rules that are evaluated by subject."""

    def figures(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> Figures:
        """Those of the evidence, for kinds that can compute them at less cost."""
        return self.evidence(shop, state, finding, at_ms).figures() or Figures()

    def watch_figures(
        self, shop: ShopView, state: State, emitted: Iterable[tuple[Finding, Figures]], at_ms: int
    ) -> bool:
        """Has it evaluated again when an open alert's figures may differ by a tenth from those last emitted. They are
        compared at full hours, after which this is called. False if they must be looked at every hour. Most kinds need
        nothing: they are evaluated at each change of what they look at."""
        return True

    def metric(self, shop: ShopView, state: State, at_ms: int) -> dict[str, Any] | None:
        """What its clause measures, as a shop's standing shows it."""
        return None

    def sanctions(self, shop: ShopView, state: State, at_ms: int) -> Sequence[ActiveSanction]:
        """Those in force at a moment."""
        return ()


AnyEvaluator = Evaluator[Any, Any]
