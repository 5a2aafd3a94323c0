"""The kind `tasks`: what a pack writes, and how it is compiled."""

from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.tasks.deposit import DepositEvaluator
from rules.kinds.tasks.evaluator import TasksEvaluator
from rules.kinds.tasks.spec import TasksSpec


class Tasks(TasksSpec, ShopRule, tag="tasks", tag_field="kind", kw_only=True, frozen=True):
    __doc__ = TasksSpec.__doc__

    def compile(self, wiring: Wiring) -> "TasksEvaluator | DepositEvaluator":
        if self.after == "deposit.deducted":
            return DepositEvaluator(wiring.n, self, wiring.locale)
        return TasksEvaluator(wiring.n, self, None if self.of is None else wiring.source(self.of), wiring.locale)
