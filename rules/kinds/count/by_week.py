"""Counts each calendar week by itself."""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice, takewhile
from typing import Any

from msgspec import Struct, structs

from rules.calendar.days import day_of, start_of_day, week_name, week_of
from rules.calendar.instants import NEVER, rfc3339
from rules.facts.shop_facts import Entry
from rules.kinds.count.evaluator import CountEvaluator
from rules.kinds.count.spec import CountSpec
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.occurrence_index import Occurrence, OccurrenceIndex
from rules.kinds.occurrences.source import Crossings, OccurrenceSource
from rules.kinds.progress import Progress
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason


class Week(Struct):
    """How far a week's occurrences, from the `first` on, have been gone through, and those that count."""

    rewrites: int
    monday: int
    first: int
    done: int
    occurrences: list[Occurrence] = []
    buyers: set[str] = set()


class WeekCounter(CountEvaluator[Progress[Week]], Crossings[CountSpec, Progress[Week]]):
    """Each calendar week is counted by itself."""

    def new_state(self) -> Progress[Week]:
        return Progress()

    def _weeks(self, shop: ShopView, to_ms: int) -> Iterator[tuple[int, list[Occurrence]]]:
        """Each week's Monday with the occurrences that count."""
        known = [occurrence for occurrence in self.source.occurrences(shop) if occurrence.at_ms <= to_ms]
        for monday, occurrences in groupby(known, lambda occurrence: week_of(day_of(occurrence.at_ms, self.zone))[0]):
            yield monday, list(self._counting(occurrences, set()))

    def _this_week(self, shop: ShopView, progress: Progress[Week], at_ms: int) -> tuple[int, list[Occurrence]]:
        """The Monday of a moment's week with the occurrences that count up to then; goes on from where it was."""
        log, monday = self.source.log(shop), week_of(day_of(at_ms, self.zone))[0]
        week, first, known = progress.kept, log.until(start_of_day(monday, self.zone) - 1), log.until(at_ms)
        goes_on = week is not None and (week.rewrites, week.monday, week.first) == (log.rewrites, monday, first)
        if week is None or not goes_on or not log.lasting or week.done > known:
            week = progress.kept = Week(log.rewrites, monday, first, first)
        fresh = (log.occurrence(occurrence) for occurrence in log.items[week.done : known])
        week.occurrences += self._counting(fresh, week.buyers)
        week.done = known
        return monday, week.occurrences

    def evaluate(self, shop: ShopView, state: Progress[Week], at_ms: int) -> Evaluation:
        monday, occurrences = self._this_week(shop, state, at_ms)
        ahead = self.source.next_after(shop, at_ms)
        opened = self._open(len(occurrences))
        if opened is None:
            return Evaluation([], ahead)
        week_ends_ms = start_of_day(monday + 7, self.zone)
        return Evaluation([Finding(*opened, episode=week_name(monday))], min(ahead, week_ends_ms))

    def counted_from(self) -> OccurrenceSource:
        return self.source

    def crossings(self, shop: ShopView) -> Iterator[Occurrence]:
        """When each week's count reached the threshold."""
        for _, occurrences in self._weeks(shop, NEVER):
            yield from self._crossing(occurrences)

    def _crossing(self, occurrences: Iterable[Occurrence]) -> list[Occurrence]:
        """The crossing of a week by its occurrences that count: it happened once, however often, and however severe,
        what brought it about was."""
        last = islice(occurrences, self.rule.threshold - 1, self.rule.threshold)
        return [structs.replace(each, times=1, severe=False) for each in last]

    def crossings_by(
        self, shop: ShopView, entry: Entry, kept: OccurrenceIndex
    ) -> tuple[list[Occurrence], list[Occurrence]]:
        """The crossings of an entry's week before it was added or removed, and after."""
        monday = week_of(day_of(entry.at_ms, self.zone))[0]
        from_ms, to_ms = start_of_day(monday, self.zone), start_of_day(monday + 7, self.zone)
        before = takewhile(lambda occurrence: occurrence.at_ms < to_ms, kept.since(from_ms))
        occurrences = takewhile(lambda occurrence: occurrence.at_ms < to_ms, self.source.occurrences(shop, from_ms))
        return list(before), self._crossing(self._counting(occurrences, set()))

    def _counting(self, occurrences: Iterable[Occurrence], buyers: set[str]) -> Iterator[Occurrence]:
        """Those of a week's occurrences that count: the first of each distinct buyer, if the rule counts buyers."""
        for occurrence in occurrences:
            buyer = occurrence.buyer or f"{occurrence.source} {occurrence.event}"
            if self.rule.distinct is None or buyer not in buyers:
                buyers.add(buyer)
                yield occurrence

    def crossing_events(self) -> set[str]:
        """Types of the shop's events that its crossings rest on; none where they rest on orders."""
        return self.source.events

    def evidence(self, shop: ShopView, state: Progress[Week], finding: Finding, at_ms: int) -> Evidence:
        monday, occurrences = self._this_week(shop, state, at_ms)
        if finding.episode != week_name(monday):
            weeks = {week_name(monday): occurrences for monday, occurrences in self._weeks(shop, at_ms)}
            occurrences = weeks.get(finding.episode, [])
        return self._evidence(occurrences, len(occurrences), period=finding.episode)

    def end_reason(
        self, shop: ShopView, state: Progress[Week], last_emitted: Emitted, finding: Finding, at_ms: int
    ) -> Reason:
        this_week = week_name(week_of(day_of(at_ms, self.zone))[0])
        return "evidence_arrived" if finding.episode == this_week else "period_ended"

    def metric(self, shop: ShopView, state: Progress[Week], at_ms: int) -> dict[str, Any]:
        monday, occurrences = self._this_week(shop, state, at_ms)
        bounds = {
            "from": rfc3339(start_of_day(monday, self.zone)),
            "to": rfc3339(start_of_day(monday + 7, self.zone)),
        }
        return self._metric(len(occurrences), bounds)
