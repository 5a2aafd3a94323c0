"""What brings a count to its next stage, in whole numbers."""

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.durations import Share
from rules.kinds.ratio.steps import Step, step_of

shares = st.integers(1, 99).map(lambda percent: Share(f"0.{percent:02d}"))
steps = st.builds(
    step_of,
    st.just("crossed"),
    st.none() | shares,
    st.none() | st.integers(1, 9),
    good=st.booleans(),
    inclusive=st.booleans(),
)


@given(steps, st.integers(0, 60), st.integers(1, 60))
def test_the_expression_says_what_is_reached(step: Step, bad: int, total: int):
    assert eval(step.expression(), {"bad": bad, "total": total}) == step.reached(bad, total)


@given(steps, st.integers(1, 60), st.integers(1, 60))
def test_a_step_that_is_reached_is_held_for_so_many_orders_and_no_more(step: Step, bad: int, total: int):
    if step.reached(bad, total):
        assert step.holds(bad) >= total
        assert step.reached(bad, min(step.holds(bad), 10_000))
        assert step.top is None or not step.reached(bad, step.holds(bad) + 1)
