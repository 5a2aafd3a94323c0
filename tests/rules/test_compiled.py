"""Each expression that is compiled says what its plain twin says (`tests.rules.reference`).

`rules.codegen` makes functions of text, for speed. What composes such text is held here to slow code that can be read,
and `test_every_compiled_expression_has_a_twin` fails where something new composes text without a test.
"""

import ast
from collections.abc import Iterator
from operator import add
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar.counting import Counting, TimeOfDay, WorkingWeek
from rules.calendar.days import add_business_days, business_days_expression, day_expression, day_of
from rules.calendar.instants import DAY_MS, EARLIEST_MS, LATEST_MS, NEVER
from rules.codegen import Written, function
from rules.dsl.model import Where
from rules.expr.conditions import compile_condition, parse_condition
from rules.expr.moments import Moment, asked, earliest, first_known, found, latest, of_fact
from rules.facts.order_facts import FACT_BIT, FACT_NAMES, OrderFacts, all_had_come, any_had_come, bits_of, future_bits
from rules.kinds.deadline.timer import MISSED, OVERDUE
from rules.kinds.ratio.compiled import Days, compile_classifier
from rules.kinds.registry import InForce
from rules.plan.rule_book import RuleBook
from rules.plan.shop_plan import Plan
from tests.rules.calendar.test_days import BERLIN, LAST_CHANGES, SHANGHAI
from tests.rules.engine.test_shop_properties import PLATFORMS, RULES
from tests.rules.history import ROOT
from tests.rules.made_up_rules import DEADLINES, books, conditions, order_facts
from tests.rules.reference import Reference, holds, instant_of, local_day, steps_reached, working_days_later
from tests.rules.shop_histories import moments_ms

fewer = settings(max_examples=max(settings().max_examples // 8, 1))

# -- days -----------------------------------------------------------------------------------------------------

some_instants = st.integers(EARLIEST_MS, LATEST_MS - 1) | st.builds(
    add, st.sampled_from(LAST_CHANGES), st.integers(-3 * DAY_MS, 3 * DAY_MS)
)
ZONES = ["UTC", SHANGHAI, BERLIN, "America/Sao_Paulo", "Europe/Moscow", "Asia/Kathmandu"]


@given(some_instants, st.sampled_from(ZONES))
def test_the_local_day(at_ms: int, zone: str) -> None:
    compiled = function("at", Written(day_expression("at", zone), {"day_of": day_of}))
    assert compiled(at_ms) == day_of(at_ms, zone) == local_day(at_ms, zone)


countings = st.builds(
    Counting,
    st.sampled_from([None, "day"]),
    st.none() | st.sampled_from(["00:00", "14:00", "23:59"]).map(TimeOfDay.parse),
    st.none() | st.sampled_from(["mon-sat", "sun-thu", "sat-wed"]).map(WorkingWeek.parse),
)


@given(
    some_instants,
    st.integers(1, 5),
    st.sampled_from([("CN", SHANGHAI), ("BR", "America/Sao_Paulo"), ("IL", "Europe/Moscow"), ("DE", BERLIN)]),
    countings,
)
def test_working_days(at_ms: int, days: int, of: tuple[str, str], counting: Counting) -> None:
    compiled = function("at", business_days_expression("at", "due", days, *of, counting))
    assert compiled(at_ms) == add_business_days(at_ms, days, *of, counting)
    assert compiled(at_ms) == working_days_later(at_ms, days, *of, counting)


# -- facts ----------------------------------------------------------------------------------------------------

some_facts = st.sets(st.sampled_from(FACT_NAMES))


@given(order_facts, some_facts, moments_ms)
def test_what_had_come(facts: OrderFacts, named: set[str], at_ms: int) -> None:
    instants = [at for name in named if (at := instant_of(facts, name)) is not None]
    moves = [stamp[0] for stamp, _ in facts.moves_before()] if "deadline_moved" in named else []
    had_all, had_any = all_had_come(bits_of(named))(facts, at_ms), any_had_come(bits_of(named))(facts, at_ms)
    if facts.plain:
        assert bool(had_all) == all(at <= at_ms for at in instants)
        assert bool(had_any) == any(at <= at_ms for at in [*instants, *moves])
    else:  # what is known of one fact may follow from what was said of others
        assert had_all == (facts.last_at_ms() <= at_ms)
        assert had_any == (facts.first_at_ms() <= at_ms)


@given(order_facts, moments_ms)
def test_what_lies_ahead(facts: OrderFacts, at_ms: int) -> None:
    ahead = {name for name in FACT_NAMES if (at := instant_of(facts, name)) is not None and at > at_ms}
    if not facts.plain:
        ahead = set(FACT_NAMES) if facts.last_at_ms() > at_ms else set()
    assert future_bits(facts, at_ms) == sum(FACT_BIT[name] for name in ahead)


# -- moments and conditions -----------------------------------------------------------------------------------


def when(moment: Moment, facts: OrderFacts) -> int | None:
    at_ms: int | None = function("facts", moment.written())(facts)
    return at_ms


@given(order_facts, st.lists(st.sampled_from(FACT_NAMES), min_size=1, max_size=4, unique=True), st.integers(-9, 9))
def test_moments(facts: OrderFacts, names: list[str], later_ms: int) -> None:
    moments = [of_fact(name).later(later_ms) for name in names]
    instants = [None if (at := instant_of(facts, name)) is None else at + later_ms for name in names]
    known = [at for at in instants if at is not None]
    assert [when(moment, facts) for moment in moments] == instants
    assert when(latest("x", names).later(later_ms), facts) == max(known, default=None)
    assert when(earliest("x", moments), facts) == min(known, default=None)
    assert when(first_known("x", moments), facts) == next(iter(known), None)
    assert when(asked("x", lambda facts: instants[0]), facts) == instants[0]
    assert when(found("x", "given", {"given": instants[0]}), facts) == instants[0]


@given(conditions, order_facts, st.sets(st.sampled_from(DEADLINES)), st.sets(st.sampled_from(DEADLINES)))
def test_conditions(written: object, facts: OrderFacts, missed: set[str], overdue: set[str]) -> None:
    condition, bits = parse_condition(written), {rule_id: 1 << n for n, rule_id in enumerate(DEADLINES)}
    compiled = compile_condition(condition, bits)
    asked_with = sum(bits[each] for each in missed), sum(bits[each] for each in overdue)
    assert compiled(facts, *asked_with) is holds(condition, facts, missed.__contains__, overdue.__contains__)


# -- deadlines and ratios -------------------------------------------------------------------------------------


def in_force(rules: RuleBook, where: Where) -> list[InForce]:
    return [each for pack in rules.packs for each in pack.in_force(where)]


def assert_deadlines_agree(plan: Plan, rules: Reference, facts: OrderFacts, at_ms: int) -> None:
    firsts = plan.first_deadlines(facts, 0, 0)
    assert firsts[-1] == NEVER
    for rule_id, timers in plan.versions.items():
        for timer, version in zip(timers, rules.rules[rule_id], strict=True):
            assert timer.due(facts) == rules.due_by(version, facts)
            assert firsts[timer.n] == rules.speaks_from(version, facts)
            for passed_ms in (at_ms, at_ms - 1):
                flags, wanted, _ = timer.evaluate(facts, at_ms, passed_ms)
                assert (bool(flags & MISSED), bool(flags & OVERDUE)) == rules.is_missed(
                    version, facts, at_ms, passed_ms
                )
                if passed_ms < firsts[timer.n]:
                    assert (flags, wanted) == (0, None), "it speaks before the time at which it is first asked"


def assert_ratios_agree(plan: Plan, rules: Reference, facts: OrderFacts, at_ms: int) -> None:
    judged = plan.evaluate_timers(facts, at_ms)
    bad, days = plan.classify(facts, *judged, 0, plan.no_days)
    assert_others_stay(plan, facts, judged, bad, days)
    versions: dict[str, list[InForce]] = {rule_id: list(each) for rule_id, each in rules.rules.items()}
    for ratio in plan.ratios:
        version = versions[ratio.rule.id].pop(0)
        day, is_bad = rules.counted_on(version, facts, at_ms), rules.is_bad(version, facts, at_ms)
        assert ratio.denominator.day(facts, *judged) == days[ratio.denominator.n] == day
        assert bool(bad & ratio.bit) == is_bad
        assert ratio.part(facts, *judged) == (None if day is None else (day, is_bad))
        anchored = ratio.denominator.anchor(facts)
        assert anchored is not None or day is None
        assert day is None or local_day(anchored, version.locale.zone) == day


def assert_others_stay(plan: Plan, facts: OrderFacts, judged: tuple[int, int], bad: int, days: Days) -> None:
    """A classifier of every second ratio and population leaves all others as they were before."""
    ratios, moved = plan.ratios[::2], plan.denominators[::2]
    asked, before = sum(ratio.bit for ratio in ratios), tuple(range(len(days)))
    for bad_before in (0, -1):
        some = compile_classifier(ratios, moved, len(days))(facts, *judged, bad_before, before)
        assert some == (bad & asked | bad_before & ~asked, tuple([before[n] if n % 2 else days[n] for n in before]))


@given(books(), order_facts, moments_ms)
@fewer
def test_deadlines_made_up_at_random(rules: RuleBook, facts: OrderFacts, at_ms: int) -> None:
    where = Where("joom")
    assert_deadlines_agree(rules.plan(*where), Reference(in_force(rules, where)), facts, at_ms)


@given(books(), order_facts, moments_ms)
@fewer
def test_ratios_made_up_at_random(rules: RuleBook, facts: OrderFacts, at_ms: int) -> None:
    where = Where("joom")
    assert_ratios_agree(rules.plan(*where), Reference(in_force(rules, where)), facts, at_ms)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(order_facts, moments_ms)
@fewer
def test_deadlines_and_ratios_of_built_in_packs_on_every_site(platform: str, facts: OrderFacts, at_ms: int) -> None:
    [pack] = RULES[platform].packs
    for site in (None, *pack.sites):
        where = Where(platform, site)
        plan, rules = RULES[platform].plan(*where), Reference(in_force(RULES[platform], where))
        assert_deadlines_agree(plan, rules, facts, at_ms)
        assert_ratios_agree(plan, rules, facts, at_ms)


# -- stages ---------------------------------------------------------------------------------------------------


def assert_stages_agree(plan: Plan, bad: int, total: int, more: int) -> None:
    for ratio in plan.ratios:
        reached = steps_reached(ratio.rule, bad, total)
        stage = ratio.stage(bad, total)
        assert stage == (reached[-1] if reached else None)
        if more <= ratio.slack(bad, total, stage):
            assert ratio.stage(bad, total + more) == stage, "it was said that so many more orders change nothing"


counts = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)


@given(books(), counts, st.integers(0, 100))
@fewer
def test_stages_of_ratios_made_up_at_random(rules: RuleBook, count: list[int], more: int) -> None:
    assert_stages_agree(rules.plan("joom"), *count, more)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(counts, st.integers(0, 100))
@fewer
def test_stages_of_built_in_ratios(platform: str, count: list[int], more: int) -> None:
    assert_stages_agree(RULES[platform].plan(platform), *count, more)


# -- the list -------------------------------------------------------------------------------------------------

TWINS = {
    "rules/calendar/days.py": {"business_days_expression": test_working_days},
    "rules/expr/conditions.py": {"compile_condition": test_conditions, "order_function": test_conditions},
    "rules/expr/moments.py": {"Moment.written": test_moments, "first_known": test_moments},
    "rules/facts/order_facts.py": {
        "all_had_come": test_what_had_come,
        "any_had_come": test_what_had_come,
        "_ahead": test_what_lies_ahead,
    },
    "rules/kinds/deadline/timer.py": {
        "Timer.__init__": test_deadlines_made_up_at_random,
        "compile_first_deadlines": test_deadlines_made_up_at_random,
        "due_moment": test_deadlines_made_up_at_random,
        "_due_moment": test_deadlines_made_up_at_random,
    },
    "rules/kinds/ratio/compiled.py": {
        "Population.__init__": test_ratios_made_up_at_random,
        "Population._written": test_ratios_made_up_at_random,
        "CompiledRatio.__init__": test_stages_of_ratios_made_up_at_random,
        "compile_classifier": test_ratios_made_up_at_random,
    },
}
"""Which functions compose text that is compiled, by file, and the test that holds each to plain code."""


def composing(file: Path) -> Iterator[str]:
    """The functions of a file that call what `rules.codegen` has, or what makes functions of order expressions."""

    def walk(node: ast.AST, path: tuple[str, ...]) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            called = child.func.id if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) else ""
            if called in ("function", "order_function", "Written"):
                yield ".".join(path)
            yield from walk(child, (*path, child.name) if named else path)

    yield from dict.fromkeys(walk(ast.parse(file.read_text()), ()))


def test_every_compiled_expression_has_a_twin() -> None:
    files = [file for file in sorted((ROOT / "rules").rglob("*.py")) if file.name != "codegen.py"]
    found = {str(file.relative_to(ROOT)): names for file in files if (names := set(composing(file)))}
    listed = {file: set(tests) for file, tests in TWINS.items()}
    assert found == listed, "hold what composes text to plain code in a test here, and name the two in `TWINS`"
