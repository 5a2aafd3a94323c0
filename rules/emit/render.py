"""Putting a verdict into words: the record that says what changed, why, and what proves it."""

from decimal import Decimal
from functools import lru_cache

from msgspec import UNSET, Struct
from msgspec.structs import replace

from rules.calendar.instants import HOUR_MS, NEVER, rfc3339
from rules.facts.order_facts import FACT_NAMES, OrderFacts, every_mark
from rules.kinds.deadline.spec import Deadline
from rules.kinds.deadline.timer import Timer
from rules.kinds.rule import Advice, Case, Rule
from rules.messages.alerts import Action, Alert, AlertData, Cause, Emitted, Open, Penalty, instant
from rules.state.shop import Order, Shop

Known = dict[str, dict[str, str | None]]
"""Facts of an order as evidence, by name: when they happened, and which event of which source said so."""


class Phrase(Struct, frozen=True):
    """What a rule says at one stage whatever the case: a `record` with that in it and the rest blank, the `summary` to
    be filled in (None where it has none), and `gone`, what its names stand for where a case has no figure for them."""

    rule: Rule
    record: AlertData
    summary: str | None
    gone: dict[str, object]


class Teller:
    """Writes records. A rule's phrases are put together once, not for each of its alerts."""

    def __init__(self) -> None:
        self._phrases: dict[tuple[int, str], Phrase] = {}

    def _phrase(self, rule: Rule, stage: str) -> Phrase:
        key = id(rule), stage  # the versions of a rule share its name; a phrase keeps its rule, so the id stays its own
        phrase = self._phrases.get(key)
        if phrase is None:
            phrase = self._phrases[key] = _phrase(rule, stage)
        return phrase

    def tell(
        self,
        shop: Shop,
        alert: str,
        rule: Rule,
        case: Case,
        said: Emitted | None,
        wanted: Open | None,
        cause: Cause,
        at_ms: int,
    ) -> Alert:
        """The next record of an alert: opened, updated, or resolved where `wanted` is None."""
        reopened = said is None or not said.open
        last = wanted or said
        assert last is not None
        revision = 1 if said is None else said.revision + 1
        phrase = self._phrase(rule, last.stage)
        time, due_at = rfc3339(at_ms), instant(last.due_ms)
        data = replace(
            phrase.record,
            alert=alert,
            revision=revision,
            state="resolved" if wanted is None else "open",
            severity=last.severity,
            reason=cause,
            opened_at=time if said is None or reopened else rfc3339(said.opened_at_ms),
            due_at=due_at,
            summary=_summary(phrase, shop, case, last, due_at),
            evidence=case.evidence,
        )
        _add_what_few_have(data, rule, case, last)
        return Alert(
            id=f"{alert}/{revision}",
            type="alert.resolved" if wanted is None else "alert.opened" if reopened else "alert.updated",
            time=time,
            platform=shop.platform,
            shop=shop.name,
            order=UNSET if case.order is None else case.order,
            data=data,
        )


def _phrase(rule: Rule, stage: str) -> Phrase:
    plain = Case({})
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
        evidence=plain.evidence,
        penalty=_penalty(rule, plain),
        actions=_actions(rule, plain, stage),
    )
    return Phrase(rule, record, rule.summary.get(stage), dict.fromkeys(rule.NAMES, "-"))


def _add_what_few_have(data: AlertData, rule: Rule, case: Case, last: Emitted | Open) -> None:
    """Beside what the phrase says: what a case brings itself, and what belongs to some stages."""
    data.value, data.threshold, data.headroom = case.value, case.threshold, case.headroom
    if last.judgement:
        data.judgement = last.judgement
    if last.tier:
        data.tier = last.tier
    if last.until_ms is not None:
        data.until = _until(last.until_ms)
    if case.cost is not None or case.money or case.points is not None:
        data.penalty = _penalty(rule, case)
    if case.actions:
        data.actions = _actions(rule, case, last.stage)


def _until(until_ms: int) -> str | None:
    return None if until_ms >= NEVER else rfc3339(until_ms)


def _actions(rule: Rule, case: Case, stage: str) -> list[Action]:
    advice: tuple[Advice, ...] = (*case.actions, *rule.actions)
    return [Action(each.to, each.do) for each in advice if not each.at or stage in each.at]


def _summary(phrase: Phrase, shop: Shop, case: Case, last: Emitted | Open, due_at: str | None) -> str:
    if case.summary is not None:
        return case.summary
    if phrase.summary is None:  # resolved after its pack was changed to one without this stage
        return f"{phrase.rule.id} has no stage {last.stage} any more"
    until = None if last.until_ms is None else _until(last.until_ms) or "further notice"
    names = {
        **phrase.gone,
        **case.names,
        "shop": shop.name,
        "due": due_at,
        "until": until,
        "judgement": last.judgement,
    }
    return phrase.summary.format_map(names)


def _penalty(rule: Rule, case: Case) -> Penalty | None:
    cost = case.cost or rule.penalty
    if cost is None and not case.money and case.points is None:
        return None
    penalty = Penalty()
    if cost is not None:
        penalty.effect, penalty.ledger = cost.effect, cost.ledger
        penalty.points = None if cost.points is None else float(cost.points)
    if case.points is not None:
        penalty.points, penalty.ledger = float(case.points), case.ledger
    if case.money:
        first, *others = money_of(case.money)
        penalty.amount, penalty.currency = first["amount"], first["currency"]
        penalty.others = others or None
    return penalty


def money_of(sums: dict[str, Decimal]) -> list[dict[str, str]]:
    """Sums of money, largest first; currencies are never added together."""
    largest_first = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [{"amount": str(amount), "currency": currency} for currency, amount in largest_first]


def of_deadline(timer: Timer, order: Order, due_ms: int | None, known: Known) -> Case:
    """What there is to say of an order that a rule has, by its facts, due at `due_ms` (epoch ms)."""
    within = timer.rule.within
    names = {
        "order": order.id,
        "within": within,
        "within_h": _hours(within),
        "times": timer.again.times if timer.again else 1,
    }
    evidence = {"due_at": instant(due_ms), "deadline_from": _origin(timer, order.facts), "facts": known}
    return Case(evidence, names, order.id)


@lru_cache
def _hours(within: int) -> str:
    return f"{int(within) / HOUR_MS:g}"


def known_by(facts: OrderFacts, at_ms: int) -> Known:
    """What was known to have happened by `at_ms`; the event clock may lag behind facts already read."""
    known: Known = {
        fact: {"at": rfc3339(mark[0]), "source": mark[1], "event": mark[2]}
        for fact, mark in zip(FACT_NAMES, every_mark(facts), strict=True)
        if mark is not None and mark[0] <= at_ms
    }
    if "cancelled" in known:
        known["cancelled"] |= {"by": facts.cancelled_by, "reason": facts.cancelled_for}
    if "deadline_moved" in known:
        known["deadline_moved"] |= {"ship_by": instant(facts.moved_to_ms)}
    return known


def _origin(timer: Timer, facts: OrderFacts) -> str:
    """Whose deadline it is: the platform's own word for this order, or the rule's."""
    rule, terms = timer.rule, facts.terms
    if not isinstance(rule, Deadline):
        return "last_news"
    if rule.ship_by and facts.moved_to_ms is not None:
        return "deadline_changed"
    if rule.ship_by and terms is not None and terms.ship_by_ms is not None:
        return "ship_by"
    if rule.handling and terms is not None and terms.handling_h is not None:
        return "handling_h"
    if terms is not None and terms.mode in rule.modes:
        return f"mode {terms.mode}"
    return "rule"
