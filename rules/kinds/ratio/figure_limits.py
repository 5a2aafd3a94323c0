"""How far a ratio's count may go before the figures of its open alert must be looked at again.

Most changes of a count are small; without this each would have the rule evaluated.
"""

from msgspec import Struct

from rules.calendar.instants import NEVER
from rules.kinds.ratio.steps import Step
from rules.messages.figures import TENTH, Figures, differs


class FigureLimits(Struct, frozen=True):
    """The limits round the figures that were last `emitted`. `step`: the one that the headroom is to. `good`: the value
    is the share of the good orders. `bad`: the number of bad orders at that time, where money hangs on which they are;
    else None."""

    emitted: Figures
    step: Step | None
    good: bool
    bad: int | None

    def passed(self, bad: int, total: int) -> bool:
        """Whether the alert's figures may have moved by a tenth."""
        if self.bad is not None and bad != self.bad:
            return True
        value = (total - bad if self.good else bad) / total if total else None
        headroom = None if self.step is None else self.step.fits(bad, total)
        return differs(self.emitted.value, value) or differs(self.emitted.headroom, headroom)

    def slack(self, bad: int, total: int) -> int:
        """How many more good orders surely move no figure by a tenth. It may be too few, never too many."""
        value, headroom = self.emitted.value, self.emitted.headroom
        if not value or headroom is None or self.step is None:
            return 0
        # The value's border: for the share of the bad orders a tenth less, for that of the good ones a tenth more.
        share_of_bad = 1 - value * (1 + TENTH) if self.good else value * (1 - TENTH)
        by_value = NEVER if share_of_bad <= 0 else int(bad / share_of_bad) - 1
        # The headroom rises with each good order or stays, and is whole.
        least = int(headroom) + max(int(abs(headroom) * TENTH), 1)
        return max(min(by_value, self.step.holds(bad + least)) - total, 0)
