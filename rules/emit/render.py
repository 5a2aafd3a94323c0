"""Renders a transition as an alert record: what changed, why, and what proves it."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from string import Formatter
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from rules.calendar.instants import NEVER, rfc3339
from rules.emit.transition import Transition
from rules.kinds.evaluation import Evidence
from rules.kinds.money import money_of
from rules.kinds.rule import Advice, Rule
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Action, Alert, AlertData, Penalty, console_path, instant
from rules.state.shop import Shop

_COMMON_NAMES: Final = frozenset({"shop", "due", "until", "judgement"})
"""Names in summaries that are the same for all kinds of rules; the evidence gives the others."""


class Template(Struct, frozen=True):
    """The part of a record that is the same for all alerts of one rule and stage: `record` with the rest left blank,
    `fill`, which makes the summary from the values of its names (None where the rule has no summary), and
    `placeholders` for what an evidence may lack. `uses_evidence_only`: all that the summary names is the evidence's."""

    rule: Rule
    record: AlertData
    placeholders: dict[str, object]
    fill: Callable[[Mapping[str, object]], str] | None
    uses_evidence_only: bool


class AlertRenderer:
    """Renders records from templates, one per rule and stage."""

    def __init__(self) -> None:
        #: By id() of the rule, since versions share a name; the template keeps its rule alive.
        self._templates: dict[tuple[int, str], Template] = {}

    def _new_template(self, rule: Rule, stage: str) -> Template:
        template = self._templates[id(rule), stage] = _template(rule, stage)
        return template

    def render(self, transition: Transition, evidence: Evidence) -> Alert:
        """The next record of an alert: opened, updated, or resolved."""
        shop, rule, alert = transition.shop, transition.rule, transition.alert
        last_emitted, desired = transition.last_emitted, transition.desired
        reopened = last_emitted is None or not last_emitted.open
        last = desired or last_emitted
        assert last is not None
        revision = 1 if last_emitted is None else last_emitted.revision + 1
        template = self._templates.get((id(rule), last.stage)) or self._new_template(rule, last.stage)
        time, due_at = rfc3339(transition.at_ms), instant(last.due_ms)
        data = replace(
            template.record,
            alert=alert,
            revision=revision,
            state="resolved" if desired is None else "open",
            severity=last.severity,
            reason=transition.reason,
            opened_at=time if last_emitted is None or reopened else rfc3339(last_emitted.opened_at_ms),
            due_at=due_at,
            summary=_summary(template, shop, evidence, last, due_at),
            link=console_path(alert),
            evidence=evidence.details,
        )
        if not rule.PER_ORDER:
            _add_what_few_have(data, rule, evidence, last)
        elif last.judgement:  # all of it that an order's alerts can have
            data.judgement = last.judgement
        return Alert(
            id=f"{alert}/{revision}",
            type="alert.resolved" if desired is None else "alert.opened" if reopened else "alert.updated",
            time=time,
            platform=shop.platform,
            shop=shop.name,
            order=UNSET if evidence.order is None else evidence.order,
            data=data,
        )


def _template(rule: Rule, stage: str) -> Template:
    plain, titles = Evidence({}), rule.titles()
    record = AlertData(
        alert="",
        revision=0,
        rule=rule.id,
        clause=rule.clause,
        state="open",
        severity="info",
        stage=stage,
        reason="happened",
        opened_at="",
        summary="",
        title=titles["en"],
        titles=titles,
        evidence=plain.details,
        penalty=_penalty(rule, plain),
        actions=_actions(rule, plain, stage),
    )
    placeholders: dict[str, object] = dict.fromkeys(rule.NAMES, "-")
    summary = rule.summary.get(stage)
    if summary is None:
        return Template(rule, record, placeholders, fill=None, uses_evidence_only=False)
    names = tuple(name for _, name, _, _ in Formatter().parse(summary) if name is not None)
    return Template(rule, record, placeholders, _filler(summary, names), _COMMON_NAMES.isdisjoint(names))


def _filler(summary: str, names: tuple[str, ...]) -> Callable[[Mapping[str, object]], str]:
    """What `summary.format_map` does, by `%`, which takes half the time. `rules.dsl.validate` refuses summaries that
    say how a value is to be written. `tests/rules/emit/test_summaries.py` holds that nothing differs by it."""
    text = summary.replace("%", "%%").format_map(dict.fromkeys(names, "%s"))
    if len(names) > 1:
        values_of = itemgetter(*names)
        return lambda values: text % values_of(values)
    return lambda values: text % tuple([values[name] for name in names])


def _add_what_few_have(data: AlertData, rule: Rule, evidence: Evidence, last: Emitted | Desired) -> None:
    """Adds what the template lacks: the evidence's own figures, and what only some stages have."""
    data.value, data.threshold, data.headroom = evidence.value, evidence.threshold, evidence.headroom
    if last.judgement:
        data.judgement = last.judgement
    if last.tier:
        data.tier = last.tier
    if last.until_ms is not None:
        data.until = _until(last.until_ms)
    if evidence.cost is not None or evidence.money or evidence.points is not None:
        data.penalty = _penalty(rule, evidence)
    if evidence.actions:
        data.actions = _actions(rule, evidence, last.stage)


def _until(until_ms: int) -> str | None:
    return None if until_ms >= NEVER else rfc3339(until_ms)


def _actions(rule: Rule, evidence: Evidence, stage: str) -> list[Action]:
    advice: tuple[Advice, ...] = (*evidence.actions, *rule.actions)
    return [Action(each.to, each.do) for each in advice if not each.at or stage in each.at]


def _summary(template: Template, shop: Shop, evidence: Evidence, last: Emitted | Desired, due_at: str | None) -> str:
    if evidence.summary is not None:
        return evidence.summary
    if template.fill is None:  # resolved after its pack was changed and has no such stage any more
        return f"{template.rule.id} has no stage {last.stage} any more"
    if template.uses_evidence_only:
        try:
            return template.fill(evidence.names)
        except KeyError:
            pass  # this evidence lacks one
    until = None if last.until_ms is None else _until(last.until_ms) or "further notice"
    names = {
        **template.placeholders,
        **evidence.names,
        "shop": shop.name,
        "due": due_at,
        "until": until,
        "judgement": last.judgement,
    }
    return template.fill(names)


def _penalty(rule: Rule, evidence: Evidence) -> Penalty | None:
    cost = evidence.cost or rule.penalty
    if cost is None and not evidence.money and evidence.points is None:
        return None
    penalty = Penalty()
    if cost is not None:
        penalty.effect, penalty.ledger = cost.effect, cost.ledger
        penalty.points = None if cost.points is None else float(cost.points)
    if evidence.points is not None:
        penalty.points, penalty.ledger = float(evidence.points), evidence.ledger
    if evidence.money:
        first, *others = money_of(evidence.money)
        penalty.amount, penalty.currency = first["amount"], first["currency"]
        penalty.others = others or None
    return penalty
