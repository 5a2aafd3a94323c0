"""The rule book: which rules of all loaded packs watch which platform."""

from collections.abc import Iterable

from rules.facts import STATED_BY
from rules.instants import DAY_MS
from rules.kinds.count import Counter, Marks
from rules.kinds.deadline import Deadline, Silence, Timer
from rules.kinds.ratio import Gauge, Ratio
from rules.packs import AnyRule, Pack

KEPT_BEYOND_MS = 30 * DAY_MS
"""How long an order that nothing looks at any more is still remembered, for events that come late."""


class Plan:
    """The rules of one platform, ready to judge, in the order in which they lean on each other.

    `heeds`: the types of event after which an order must be judged again; others only add to its facts.
    """

    def __init__(self, rules: Iterable[tuple[AnyRule, str]]) -> None:
        rules = list(rules)
        self.timers = [
            Timer(rule, 1 << n, zone)
            for n, (rule, zone) in enumerate(each for each in rules if isinstance(each[0], Deadline | Silence))
            if isinstance(rule, Deadline | Silence)
        ]
        self.timer_of = {timer.rule.id: timer for timer in self.timers}
        bits = {timer.rule.id: timer.bit for timer in self.timers}
        self.gauges = [Gauge(rule, bits, zone) for rule, zone in rules if isinstance(rule, Ratio)]
        self.counters = [Counter(rule, self.timer_of[rule.late]) for rule, _ in rules if isinstance(rule, Marks)]
        looked_at = {fact for rule, _ in rules if not isinstance(rule, Marks) for fact in rule.looks_at()}
        self.heeds = frozenset(event for fact in looked_at for event in STATED_BY[fact])
        self.keep_ms = KEPT_BEYOND_MS + max(
            [0, *(gauge.rule.window.span_ms() for gauge in self.gauges)]
            + [timer.rule.reach_ms() for timer in self.timers if timer.rule.reach_ms() < 60 * DAY_MS]
        )


class RuleBook:
    """Raises ValueError when two packs define the same rule."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        self.packs = list(packs)
        self._plans: dict[str, Plan] = {}
        seen: set[str] = set()
        for pack in self.packs:
            for rule in pack.rules:
                if rule.id in seen:
                    raise ValueError(f"rule {rule.id} is defined by two packs")
                seen.add(rule.id)

    def plan(self, platform: str) -> Plan:
        """The rules for a platform; a plan without rules where no pack names it."""
        plan = self._plans.get(platform)
        if plan is None:
            plan = self._plans[platform] = Plan(
                (rule, pack.zone) for pack in self.packs if pack.platform in ("*", platform) for rule in pack.rules
            )
        return plan
