"""When an ack or a mute still counts: a mute never hides a worsening."""

import pytest

from rules.calendar.instants import HOUR_MS, rfc3339
from streams.views.acks import Ack, Acks, Step, encode, holds
from tests.runtime.support import START_MS

NEAR = Step(3, severity=2, stage="near")


def muted(seen_step: Step = NEAR, until_ms: int | None = None) -> Ack:
    until = None if until_ms is None else rfc3339(until_ms)
    return Ack(alert="a", kind="muted", at=rfc3339(START_MS), until=until, seen_step=seen_step)


def test_a_mute_holds_while_nothing_changes() -> None:
    assert holds(muted(), [Step(1), Step(2, 1, "near"), NEAR], START_MS)


def test_a_mute_ends_at_its_end_and_not_before() -> None:
    mute = muted(until_ms=START_MS + HOUR_MS)
    assert holds(mute, [NEAR], START_MS + HOUR_MS - 1)
    assert not holds(mute, [NEAR], START_MS + HOUR_MS)


@pytest.mark.parametrize(
    ("seen_step", "then"),
    [
        (NEAR, Step(4, severity=3, stage="near")),
        (NEAR, Step(4, severity=2, stage="crossed")),
        (Step(3, 1, "due_soon"), Step(4, 1, "overdue")),
        (Step(3, 3, "overdue", judgement=1), Step(4, 3, "overdue", judgement=2)),
        (Step(3, 2, "tier 1", tier="tier 1"), Step(4, 2, "tier 2", tier="tier 2")),
        (NEAR, Step(4, severity=1, stage="active")),
    ],
    ids=["severity", "stage", "overdue", "judgement", "tier", "better in one way and worse in another"],
)
def test_a_mute_ends_when_the_alert_gets_worse(seen_step: Step, then: Step) -> None:
    assert holds(muted(seen_step), [seen_step], START_MS)
    assert not holds(muted(seen_step), [seen_step, then], START_MS)


def test_a_mute_holds_when_the_alert_gets_better() -> None:
    assert holds(muted(), [NEAR, Step(4, severity=1, stage="near")], START_MS)


def test_better_and_then_as_bad_as_before_is_a_worsening() -> None:
    assert not holds(muted(), [NEAR, Step(4, severity=1, stage="near"), Step(5, severity=2, stage="near")], START_MS)


def test_worse_and_then_as_before_was_a_worsening() -> None:
    assert not holds(muted(), [NEAR, Step(4, severity=3, stage="crossed"), Step(5, severity=2, stage="near")], START_MS)


def test_an_alert_that_opens_again_is_shown() -> None:
    assert holds(muted(), [NEAR, Step(4)], START_MS), "resolved, so there is nothing to show"
    assert not holds(muted(), [NEAR, Step(4), Step(5, severity=1, stage="near")], START_MS)


def test_what_can_not_be_looked_at_any_more_may_have_been_worse() -> None:
    """Compaction has removed revision 4."""
    assert not holds(muted(), [NEAR, Step(5, severity=1, stage="near")], START_MS)


def test_of_an_alert_the_newest_ack_and_mute_counts_until_it_is_lifted() -> None:
    acks = Acks()
    first, second = muted(), muted(until_ms=START_MS)
    for each in (first, second):
        assert acks.apply(each.key(), encode(each)) == "a"
    assert (acks.get("muted", "a"), acks.get("acknowledged", "a")) == (second, None)
    assert acks.apply(first.key(), None) == "a"
    assert acks.get("muted", "a") is None
