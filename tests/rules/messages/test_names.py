"""Names inside ids, keys and members: two different lists of names never make the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.messages.alerts import alert_id, subject_and_episode
from rules.messages.names import decoded, encoded, shop_key
from streams.sinks.redis.ship_next import member

NAMES = st.text(st.sampled_from("a1:/%-23AF"), min_size=1, max_size=8) | st.text(min_size=1, max_size=20)
RULES = st.sampled_from(["joom.late", "joom.late_ship", "ozon.late"])
EPISODES = st.sampled_from(["-", "2026-01-04T00:00:00Z", "2026-11", "2026-W03"])
ALERTS = st.tuples(RULES, NAMES, NAMES, NAMES, EPISODES)


def id_of(rule: str, platform: str, shop: str, subject: str, episode: str) -> str:
    return alert_id(rule, shop_key(platform, shop), subject, episode)


@given(ALERTS, ALERTS)
def test_two_different_alerts_never_have_one_id(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (id_of(*one) == id_of(*other)) == (one == other)


@given(ALERTS)
def test_subject_and_episode_come_back_out_of_an_id(alert: tuple[str, ...]) -> None:
    rule, platform, shop, subject, episode = alert
    assert subject_and_episode(id_of(*alert), rule, shop_key(platform, shop)) == (subject, episode)


@given(st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_two_different_orders_are_never_one_member_of_redis(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (member(*one) == member(*other)) == (one == other)
    assert (shop_key(*one[:2]) == shop_key(*other[:2])) == (one[:2] == other[:2])


@given(NAMES)
def test_a_name_comes_back_as_it_was(name: str) -> None:
    assert decoded(encoded(name)) == name


@pytest.mark.parametrize(
    ("shop", "order", "other_shop", "other_order"),
    [("v1", "A:B", "v1:A", "B"), ("v1", "A/B", "v1/A", "B"), ("v1:A", "B", "v1%3AA", "B")],
)
def test_names_that_hold_a_separator_are_told_apart(shop: str, order: str, other_shop: str, other_order: str) -> None:
    episode = "2026-11-29T00:00:00Z"
    assert id_of("joom.late", "joom", shop, order, episode) != id_of(
        "joom.late", "joom", other_shop, other_order, episode
    )


def test_ordinary_names_stay_as_they_are() -> None:
    assert id_of("joom.late", "joom", "s-17_b.2", "8412 №店", "2026-11") == "joom.late:joom/s-17_b.2:8412 №店:2026-11"
    assert member("joom", "s17", "8412") == "joom/s17/8412"
    assert encoded("a:b/c%") == "a%3Ab%2Fc%25"


def test_an_id_of_another_making_is_taken_apart_without_an_error() -> None:
    """One written before names were encoded, or by somebody else."""
    assert subject_and_episode("nothing", "joom.late", "joom/s17") == ("nothing", "-")
    assert subject_and_episode("joom.late:joom/s17:A:B:2026-11", "joom.late", "joom/s17") == ("A", "B:2026-11")
