"""Reconciles what should be open with what was last emitted; each difference is emitted as a record, with its reason.

What was emitted at a later instant than the clock's (before a restart whose clock lags behind) stands until then.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from rules.calendar.instants import HOUR_MS, NEVER, rfc3339
from rules.emit.render import AlertRenderer
from rules.emit.transition import Transition
from rules.kinds.deadline.evidence import Known, deadline_ending, deadline_evidence, known_by
from rules.kinds.deadline.timer import Timer
from rules.kinds.endings import ending
from rules.kinds.evaluation import Evidence, Finding
from rules.kinds.evaluator import AnyEvaluator
from rules.kinds.rule import Rule
from rules.kinds.subjects import AnySubjectEvaluator, SubjectEvaluator
from rules.messages.alert_state import Desired, Emitted, needs_emit, record_emitted
from rules.messages.alerts import Alert, Reason, alert_id, subject_and_episode
from rules.messages.figures import Figures
from rules.plan.rule_book import RuleBook
from rules.state.findings import MORE, MOST_OPEN, About, Findings
from rules.state.shop import Order, Shop


class Reconciled(Struct, frozen=True, gc=False):
    """What reconciling one rule of a shop came to: when to evaluate it again (epoch ms; None where some of its keys are
    left), how many things were looked at, and whether its published value has `changed`."""

    next_ms: int | None
    checked: int
    changed: bool = False


class Reconciler:
    """Finds transitions and emits them."""

    def __init__(self, book: RuleBook, emit: Callable[[Shop, Alert], None]) -> None:
        self.book = book
        self._emit = emit
        self._renderer = AlertRenderer()
        self._transitions: list[Transition] = []

    def emit_transitions(self) -> None:
        """Emits what was found since the last call, in that order. Not at once as found: doing the two by turns would
        drive each other's data out of the processor's caches."""
        transitions, self._transitions = self._transitions, []
        last_order: Order | None = None
        last_ms, known = NEVER, Known()
        for transition in transitions:
            about, at_ms = transition.about, transition.at_ms
            if not isinstance(about, tuple):  # to ask for Evidence, a Struct, takes ten times as long
                evidence = about
            else:
                timer, order, due_ms = about
                if order is not last_order or at_ms != last_ms:  # several alerts of one order often come at once
                    last_order, last_ms, known = order, at_ms, known_by(order.facts, at_ms)
                evidence = deadline_evidence(timer, order, due_ms, known)
                if transition.desired is None and transition.last_emitted is not None:
                    evidence.summary = deadline_ending(timer, order, transition.last_emitted, transition.reason)
            self._emit(transition.shop, self._renderer.render(transition, evidence))

    def reconcile_order(self, order: Order, wanted: Sequence[tuple[Timer, Desired]], at_ms: int) -> int:
        """Finds the transitions of an order's alerts. Returns when to reconcile again (epoch ms)."""
        next_eval_ms, emitted = NEVER, order.alerts
        if emitted is None:
            emitted = order.alerts = {}
        shop, current = order.shop, []
        for timer, opened in wanted:
            alert = alert_id(timer.rule.id, shop.key, order.id, rfc3339(opened.due_ms or 0))
            current.append(alert)
            last_emitted = emitted.get(alert)
            if not needs_emit(last_emitted, opened):
                continue
            if last_emitted is not None and at_ms < last_emitted.at_ms:
                next_eval_ms = min(next_eval_ms, last_emitted.at_ms)
            else:
                about, reason = (timer, order, opened.due_ms), timer.reason(opened)
                self._note(Transition(shop, alert, timer.rule, about, last_emitted, opened, reason, at_ms), emitted)
        # Those just opened are in it; mostly there are no others.
        for alert, last_emitted in list(emitted.items()) if len(emitted) > len(current) else ():
            ended = shop.plan.timer_of.get(last_emitted.rule) if last_emitted.open and alert not in current else None
            if ended is None:
                continue  # still desired; or its pack isn't loaded, so whether it has ended isn't known
            if at_ms < last_emitted.at_ms:
                next_eval_ms = min(next_eval_ms, last_emitted.at_ms)
            else:
                due = ended.due_instants(order.facts)
                about = ended, order, last_emitted.due_ms if last_emitted.due_ms in due else next(iter(due), None)
                reason = ended.end_reason(order.facts, last_emitted)
                self._note(Transition(shop, alert, ended.rule, about, last_emitted, None, reason, at_ms), emitted)
        return next_eval_ms

    def reconcile_shop(
        self, shop: Shop, evaluator: AnyEvaluator, at_ms: int, since_ms: int, most: int = NEVER
    ) -> Reconciled:
        """Evaluates one rule of a shop and finds its transitions. Figures are compared if a full hour lies between
        `since_ms` and `at_ms`. A rule evaluated by subject looks at no more than `most` keys."""
        if isinstance(evaluator, SubjectEvaluator):
            return self._reconcile_by_subject(shop, evaluator, at_ms, since_ms, most)
        found = evaluator.evaluate(shop, shop.states[evaluator.n], at_ms)
        is_open = shop.emitted.open_of(evaluator.rule.id)
        if not found.desired and not is_open:
            return Reconciled(found.next_ms, 1, found.changed)
        findings = Findings()
        findings.wanted = {(each.subject, each.episode): each for each in found.desired}
        if not _stands(shop, evaluator.rule, is_open, findings.wanted):
            findings.moved |= dict.fromkeys(findings.wanted)
            findings.settle(evaluator.rule)
            self._note_open(shop, evaluator, findings)
            self._find_of_findings(shop, evaluator, findings, at_ms)
        current_until_ms = self._keep_current(shop, evaluator, findings, at_ms, since_ms)
        next_ms = min(found.next_ms, findings.next_ms(), current_until_ms)
        return Reconciled(next_ms, 1 + len(found.desired), found.changed)

    def _reconcile_by_subject(
        self, shop: Shop, evaluator: AnySubjectEvaluator, at_ms: int, since_ms: int, most: int
    ) -> Reconciled:
        """The same for a rule evaluated by subject: only keys that may have changed or are due. While some are `left`,
        no transitions are found."""
        findings = shop.findings.get(evaluator.n)
        if findings is None:
            if not shop.emitted.open_of(evaluator.rule.id) and not any(True for _ in evaluator.keys(shop)):
                return Reconciled(NEVER, 1)
            shop.findings = shop.findings or {}
            findings = shop.findings[evaluator.n] = Findings()
            findings.touch(evaluator.keys(shop))
            self._note_open(shop, evaluator, findings)
        state = shop.states[evaluator.n]
        if not all(source.lasting for source in evaluator.sources()):
            findings.touch([*findings.keys(), *evaluator.keys(shop)])
            most = NEVER  # a few weeks at the most, and no slice hears what comes before the next one
        findings.touch(evaluator.changed_keys(shop, state, at_ms))
        due = findings.take_due(at_ms, most)
        for key in due:
            evaluation = evaluator.evaluate_key(shop, state, key, at_ms)
            findings.put(key, evaluation)
            if evaluator.rule.HAS_FIGURES:
                findings.unsure.update(dict.fromkeys((each.subject, each.episode) for each in evaluation.desired))
        if findings.left:
            return Reconciled(None, len(due))
        findings.settle(evaluator.rule)
        if findings.moved:
            self._find_of_findings(shop, evaluator, findings, at_ms)
        next_ms = min(findings.next_ms(), self._keep_current(shop, evaluator, findings, at_ms, since_ms))
        return Reconciled(next_ms, 1 + len(due))

    def _note_open(self, shop: Shop, evaluator: AnyEvaluator, findings: Findings) -> None:
        """Has all of a rule's open alerts compared with its findings."""
        for alert in shop.emitted.open_of(evaluator.rule.id):
            findings.moved[subject_and_episode(alert, evaluator.rule.id, shop.key)] = None

    def _find_of_findings(self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, at_ms: int) -> None:
        """Finds the transitions among a rule's alerts that may have changed: first those that end, then the others."""
        rule, is_open = evaluator.rule, shop.emitted.open_of(evaluator.rule.id)
        moved, findings.moved = findings.moved, {}
        ids = {alert_id(rule.id, shop.key, *about): about for about in moved}
        wanted = {alert: finding for alert, about in ids.items() if (finding := findings.shown(about)) is not None}
        for alert in sorted([alert for alert in ids if alert not in wanted and alert in is_open]):
            findings.retry(ids[alert], self._end_shop_alert(shop, evaluator, findings, alert, at_ms))
        for alert, finding in wanted.items():
            findings.retry(ids[alert], self._reconcile_finding(shop, evaluator, findings, alert, finding, at_ms))

    def _reconcile_finding(
        self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, alert: str, finding: Finding, at_ms: int
    ) -> int:
        """Finds the transition of one alert that should be open. Returns when to reconcile it again (epoch ms)."""
        last_emitted, rule = shop.emitted.alerts.get(alert), evaluator.rule
        if (
            last_emitted is not None
            and _is_no_longer_that_sanction(last_emitted, finding.open)
            and at_ms >= last_emitted.at_ms
        ):
            self._end_shop_alert(shop, evaluator, findings, alert, at_ms)
            last_emitted = shop.emitted.alerts[alert]
        if not needs_emit(last_emitted, finding.open):
            return NEVER
        if last_emitted is not None and at_ms < last_emitted.at_ms:
            return last_emitted.at_ms
        reason = (
            finding.reason if last_emitted is None or not _is_milder(rule, last_emitted, finding.open) else "fell_back"
        )
        evidence = self._evidence(shop, evaluator, findings, finding, at_ms)
        transition = Transition(shop, alert, rule, evidence, last_emitted, finding.open, reason, at_ms)
        self._note(transition, shop.emitted.alerts)
        return NEVER

    def _evidence(
        self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, finding: Finding, at_ms: int
    ) -> Evidence:
        """The evidence of an alert that should be open."""
        if (finding.subject, finding.episode) == MORE:
            return findings.evidence_of_more()
        return evaluator.evidence(shop, shop.states[evaluator.n], finding, at_ms)

    def _keep_current(self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, at_ms: int, since_ms: int) -> int:
        """Compares, at a full hour, the figures of a rule's open alerts with those last emitted. Between two hours it
        only has the rule evaluated again at the next one (unless none has moved, where that is cheap to tell):
        something has changed, else it wouldn't have been evaluated now. Returns when to evaluate it again (epoch
        ms)."""
        n, rule, due = evaluator.n, evaluator.rule, shop.figures_due
        is_open = shop.emitted.open_of(rule.id) if rule.HAS_FIGURES else ()
        if not is_open:
            due.pop(n, None)
            return NEVER
        by_key = evaluator.figures_by_key
        if by_key and not findings.unsure and findings.more is None:
            return due.get(n, NEVER)
        hour_ms = min(due.get(n, NEVER), _full_hour(since_ms))
        is_hour = hour_ms <= at_ms - shop.instant_open
        due = shop.figures_due = due or {}
        if not is_hour and not evaluator.figures_are_cheap:
            due[n] = hour_ms
            return hour_ms
        due.pop(n, None)
        current: list[tuple[Finding, Figures]] = []
        for alert in sorted(is_open):
            about = subject_and_episode(alert, rule.id, shop.key)
            finding = findings.shown(about)
            if finding is None or (by_key and about not in findings.unsure and about != MORE):
                continue
            last_emitted = shop.emitted.alerts[alert]
            before, now = last_emitted.figures or Figures(), self._figures(shop, evaluator, findings, finding, at_ms)
            if at_ms >= last_emitted.at_ms and before.have_moved_to(now):
                if not is_hour:
                    due[n] = hour_ms
                    return hour_ms
                evidence = self._evidence(shop, evaluator, findings, finding, at_ms)
                reason: Reason = "figures_moved"
                transition = Transition(shop, alert, rule, evidence, last_emitted, finding.open, reason, at_ms)
                self._note(transition, shop.emitted.alerts)
                before = now
            current.append((finding, before))
        findings.unsure = {}
        if evaluator.watch_figures(shop, shop.states[n], current, at_ms):
            return NEVER
        due[n] = _full_hour(at_ms + 1)
        return due[n]

    def compare_figures(self, shop: Shop, n: int, since_ms: int) -> int:
        """Has the figures of the open alerts of one rule (by its place in the plan) compared at the first full hour
        from `since_ms` on. Returns when that is (epoch ms)."""
        due = shop.figures_due = shop.figures_due or {}
        due[n] = min(due.get(n, NEVER), _full_hour(since_ms))
        return due[n]

    def _figures(
        self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, finding: Finding, at_ms: int
    ) -> Figures:
        """The figures of an alert that should be open, as they stand."""
        if (finding.subject, finding.episode) == MORE:
            return findings.evidence_of_more().figures() or Figures()
        return evaluator.figures(shop, shop.states[evaluator.n], finding, at_ms)

    def end_what_no_longer_applies(self, shop: Shop, at_ms: int) -> int:
        """Ends alerts of rules that the shop no longer has, because its site or programme has changed."""
        plan, next_eval_ms = shop.plan, NEVER
        holders = [
            (None, shop.emitted.alerts),
            *((order.id, order.alerts) for order in shop.orders.values() if order.alerts),
        ]
        for order_id, emitted in holders:
            for alert, last_emitted in list(emitted.items()):
                rule = self.book.rules.get(last_emitted.rule)
                if (
                    last_emitted.open
                    and rule is not None
                    and last_emitted.rule not in plan.evaluator_of
                    and last_emitted.rule not in plan.timer_of
                ):
                    if at_ms < last_emitted.at_ms:
                        shop.rebound = True
                        next_eval_ms = min(next_eval_ms, last_emitted.at_ms)
                    else:
                        about = "the shop" if order_id is None else f"order {order_id}"
                        evidence = Evidence({}, {}, order_id, summary=f"This rule no longer applies to {about}")
                        reason: Reason = "no_longer_applies"
                        self._note(Transition(shop, alert, rule, evidence, last_emitted, None, reason, at_ms), emitted)
        return next_eval_ms

    def _end_shop_alert(self, shop: Shop, evaluator: AnyEvaluator, findings: Findings, alert: str, at_ms: int) -> int:
        last_emitted = shop.emitted.alerts[alert]
        if at_ms < last_emitted.at_ms:
            return last_emitted.at_ms
        subject, episode = subject_and_episode(alert, evaluator.rule.id, shop.key)
        last = Desired(
            last_emitted.stage,
            "info",
            last_emitted.due_ms,
            last_emitted.judgement,
            last_emitted.until_ms,
            last_emitted.tier,
        )
        finding = Finding(last, "fell_back", subject, episode)
        reason: Reason
        if (subject, episode) == MORE:
            evidence, reason = findings.evidence_of_more(), "fell_back"
        elif findings.is_left_out((subject, episode)):
            evidence, reason = evaluator.evidence(shop, shop.states[evaluator.n], finding, at_ms), "too_many"
            evidence.summary = ending(reason)
        else:
            reason = evaluator.end_reason(shop, shop.states[evaluator.n], last_emitted, finding, at_ms)
            evidence = evaluator.evidence(shop, shop.states[evaluator.n], finding, at_ms)
            evidence.summary = evaluator.ending(evidence, reason, last_emitted)
        transition = Transition(shop, alert, evaluator.rule, evidence, last_emitted, None, reason, at_ms)
        self._note(transition, shop.emitted.alerts)
        return NEVER

    def _note(self, new: Transition, emitted: dict[str, Emitted]) -> None:
        """Adds a transition, and records it in what was `emitted` of its shop or order."""
        self._transitions.append(new)
        figures = None if isinstance(new.about, tuple) else new.about.figures()
        state = record_emitted(new.rule.id, new.last_emitted, new.desired, figures, new.at_ms)
        new.shop.emitted.record(emitted, new.alert, state)


def _stands(shop: Shop, rule: Rule, is_open: Collection[str], wanted: Mapping[About, Finding]) -> bool:
    """Whether the open alerts of a rule are those that it wants, each as it should be: as most of the time."""
    if len(is_open) != len(wanted) or len(wanted) > MOST_OPEN:
        return False
    for about, finding in wanted.items():
        alert = alert_id(rule.id, shop.key, *about)
        if alert not in is_open:
            return False
        last_emitted = shop.emitted.alerts[alert]
        if needs_emit(last_emitted, finding.open) or _is_no_longer_that_sanction(last_emitted, finding.open):
            return False
    return True


def _full_hour(at_ms: int) -> int:
    """The full hour (epoch ms) at or after an instant."""
    return -(-at_ms // HOUR_MS) * HOUR_MS


def _is_no_longer_that_sanction(last_emitted: Emitted, wanted: Desired) -> bool:
    """Whether the open alert is of another sanction: that one ends first, so that the new one has its own episode."""
    return last_emitted.open and last_emitted.until_ms is not None and wanted.until_ms != last_emitted.until_ms


def _is_milder(rule: Rule, last_emitted: Emitted, wanted: Desired) -> bool:
    stages = rule.stages()
    if not last_emitted.open or last_emitted.stage not in stages or wanted.stage not in stages:
        return False
    return stages.index(wanted.stage) < stages.index(last_emitted.stage)
