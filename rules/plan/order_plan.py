"""A plan's deadlines and silences, compiled for single orders. All are evaluated as one expression, because every event
of an order needs them; so they have no evaluators, unlike the rules that look at a whole shop."""

from collections.abc import Iterable

from rules.calendar.instants import MIN_MS, NEVER
from rules.expr.moments import Moment, first_known
from rules.facts.order_facts import OrderFacts, bits_of
from rules.kinds.deadline.spec import OrderRule
from rules.kinds.deadline.timer import FirstDeadlines, Timer, compile_first_deadlines
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.rule import Locale


class OrderPlan:
    """The deadline rules of one shop, each behind those that it starts from.

    `timers` are all of them, `versions` those of each rule, `timer_of` the newest of these; `timer_bits` names a rule's
    among all. `dues`: when an order is due by each rule. `first_deadlines`: when each timer first has something to say
    of an order.
    """

    def __init__(self, rules: Iterable[tuple[OrderRule, Locale]]) -> None:
        self.timers: list[Timer] = []
        self.versions: dict[str, list[Timer]] = {}
        self.dues: dict[str, Moment] = {}
        for rule, locale in rules:
            facts, starts = bits_of(self.facts_of(rule)), bits_of(self._begun_by(rule))
            timer = Timer(rule, len(self.timers), locale, self.dues, facts, starts)
            self.timers.append(timer)
            versions = self.versions.setdefault(rule.id, [])
            versions.append(timer)
            self.dues[rule.id] = first_known(f"of_{timer.n}", [each.moment for each in versions])
        self.first_deadlines: FirstDeadlines = compile_first_deadlines(self.timers)
        #: In its place for orders with more than the plain case, whose parcels are each looked at.
        self.all_at_once = [*(MIN_MS for _ in self.timers), NEVER]
        self.timer_of = {rule_id: timers[-1] for rule_id, timers in self.versions.items()}
        self.timer_bits = {rule_id: sum(timer.bit for timer in timers) for rule_id, timers in self.versions.items()}

    def evaluate_timers(self, facts: OrderFacts, at_ms: int, rules: int = -1) -> tuple[int, int]:
        """How deadline rules (all, or some as bits) stand for an order at a moment: bits of those missed, and of those
        unmet."""
        missed = overdue = 0
        for timer in self.timers:
            flags = timer.evaluate(facts, at_ms, at_ms)[0] if timer.bit & rules else 0
            if flags:
                missed |= timer.bit
                if flags > 1:
                    overdue |= timer.bit
        return missed, overdue

    def facts_of(self, rule: OrderRule | RatioSpec) -> set[str]:
        """The facts that a rule depends on, including those of the deadline it starts from."""
        facts = rule.looks_at()
        for other in rule.depends_on():
            for timer in self.versions.get(other, ()):
                facts = facts | self.facts_of(timer.rule)
        return facts

    def anchored_by(self, ratio: RatioSpec) -> set[str]:
        """The facts that decide on which day an order counts in a ratio."""
        return set[str]().union(
            *({anchor} if isinstance(anchor, str) else self._due_from(anchor.due) for anchor in ratio.anchors())
        )

    def _due_from(self, rule_id: str) -> set[str]:
        """The facts that decide when an order is due by a deadline rule."""
        return set[str]().union(*(self._begun_by(timer.rule) for timer in self.versions.get(rule_id, ())))

    def _begun_by(self, rule: OrderRule) -> set[str]:
        """The facts that decide whether a deadline rule waits for anything, and until when."""
        return rule.begun_by().union(*(self._due_from(other) for other in rule.depends_on()))
