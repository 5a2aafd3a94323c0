"""Events: something happened that a clause punishes by itself, at once."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from rules.alerts import Cause, Emitted, Open
from rules.durations import Duration
from rules.instants import NEVER, rfc3339
from rules.kinds.happenings import Happening, Of, Source
from rules.kinds.rule import Case, Place, Rule, Said, Sanction, Verdict

if TYPE_CHECKING:
    from rules.watch import Shop


class Occurrence(Rule, tag="event", tag_field="kind", kw_only=True, frozen=True):
    """Each of `of` is told for itself: as `crossed`, shown for `lasts`, or as the `sanction` it brings, while that is
    in force. The `points` of its `penalty` are those of a single time; several are told as their sum."""

    of: Of
    lasts: Duration | None = None
    sanction: Sanction | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "order", "subject", "kind", "sanction", "until", "points"})

    def marks_kept_ms(self) -> int:
        return int(self.lasts) if self.sanction is None and self.lasts is not None else super().marks_kept_ms()

    def leans_on(self) -> set[str]:
        return self.of.timers() | self.of.rules()

    def events(self) -> set[str]:
        """Types of the shop's events it looks at."""
        return self.of.events()

    def stages(self) -> tuple[str, ...]:
        return ("crossed",) if self.sanction is None else ("active",)

    def complaints(self) -> Iterator[tuple[str, str]]:
        yield from (("of", message) for message in self.of.complaints())
        if (self.sanction is None) == (self.lasts is None):
            yield "lasts", "an event is either shown for a time (`lasts`) or brings a `sanction`"


class EventJudge:
    """An event rule, ready to judge a shop."""

    def __init__(self, n: int, rule: Occurrence, source: Source, place: Place) -> None:
        self.n = n
        self.rule = rule
        self.source = source
        self.effective = place.effective
        lasts = rule.lasts if rule.sanction is None else rule.sanction.lasts
        self._lasts_ms = NEVER if lasts is None else int(lasts)
        [stage] = rule.stages()
        self._opened = Open(stage, rule.severity[stage])
        self._cause: Cause = "happened" if rule.sanction is None else "sanction_started"

    def _until(self, since_ms: int) -> int:
        return NEVER if self._lasts_ms == NEVER else since_ms + self._lasts_ms

    def _marks(self, shop: "Shop", at_ms: int) -> list[Happening]:
        """Those that are shown, or in force, at a moment, and those that lie ahead."""
        return self._counting(self.source.happenings(shop, at_ms - self._lasts_ms))

    def _told(self, shop: "Shop", verdict: Verdict) -> list[Happening]:
        """Those that an alert is about."""
        marks = self._counting(self.source.about(shop, verdict.subject))
        return [mark for mark in marks if rfc3339(mark.at_ms) == verdict.episode]

    def _counting(self, marks: Iterable[Happening]) -> list[Happening]:
        return [mark for mark in marks if mark.times and self.effective.at(mark.at_ms)]

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        verdicts, turn = [], NEVER
        for since_ms, subject in self._shown(shop, at_ms):
            until = self._until(since_ms)
            if since_ms > at_ms:
                turn = min(turn, since_ms)
            elif at_ms < until:
                opened = self._opened if self.rule.sanction is None else replace(self._opened, until_ms=until)
                verdicts.append(Verdict(opened, self._cause, subject, rfc3339(since_ms)))
                turn = min(turn, until)
        return verdicts, turn

    def _shown(self, shop: "Shop", at_ms: int) -> list[tuple[int, str]]:
        """`_marks` in brief: since when, and about what."""
        if self.source.slot is None:
            return [(mark.at_ms, mark.subject) for mark in self._marks(shop, at_ms)]
        return [each for each in self.source.of_orders(shop, at_ms - self._lasts_ms) if self.effective.at(each[0])]

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        marks = self._told(shop, verdict)
        order = next((mark.order for mark in marks if mark.order), None)
        sanction = self.rule.sanction.name if self.rule.sanction else None
        names = {
            "subject": verdict.subject,
            "order": order,
            "kind": next((mark.kind for mark in marks), None),
            "sanction": sanction,
            "points": "-",
        }
        evidence: dict[str, Any] = {"events": [mark.shown() for mark in marks]}
        case = Case(evidence | ({"sanction": sanction} if sanction else {}), names, order)
        cost = self.rule.penalty
        if cost is not None and cost.points is not None:
            case.points, case.ledger = cost.points * (sum(mark.times for mark in marks) or 1), cost.ledger
            names["points"] = f"{float(case.points):g}"
        return case

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        if not self._told(shop, verdict):
            return "evidence_arrived"
        return "period_ended" if self.rule.sanction is None else "sanction_ended"

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return None

    def sanctions(self, shop: "Shop", at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force."""
        if self.rule.sanction is None:
            return []
        name = self.rule.sanction.name
        shown = [since_ms for since_ms, _ in self._shown(shop, at_ms)]
        return [(name, since, until) for since in shown if since <= at_ms < (until := self._until(since))]
