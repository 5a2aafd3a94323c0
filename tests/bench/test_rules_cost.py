"""The cost by rule: every rule that watches the workload's orders is in it."""

from pathlib import Path

from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.ratio.kind import Ratio
from streams import pack_files
from tests.bench.rules_cost import rule_costs
from tests.bench.systems import PACK
from tests.bench.workload import PLATFORMS, Workload


def test_every_deadline_and_ratio_of_the_workloads_platforms_has_its_cost(tmp_path: Path) -> None:
    costs = rule_costs(Workload(orders=200, shops=40), tmp_path)
    book = pack_files.load([str(PACK), *pack_files.built_in()])
    plans = [book.plan(platform) for platform in PLATFORMS]
    rules = [each.rule for plan in plans for each in (*plan.timers, *plan.ratios)]
    assert {type(rule) for rule in rules} == {Deadline, Silence, Ratio}
    assert {rule.id for rule in rules} <= costs.keys()
