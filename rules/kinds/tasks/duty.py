"""Duties: what is owed since something has happened, the stages of its alert, and what is shown of it."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from rules.calendar.instants import NEVER, rfc3339
from rules.facts.shop_facts import Entry, event_evidence
from rules.kinds.endings import ending, lateness
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evaluator import State
from rules.kinds.evidence import voided_or
from rules.kinds.rule import Locale
from rules.kinds.shop_view import ShopView
from rules.kinds.subjects import SubjectEvaluator
from rules.kinds.tasks.spec import TasksSpec
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class Duty(Struct):
    """Something owed: since when, about what, and by which event; `done_ms` when it was settled."""

    at_ms: int
    subject: str
    event: Entry | None
    left: list[str]
    done_ms: int | None = None
    ticked: list[dict[str, Any]] = []


class DutyEvaluator(SubjectEvaluator[TasksSpec, State]):
    """What rules on tasks and on the deposit share."""

    def __init__(self, n: int, rule: TasksSpec, locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.effective = locale.effective
        self._warnings_last_first = sorted((int(each.before), each.severity) for each in rule.warn)

    def _evaluate_duty(self, duty: Duty, at_ms: int) -> Evaluation:
        """What should be open about a duty at a moment."""
        due = duty.at_ms + self.rule.within
        if duty.done_ms is not None or at_ms >= due + self.rule.lasts or not self.effective.at(duty.at_ms):
            return Evaluation([], NEVER)
        opened, next_ms = self._stage(due, at_ms)
        reason: Reason = "deadline_near" if opened.stage == "due_soon" else "deadline_passed"
        return Evaluation([Finding(opened, reason, duty.subject, rfc3339(due))], next_ms)

    def _stage(self, due: int, at_ms: int) -> tuple[Desired, int]:
        if at_ms >= due:
            return Desired("overdue", self.rule.severity["overdue"], due), due + self.rule.lasts
        next_ms = due
        for before, severity in self._warnings_last_first:
            if due - before <= at_ms:
                return Desired("due_soon", severity, due), next_ms
            next_ms = due - before
        raise AssertionError("the first warning holds from the start")

    def _evidence(self, duty: Duty | None, subject: str, order: str | None) -> Evidence:
        names = {
            "order": order,
            "subject": subject,
            "left": ", ".join(duty.left) if duty else "-",
            "within_h": f"{self.rule.within / 3_600_000:g}",
            "sanction": self.rule.sanction.name if self.rule.sanction else None,
            "done_ms": duty.done_ms if duty else None,
        }
        if duty is None:
            return Evidence({}, names, order)
        details: dict[str, Any] = {"since": rfc3339(duty.at_ms), "left": duty.left, "done": list(duty.ticked)}
        if duty.event is not None:
            details["event"] = event_evidence(duty.event)
        return Evidence(details, names, order)

    @abstractmethod
    def _duty_of(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> Duty | None:
        """The duty that an alert is about."""

    def knows(self, shop: ShopView, state: State, finding: Finding, at_ms: int) -> bool:
        duty = self._duty_of(shop, state, finding, at_ms)
        return duty is not None and self.effective.at(duty.at_ms)

    def end_reason(self, shop: ShopView, state: State, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        duty = self._duty_of(shop, state, finding, at_ms)
        if duty is None:
            return voided_or(shop, finding.subject, "evidence_arrived")
        if duty.done_ms is None:
            return "period_ended"
        was_premature = last_emitted.stage == "overdue" and duty.done_ms <= (last_emitted.due_ms or 0)
        return "evidence_arrived" if was_premature else "fulfilled"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        about = "" if names["order"] is None else f" for order {names['order']}"
        if isinstance(done_ms := names["done_ms"], int):
            late = lateness(done_ms, last_emitted.due_ms)
            return f"All is done{about}, {late}" + (", as is known now" if reason == "evidence_arrived" else "")
        if reason == "period_ended":
            return f"Not done{about}: {names['left']}; it is shown no longer"
        return f"Nothing was owed{about} after all" if reason == "evidence_arrived" else ending(reason)

    def _sanctions(self, duties: Iterable[Duty], at_ms: int) -> list[ActiveSanction]:
        """Those in force: until it is done, so without an end."""
        if self.rule.sanction is None:
            return []
        owed = [duty.at_ms for duty in duties if duty.done_ms is None]
        overdue = [since_ms + self.rule.within for since_ms in owed if self.effective.at(since_ms)]
        name, lasts = self.rule.sanction.name, self.rule.lasts
        return [ActiveSanction(name, due, NEVER) for due in overdue if due <= at_ms < due + lasts]
