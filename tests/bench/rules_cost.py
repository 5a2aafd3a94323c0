"""What each rule costs an event: the engine alone, with all packs, and a clock around every question it asks a rule.

The clock's own time is measured first and taken off. Rules that are asked together, by one expression, share the time
that takes. What isn't a rule's (decoding, merging facts, the timer index) is in no row, and no garbage is collected
meanwhile: whichever rule was being asked would seem to be dear.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from rules.engine.engine import Engine
from rules.kinds.deadline.timer import FirstDeadlines, Timer, compile_first_deadlines
from rules.messages.events import decode
from rules.plan import order_plan
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Recount
from rules.state import aggregate
from rules.state.shop import Order
from streams import pack_files
from tests.bench.systems import PACK
from tests.bench.workload import Workload

CYCLE_EVENTS = 5_000
"""Events merged between two judgements, as the worker does while it reads a backlog."""


class Clocked:
    """Nanoseconds by rule, and how often each was asked."""

    def __init__(self) -> None:
        self.spent_ns: defaultdict[str, float] = defaultdict(float)
        self.asked: defaultdict[str, float] = defaultdict(float)

    def around(self, function: Callable[..., Any], rules_of: Callable[..., Sequence[str]]) -> Callable[..., Any]:
        """Clocks a function; rules that it asks together share its time evenly."""

        def clocked(*arguments: Any) -> Any:
            began = perf_counter_ns()
            answer = function(*arguments)
            spent_ns, names = perf_counter_ns() - began, rules_of(*arguments)
            for name in names:
                self.spent_ns[name] += spent_ns / len(names)
                self.asked[name] += 1 / len(names)
            return answer

        return clocked

    def own_ns(self) -> float:
        """What asking the clock takes by itself, per question."""
        idle = self.around(lambda self_: None, lambda self_: ["nothing"])
        for _ in range(100_000):
            idle(None)
        return self.spent_ns.pop("nothing") / self.asked.pop("nothing")


def rule_costs(workload: Workload, folder: Path) -> dict[str, float]:
    """Microseconds per event of the workload, by rule; the dearest first."""
    book = pack_files.load([str(PACK), *pack_files.built_in()])
    events = [decode(line) for line in workload.file(folder).read_bytes().splitlines()]
    clocked = Clocked()
    own_ns = clocked.own_ns()
    with _clock_on(clocked, book), _no_garbage_collected():
        engine = Engine(book, stepping=True)
        for first in range(0, len(events), CYCLE_EVENTS):
            for event, at_ms in events[first : first + CYCLE_EVENTS]:
                engine.apply(event, at_ms)
            engine.advance(at_ms, including=False)
            engine.drain()
    costs = {
        rule: max(spent - own_ns * clocked.asked[rule], 0) / len(events) / 1000
        for rule, spent in clocked.spent_ns.items()
    }
    return dict(sorted(costs.items(), key=lambda each: -each[1]))


@contextmanager
def _clock_on(clocked: Clocked, book: RuleBook) -> Iterator[None]:
    """Clocks what the engine asks of deadline rules, ratios and judges."""
    before: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, function: Any) -> None:
        before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, function)

    try:
        # Before there is any plan: it is made with these.
        replace(order_plan, "compile_first_deadlines", _clocked_first_deadlines(clocked))
        evaluators = {type(evaluator) for pack in book.packs for evaluator in book.plan(pack.platform).evaluators}
        functions: list[tuple[Any, str, Callable[..., Sequence[str]]]] = [
            (Timer, "evaluate", lambda timer, *_: [timer.rule.id]),
            (aggregate, "_reclassify", _rules_placed),
            *(
                (kind, name, lambda evaluator, *_: [evaluator.rule.id])
                for kind in evaluators
                for name in ("evaluate", "evidence")
            ),
        ]
        for owner, name, rules_of in functions:
            replace(owner, name, clocked.around(getattr(owner, name), rules_of))
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def _clocked_first_deadlines(clocked: Clocked) -> Callable[[Sequence[Timer]], FirstDeadlines]:
    """As `compile_first_deadlines`; what it gives is clocked, too."""

    def compile_clocked(timers: Sequence[Timer]) -> FirstDeadlines:
        return clocked.around(compile_first_deadlines(timers), lambda *_: [timer.rule.id for timer in timers])

    return compile_clocked


def _rules_placed(order: Order, recount: Recount, _: object) -> Sequence[str]:
    """The ratios for which an order is placed."""
    placed = recount.ratios
    for population in recount.populations:
        placed |= population.ratios
    return [ratio.rule.id for ratio in order.shop.plan.ratios if ratio.bit & placed]


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def show(costs: dict[str, float]) -> None:
    print(f"\n{'rule':<34}µs an event, the engine alone, all packs")
    for rule, cost in costs.items():
        print(f"{rule:<34}{cost:8.3f}")
    print(f"{'all rules':<34}{sum(costs.values()):8.3f}")
