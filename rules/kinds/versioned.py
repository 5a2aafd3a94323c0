"""Several versions of one rule, each for what happened while it was in effect, speaking as one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import Case, Said, Verdict
from rules.kinds.evaluator import Judge
from rules.kinds.findings import Key
from rules.kinds.occurrences.source import Source
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectJudge
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Cause


def versions_of(n: int, judges: Sequence[Any]) -> Judge:
    """One judge of a rule's versions, which are of one kind."""
    if all(isinstance(judge, SubjectJudge) for judge in judges):
        return SubjectVersions(n, judges)
    return Versions(n, judges)


class Versions:
    """Judges of one rule's versions; what each says of its own time, together."""

    judges: Sequence[Judge]

    def __init__(self, n: int, judges: Sequence[Judge]) -> None:
        self.n = n
        self.rule = judges[-1].rule
        self.judges = judges

    def judge(self, shop: ShopView, at_ms: int) -> Said:
        said = [judge.judge(shop, at_ms) for judge in self.judges]
        return [verdict for verdicts, _ in said for verdict in verdicts], min(turn for _, turn in said)

    def _judge_of(self, shop: ShopView, verdict: Verdict, at_ms: int) -> Judge:
        """The one that speaks of this; the newest, where none does any more."""
        about = (verdict.subject, verdict.episode)
        for judge in self.judges:
            if any((each.subject, each.episode) == about for each in judge.judge(shop, at_ms)[0]):
                return judge
        return self.judges[-1]

    def case(self, shop: ShopView, verdict: Verdict, at_ms: int) -> Case:
        return self._judge_of(shop, verdict, at_ms).case(shop, verdict, at_ms)

    def cause_of_end(self, shop: ShopView, said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        return self._judge_of(shop, verdict, at_ms).cause_of_end(shop, said, verdict, at_ms)

    def metric(self, shop: ShopView, at_ms: int) -> dict[str, Any] | None:
        return self.judges[-1].metric(shop, at_ms)

    def sanctions(self, shop: ShopView, at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force."""
        found = [getattr(judge, "sanctions", None) for judge in self.judges]
        return [each for sanctions in found if sanctions is not None for each in sanctions(shop, at_ms)]


class SubjectVersions(Versions, SubjectJudge[Any]):
    """The same, of a rule that judges subject by subject."""

    judges: Sequence[SubjectJudge[Any]]

    def keys(self, shop: ShopView) -> Iterator[Key]:
        return (key for judge in self.judges for key in judge.keys(shop))

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> Iterator[Key]:
        return (key for judge in self.judges for key in judge.touched_by(shop, name, entry))

    def sources(self) -> list[Source]:
        return [source for judge in self.judges for source in judge.sources()]

    def touched_at(self, subject: str, instants: Iterable[int]) -> Iterable[Key]:
        return self.judges[-1].touched_at(subject, instants)

    def key_of(self, verdict: Verdict) -> Key:
        return self.judges[-1].key_of(verdict)

    def judge(self, shop: ShopView, at_ms: int) -> Said:
        return SubjectJudge.judge(self, shop, at_ms)

    def look(self, shop: ShopView, key: Key, at_ms: int) -> Said:
        said = [judge.look(shop, key, at_ms) for judge in self.judges]
        found = {(each.subject, each.episode): each for verdicts, _ in said for each in verdicts}
        return list(found.values()), min(turn for _, turn in said)

    def _judge_of(self, shop: ShopView, verdict: Verdict, at_ms: int) -> SubjectJudge[Any]:
        about = verdict.subject, verdict.episode
        for judge in self.judges:
            key = judge.key_of(verdict)  # by its own times: of what has another limit the same episode is another key
            if any((each.subject, each.episode) == about for each in judge.look(shop, key, at_ms)[0]):
                return judge
        return self.judges[-1]
