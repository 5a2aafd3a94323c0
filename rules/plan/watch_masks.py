"""Which facts of an order matter to a shop's rules, so that most events change facts and nothing else."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from rules.calendar.instants import NEVER
from rules.facts.order_facts import bits_of
from rules.kinds.deadline.timer import Timer
from rules.kinds.occurrences.extractor import Extractor
from rules.kinds.ratio.compiled import CompiledRatio

SOLD = bits_of(("placed", "cancelled"))
"""The facts by which sales are counted."""

SHIPPED = bits_of(("shipped",))
"""The fact by which tracking numbers are."""

LOST = bits_of(("shipped", "cancelled"))
"""The facts by which a bad order can't be made good any more."""


AMOUNT = bits_of(("placed", "part_cancelled"))
"""The facts by which what an order comes to is known. (One that is placed again, with another amount, has any fact
changed.)"""


class WatchMasks:
    """Masks over facts, ratios and deadline rules (all as bits). When a fact has changed, its order is evaluated again:

    | a fact that                                            | nothing emitted | … and a silence not begun | emitted |
    |--------------------------------------------------------|-----------------|---------------------------|---------|
    | counts in a ratio, an occurrence, sales or numbers     | now             | now                       | now     |
    | begins a deadline, or moves it                         | now             | now                       | now     |
    | can only postpone a silence                            | later           | now                       | now     |
    | can only meet a deadline, before it is due             | later           | later                     | now     |
    | can only redeem the order in ratios                    | now, where it is bad in one of them, in each column   |
    | does nothing of all this                               | never           | never                     | never   |

    "Later" is when the order's next timer is evaluated: until then nothing could come of it. An order is counted again
    where the result of a deadline rule of `ratio_rules` has changed, or one of `extractor_rules` has missed.

    A mistake here is an alert that never comes, and nothing reports it. `tests/rules/plan/test_watch_masks.py` holds
    an engine with these masks to one whose masks are all ones.
    """

    __slots__ = (
        "_redeemable",
        "_redeeming",
        "_silences",
        "_watched_in_time",
        "_watched_once_emitted",
        "_watched_while_waiting",
        "extractor_rules",
        "ratio_rules",
        "watched_facts",
    )

    def __init__(
        self, timers: Sequence[Timer], ratios: Sequence[CompiledRatio], extractors: Sequence[Extractor], others: int
    ) -> None:
        """`others`: the facts that are counted in other ways than by ratios and extractors."""
        counted = others | any_of(ratio.facts & ~ratio.redeemed_by for ratio in ratios)
        counted |= any_of(extractor.facts for extractor in extractors)
        hurried = [timer.facts & ~timer.can_wait for timer in timers]
        #: The facts that redeem, and the ratios in which they do and wouldn't be watched otherwise.
        self._redeeming = any_of(ratio.redeemed_by for ratio in ratios)
        self._redeemable = any_of(ratio.bit for ratio in ratios if ratio.redeemed_by & ~counted)
        #: The columns of the table, from right to left.
        self._watched_once_emitted = counted | any_of(timer.facts for timer in timers)
        self._watched_in_time = counted | any_of(hurried)
        self._watched_while_waiting = counted | any_of(
            facts & ~timer.postponed_by for facts, timer in zip(hurried, timers, strict=True)
        )
        self._silences = [timer.n for timer in timers if timer.postponed_by]
        #: All facts that are ever watched.
        self.watched_facts = self._watched_once_emitted | self._redeeming
        self.ratio_rules = any_of(ratio.bad_bits | ratio.denominator.bits for ratio in ratios)
        self.extractor_rules = any_of(extractor.bits for extractor in extractors)

    def mask(self, next_evals: Sequence[int], bad: int, emitted: bool) -> int:
        """The facts that matter now to an order, by when its timers are next evaluated (epoch ms), the ratios in which
        it is `bad`, and whether anything has been emitted of it or missed by it."""
        facts = self._watched_once_emitted if emitted else self._watched_while_waiting
        for n in self._silences:
            if next_evals[n] == NEVER and not emitted:
                facts = self._watched_in_time  # the first news begins it
        return facts | self._redeeming if bad & self._redeemable else facts


def any_of(several: Iterable[int]) -> int:
    """The bits that any of several has."""
    return reduce(or_, several, 0)
