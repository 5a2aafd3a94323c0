"""Several versions of one rule, each for what happened while it was in effect, speaking as one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rules.alerts import Cause, Emitted
from rules.kinds.rule import Case, Judge, Said, Verdict

if TYPE_CHECKING:
    from rules.watch import Shop


class Versions:
    """Judges of one rule's versions; what each says of its own time, together."""

    def __init__(self, n: int, judges: Sequence[Judge]) -> None:
        self.n = n
        self.rule = judges[-1].rule
        self.judges = judges

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        said = [judge.judge(shop, at_ms) for judge in self.judges]
        return [verdict for verdicts, _ in said for verdict in verdicts], min(turn for _, turn in said)

    def _judge_of(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Judge:
        """The one that speaks of this; the newest, where none does any more."""
        about = (verdict.subject, verdict.episode)
        for judge in self.judges:
            if any((each.subject, each.episode) == about for each in judge.judge(shop, at_ms)[0]):
                return judge
        return self.judges[-1]

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        return self._judge_of(shop, verdict, at_ms).case(shop, verdict, at_ms)

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        return self._judge_of(shop, verdict, at_ms).cause_of_end(shop, said, verdict, at_ms)

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return self.judges[-1].metric(shop, at_ms)

    def sanctions(self, shop: "Shop", at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force."""
        found = [getattr(judge, "sanctions", None) for judge in self.judges]
        return [each for sanctions in found if sanctions is not None for each in sanctions(shop, at_ms)]
