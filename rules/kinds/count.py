"""Counts: so many late orders since the last sanction, so many buyers in a week, so many judgements of one order."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby, islice, takewhile
from typing import Any, ClassVar, Literal

from msgspec import Struct, structs

from rules.calendar.days import day_of, start_of_day, week_name, week_of
from rules.calendar.durations import Duration
from rules.calendar.instants import DAY_MS, MIN_MS, NEVER, rfc3339
from rules.facts.shop_facts import Entry
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator, State
from rules.kinds.evidence import ORDERS_SHOWN, products_of, voided_or
from rules.kinds.happened import Occurrence, OccurrenceIndex
from rules.kinds.occurrences.source import Crossings, Log, OccurrenceSource
from rules.kinds.occurrences.spec import OccurrenceSpec
from rules.kinds.progress import Progress
from rules.kinds.rule import Fault, Locale, Reference, Role, Sanction
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class CountRule(ShopRule, tag="count", tag_field="kind", kw_only=True, frozen=True):
    """`crossed` when `threshold` occurrences of `of` have gathered; `near` at a number before that.

    With a `sanction`: it begins when `threshold` have gathered; while it lasts none are counted, and counting starts
    anew after it (`window` limits how old one may be). With `per: week`: counted in each calendar week, those of one
    `distinct` buyer once. With `per: order`: counted for each order, and shown for `lasts`.
    """

    of: OccurrenceSpec
    threshold: int
    near: int | None = None
    window: Duration | None = None
    sanction: Sanction | None = None
    per: Literal["week", "order"] | None = None
    distinct: Literal["buyer"] | None = None
    lasts: Duration | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "order", "value", "threshold", "headroom", "sanction", "until", "period"}
    )
    ROLES: ClassVar[frozenset[Role]] = frozenset({"level or count"})
    HAS_FIGURES: ClassVar[bool] = True

    def depends_on(self) -> set[str]:
        return self.of.timers() | self.of.rules()

    def references(self) -> Iterator[Reference]:
        return self.of.references("of")

    def events(self) -> set[str]:
        return self.of.events()

    def retention_ms(self) -> int:
        if self.sanction is None:
            return int(self.lasts or 7 * DAY_MS)
        # Without a `window`, or with a sanction for good, what began the first sanction decides all that follow.
        return NEVER if self.window is None or self.sanction.lasts is None else int(self.window + self.sanction.lasts)

    def crosses(self) -> bool:
        return self.per == "week"

    def never_ends(self) -> bool:
        return self.sanction is not None and self.sanction.lasts is None

    def stages(self) -> tuple[str, ...]:
        top = "active" if self.sanction is not None else "crossed"
        return (top,) if self.near is None else ("near", top)

    def diagnostics(self) -> Iterator[Fault]:
        yield from (("of", message) for message in self.of.diagnostics())
        if self.threshold < 1:
            yield "threshold", "must be at least 1"
        elif self.near is not None and not 0 < self.near < self.threshold:
            yield "near", f"must be at least 1 and below the threshold of {self.threshold}"
        if (self.sanction is None) == (self.per is None):
            yield "per", "a count either brings a sanction or is counted per week or order"
        if self.window is not None and self.sanction is None:
            yield "window", "goes with a sanction; a week has its own length"
        if (self.per == "order") != (self.lasts is not None):
            yield "lasts", "goes with `per: order`, and says how long it is shown"
        if self.distinct is not None and self.per != "week":
            yield "distinct", "goes with `per: week`"

    def compile(self, wiring: Wiring) -> "CountEvaluator[Any]":
        source = wiring.source(self.of)
        if self.sanction is not None:
            return SanctionCounter(wiring.n, self, source, wiring.locale)
        return (WeekCounter if self.per == "week" else OrderCounter)(wiring.n, self, source, wiring.locale)


class Gathered(Struct):
    """How far a count with a sanction has gone through the occurrences: `done` is their number, and `first` the first
    that counts since the last sanction. `sanctions`: when each began and ended (epoch ms)."""

    rewrites: int
    done: int = 0
    first: int = 0
    sanctions: list[tuple[int, int]] = []


class CountState(Struct, frozen=True):
    """The state of a count with a sanction at a moment: `number` occurrences count, from `first` on."""

    first: int
    number: int
    from_ms: int | None = None
    until_ms: int | None = None


class Week(Struct):
    """How far a week's occurrences, from the `first` on, have been gone through, and those that count."""

    rewrites: int
    monday: int
    first: int
    done: int
    occurrences: list[Occurrence] = []
    buyers: set[str] = set()


class CountEvaluator(Evaluator[CountRule, State]):
    """What the three ways to count share."""

    def __init__(self, n: int, rule: CountRule, source: OccurrenceSource, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.source = source
        self.zone = locale.zone

    def _open(self, count: int) -> tuple[Desired, Reason] | None:
        severity = self.rule.severity
        if count >= self.rule.threshold:
            return Desired("crossed", severity["crossed"]), "threshold_crossed"
        if self.rule.near is not None and count >= self.rule.near:
            return Desired("near", severity["near"]), "threshold_near"
        return None

    def _evidence(self, occurrences: Iterable[Occurrence], count: int, **names: object) -> Evidence:
        occurrences = list(occurrences)
        headroom = self.rule.threshold - count
        figures = {"value": count, "threshold": self.rule.threshold, "headroom": headroom, **names}
        details = {
            "marks": [occurrence.shown() for occurrence in occurrences[-ORDERS_SHOWN:]],
            "marks_total": len(occurrences),
        }
        return Evidence(details, figures, value=count, threshold=self.rule.threshold, headroom=headroom)

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        figures = f"{evidence.value:g} of {self.rule.threshold}"
        if reason == "sanction_ended" and self.rule.sanction is not None:
            since = self.rule.threshold - (evidence.headroom or 0)
            return f"{self.rule.sanction.name} has ended; back at {since:g} of {self.rule.threshold}"
        if reason == "period_ended":
            order = evidence.names.get("order")
            return (
                f"{evidence.names['period']} ended at {figures}"
                if order is None
                else f"Order {order} stays at {figures}"
            )
        return f"Back at {figures}"

    def _metric(self, count: int, window: dict[str, str] | None) -> dict[str, Any]:
        return {
            "value": count,
            "numerator": count,
            "denominator": None,
            "threshold": self.rule.threshold,
            "headroom": self.rule.threshold - count,
            "window": window,
        }


class SanctionCounter(CountEvaluator[Progress[Gathered]]):
    """Occurrences gather until a sanction begins."""

    @property
    def sanction(self) -> Sanction:
        assert self.rule.sanction is not None
        return self.rule.sanction

    def new_state(self) -> Progress[Gathered]:
        return Progress()

    def _gathered(self, progress: Progress[Gathered], log: Log, at_ms: int) -> Gathered:
        """Goes through the occurrences up to a moment; a sanction begins when enough have gathered."""
        gathered, known = progress.kept, log.until(at_ms)
        if gathered is None or gathered.rewrites != log.rewrites or not log.lasting or gathered.done > known:
            gathered = progress.kept = Gathered(log.rewrites)
        window, sanctions = self.rule.window, gathered.sanctions
        for n in range(gathered.done, known):
            occurred_ms = log.at_ms(log.items[n])
            if sanctions and occurred_ms < sanctions[-1][1]:
                gathered.first = n + 1
                continue
            while window is not None and log.at_ms(log.items[gathered.first]) <= occurred_ms - window:
                gathered.first += 1
            if n + 1 - gathered.first >= self.rule.threshold:
                sanctions.append((occurred_ms, self.sanction.until_ms(occurred_ms)))
                gathered.first = n + 1
        gathered.done = known
        return gathered

    def _state_at(self, progress: Progress[Gathered], log: Log, at_ms: int, now_ms: int) -> CountState:
        """The state at a moment, by what is known now."""
        sanctions = self._gathered(progress, log, now_ms).sanctions
        n = bisect_right(sanctions, (at_ms, NEVER))
        began, until = sanctions[n - 1] if n else (None, None)
        since_ms = MIN_MS if until is None else until
        if self.rule.window is not None:
            since_ms = max(since_ms, at_ms - self.rule.window + 1)
        first, last = log.until(since_ms - 1), log.until(at_ms)
        if until is not None and until <= at_ms:
            began, until = None, None
        return CountState(first, max(last - first, 0), began, until)

    def evaluate(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> Evaluation:
        log = self.source.log(shop)
        count_state = self._state_at(state, log, at_ms, at_ms)
        next_evals = [log.next_after(at_ms), NEVER if count_state.until_ms is None else count_state.until_ms]
        if self.rule.window is not None and count_state.number:
            next_evals.append(log.at_ms(log.items[count_state.first]) + self.rule.window)
        opened = self._stage(count_state)
        return Evaluation([] if opened is None else [opened], min(next_evals))

    def _stage(self, count_state: CountState) -> Finding | None:
        severity = self.rule.severity
        if count_state.from_ms is not None:
            return Finding(Desired("active", severity["active"], until_ms=count_state.until_ms), "sanction_started")
        if self.rule.near is not None and count_state.number >= self.rule.near:
            return Finding(Desired("near", severity["near"]), "threshold_near")
        return None

    def evidence(self, shop: ShopView, state: Progress[Gathered], finding: Finding, at_ms: int) -> Evidence:
        log = self.source.log(shop)
        count_state = self._state_at(state, log, at_ms, at_ms)
        first, last = count_state.first, count_state.first + count_state.number
        if count_state.from_ms is not None:  # those that brought the sanction, not those gathered since
            last = log.until(count_state.from_ms)
            first = max(last - self.rule.threshold, 0)
        occurrences = [log.occurrence(occurrence) for occurrence in log.items[max(first, last - ORDERS_SHOWN) : last]]
        evidence = self._evidence(occurrences, last - first, sanction=self.sanction.name)
        evidence.details["marks_total"] = last - first
        evidence.details["sanction"] = self.sanction.name
        evidence.headroom = self.rule.threshold - count_state.number
        return evidence

    def end_reason(
        self, shop: ShopView, state: Progress[Gathered], last_emitted: Emitted, finding: Finding, at_ms: int
    ) -> Reason:
        """Time has ended the alert, unless the occurrences, as known now, no longer support it."""
        then = self._stage(self._state_at(state, self.source.log(shop), last_emitted.at_ms, at_ms))
        if then is None or then.open.stage != last_emitted.stage or then.open.until_ms != last_emitted.until_ms:
            return "evidence_arrived"
        return "fell_back" if last_emitted.until_ms is None else "sanction_ended"

    def metric(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> dict[str, Any]:
        return self._metric(self._state_at(state, self.source.log(shop), at_ms, at_ms).number, None)

    def sanctions(self, shop: ShopView, state: Progress[Gathered], at_ms: int) -> list[ActiveSanction]:
        now = self._state_at(state, self.source.log(shop), at_ms, at_ms)
        if now.from_ms is None or now.until_ms is None:
            return []
        return [ActiveSanction(self.sanction.name, now.from_ms, now.until_ms)]


class WeekCounter(CountEvaluator[Progress[Week]], Crossings[CountRule, Progress[Week]]):
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


class OrderCounter(CountEvaluator[None], SubjectEvaluator[CountRule, None]):
    """Each order is counted by itself."""

    def sources(self) -> list[OccurrenceSource]:
        return [self.source]

    def keys(self, shop: ShopView) -> list[str]:
        return list(self.source.subjects(shop))

    def touched_at(self, subject: str, instants: Iterable[int]) -> list[str]:
        return [subject]

    def evaluate_key(self, shop: ShopView, state: None, key: str, at_ms: int) -> Evaluation:
        instants = self.source.instants(shop, key)
        known = [at for at in instants if at <= at_ms]
        next_eval_ms = min([at for at in instants if at > at_ms], default=NEVER)
        opened = self._open(len(known))
        assert self.rule.lasts is not None
        if opened is None or at_ms >= (ends_ms := known[-1] + self.rule.lasts):
            return Evaluation([], next_eval_ms)
        return Evaluation([Finding(*opened, subject=key)], min(next_eval_ms, ends_ms))

    def _known(self, shop: ShopView, order: str, at_ms: int) -> list[Occurrence]:
        return [occurrence for occurrence in self.source.about(shop, order) if occurrence.at_ms <= at_ms]

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        occurrences = self._known(shop, finding.subject, at_ms)
        evidence = self._evidence(occurrences, len(occurrences), order=finding.subject)
        evidence.order = finding.subject
        evidence.details |= products_of(shop, finding.subject)
        return evidence

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        occurrences = self._known(shop, finding.subject, at_ms)
        if self._open(len(occurrences)) is not None:
            return "period_ended"
        return voided_or(shop, finding.subject, "evidence_arrived")
