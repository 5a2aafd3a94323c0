"""Which shops' standings are published, and when."""

import json
from typing import Any
from weakref import WeakSet

import pytest

from rules.calendar.instants import HOUR_MS
from rules.engine.engine import Engine
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from rules.reports import forecast
from rules.reports.forecast import Outlook
from rules.reports.standing import standing
from rules.state.shop import Shop
from streams.runtime import standings_publisher
from streams.runtime.standings_publisher import AT_ONCE, EVERY_S, LARGE_AT_ONCE, REFRESH_S, TURN_S, Standings, attention
from tests.runtime.support import LATE_MS, START_MS, book, event


class Publisher:
    """An engine, its standings, and a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        self.takes_s = 0.0
        monkeypatch.setattr(standings_publisher, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(standings_publisher, "thread_time", self._tick)
        self.standings = Standings(lambda shop: None)
        self.engine = Engine(book(), stepping=True, emit=lambda shop, _: self.standings.note_alert(shop))

    def _tick(self) -> float:
        self.now_s += self.takes_s
        return self.now_s

    def apply(self, *values: bytes) -> None:
        for value in values:
            self.engine.apply(*decode(value))

    def commit_cycle(self) -> list[str]:
        """The shops published after one turn."""
        self.engine.settle()
        self.standings.note(self.engine.drain())
        self.standings.turn(self.engine)
        return [key.decode() for key, _ in self.standings.drain()]


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    return Publisher(monkeypatch)


def placed(shop: str, order: str = "1", **others: Any) -> bytes:
    return event("order.placed", START_MS, order, shop=shop, **others)


def test_before_there_is_any_time_nothing_stands(publisher: Publisher) -> None:
    publisher.apply(placed("a"))
    assert publisher.commit_cycle() == []
    publisher.engine.advance(START_MS)
    assert publisher.commit_cycle() == ["joom/a"]


def test_shops_that_changed_are_published_and_no_others(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"), placed("b"))
    assert publisher.commit_cycle() == ["joom/a", "joom/b"]
    publisher.now_s += EVERY_S
    publisher.apply(placed("b", "2"))
    assert publisher.commit_cycle() == ["joom/b"]
    assert publisher.commit_cycle() == []


def test_a_shop_is_published_when_something_is_said_of_it(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"), placed("b"), event("order.shipped", START_MS, shop="b"))
    publisher.commit_cycle()
    publisher.now_s += EVERY_S
    publisher.engine.advance(START_MS + LATE_MS)
    assert publisher.commit_cycle() == ["joom/a"]


def test_one_that_changes_all_the_time_waits_its_turn_and_is_not_forgotten(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"))
    assert publisher.commit_cycle() == ["joom/a"]
    publisher.apply(placed("a", "2"))
    assert publisher.commit_cycle() == []
    publisher.now_s += EVERY_S
    assert publisher.commit_cycle() == ["joom/a"]


def test_one_that_does_not_change_is_refreshed_now_and_then(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"))
    publisher.commit_cycle()
    publisher.now_s += REFRESH_S - 1
    assert publisher.commit_cycle() == []
    publisher.now_s += 1
    assert publisher.commit_cycle() == ["joom/a"]


def test_a_turn_ends_after_its_time_and_the_rest_comes_first_in_the_next(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(*(placed(shop) for shop in "abcde"))
    publisher.takes_s = 0.26 * TURN_S  # at each shop's pause, and after it
    assert publisher.commit_cycle() == ["joom/a", "joom/b"]
    assert publisher.commit_cycle() == ["joom/c", "joom/d"]
    assert publisher.commit_cycle() == ["joom/e"]


def test_a_shop_that_changed_comes_before_those_that_are_only_refreshed(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(*(placed(f"s{n}") for n in range(500)))
    publisher.engine.settle()
    publisher.engine.drain()  # what another worker published
    publisher.takes_s = 0.26 * TURN_S
    assert len(publisher.commit_cycle()) == 2
    publisher.apply(placed("s499", "2"))
    turns = 0
    while "joom/s499" not in publisher.commit_cycle():
        turns += 1
    assert turns <= AT_ONCE


def test_however_much_changes_those_that_do_not_are_refreshed(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("quiet"), *(placed(f"s{n}") for n in range(4 * AT_ONCE)))
    publisher.engine.settle()
    publisher.engine.drain()
    published: list[str] = []
    for turn in range(20):
        publisher.apply(*(placed(f"s{n}", f"{turn}") for n in range(4 * AT_ONCE)))
        publisher.now_s += EVERY_S
        published += publisher.commit_cycle()
        if "joom/quiet" in published:
            break
    assert "joom/quiet" in published


def test_nothing_is_due_is_said(publisher: Publisher) -> None:
    assert not publisher.standings.turn(publisher.engine)
    publisher.engine.advance(START_MS)
    assert not publisher.standings.turn(publisher.engine)
    publisher.apply(placed("a"))
    publisher.commit_cycle()
    assert not publisher.standings.turn(publisher.engine)


def hear_of_a_long_one(publisher: Publisher) -> None:
    """A shop that takes many turns, and two that don't."""
    publisher.engine.advance(START_MS)
    publisher.apply(*(placed("long", str(n)) for n in range(10 * forecast.STRETCH)))
    publisher.takes_s = 2 * TURN_S  # each stretch is a turn


def test_a_shop_that_takes_many_turns_leaves_every_other_one_to_those_that_do_not(publisher: Publisher) -> None:
    hear_of_a_long_one(publisher)
    published = [publisher.commit_cycle() for _ in range(3)]
    publisher.apply(placed("a"))
    publisher.takes_s = 0.1 * TURN_S
    published += [publisher.commit_cycle() for _ in range(2)]
    assert published.count(["joom/a"]) == 1
    published += [publisher.commit_cycle() for _ in range(10)]
    assert [each for each in published if each] == [["joom/a"], ["joom/long"]]


def test_few_large_shops_have_their_orders_decoded_at_a_time_and_a_small_one_does_not_wait_for_all(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlooks = WeakSet[Outlook]()

    def outlook(shop: Shop, at_ms: int) -> Outlook:
        outlooks.add(made := Outlook(shop, at_ms))
        return made

    monkeypatch.setattr(standings_publisher, "Outlook", outlook)
    publisher.engine.advance(START_MS)
    large = {f"joom/large{n}" for n in range(3 * LARGE_AT_ONCE)}
    publisher.apply(*(placed(shop[5:], str(n)) for shop in large for n in range(2 * forecast.STRETCH)))
    publisher.takes_s = 2 * TURN_S  # each stretch is a turn
    publisher.commit_cycle()
    publisher.apply(placed("small"))
    published, begun = list[str](), set[int]()
    while not large <= set(published):
        published += publisher.commit_cycle()
        begun.add(sum(each.shop.key in large for each in outlooks))
    assert max(begun) == LARGE_AT_ONCE
    assert sorted(published) == sorted([*large, "joom/small"])
    assert published.index("joom/small") < len(large)


def test_a_shop_in_the_making_is_not_begun_again_by_what_happens_meanwhile_but_after_it(publisher: Publisher) -> None:
    hear_of_a_long_one(publisher)
    turns = 1
    while not (published := publisher.commit_cycle()):
        turns += 1
        publisher.apply(placed("long", f"later{turns}"))
        publisher.now_s += EVERY_S
    assert (published, turns) == (["joom/long"], 11)
    publisher.takes_s = 0.0
    publisher.now_s += EVERY_S
    assert publisher.commit_cycle() == ["joom/long"]


def test_a_shop_that_comes_to_be_judged_by_other_rules_meanwhile_is_begun_again(publisher: Publisher) -> None:
    hear_of_a_long_one(publisher)
    publisher.commit_cycle()
    shop = publisher.engine.shops["joom", "long"]
    shop.rebind(book().plan("joom"))  # as good as its own, and another
    publisher.takes_s = 0.0
    assert publisher.commit_cycle() == []
    assert publisher.commit_cycle() == ["joom/long"]


def test_a_standing_that_cannot_be_worked_out_keeps_no_other_from_going_out(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(shop: Shop, at_ms: int) -> dict[str, Any]:
        return {"never": 1 // 0} if shop.name == "a" else standing(shop, at_ms)

    monkeypatch.setattr(standings_publisher, "standing", broken)
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"), placed("b"))
    assert publisher.commit_cycle() == ["joom/b"]
    assert "the standing of joom/a can't be worked out" in caplog.text


def test_after_a_restart_all_are_published_once(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"), placed("b"))
    publisher.commit_cycle()
    publisher.standings = Standings(lambda shop: None)
    assert publisher.commit_cycle() == ["joom/a", "joom/b"]
    publisher.now_s += EVERY_S
    assert publisher.commit_cycle() == []


def test_a_shops_own_facts_are_news_of_it(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"))
    publisher.commit_cycle()
    publisher.now_s += EVERY_S
    publisher.apply(event("rating.updated", START_MS, None, shop="a", data={"score": 4.9}))
    assert publisher.commit_cycle() == ["joom/a"]


def test_a_record_is_the_standing_with_the_orders_to_ship_next(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(
        placed("a", "later", time=START_MS + HOUR_MS),
        placed("a", "soon"),
        placed("a", "shipped"),
        event("order.shipped", START_MS, "shipped", shop="a"),
    )
    publisher.engine.settle()
    publisher.standings.note(publisher.engine.drain())
    publisher.standings.turn(publisher.engine)
    ((_, value),) = publisher.standings.drain()
    record = json.loads(value)
    assert (record["platform"], record["shop"], record["at"]) == ("joom", "a", "2026-01-01T00:00:00Z")
    assert [(each["order"], each["due_at"]) for each in record["due"]] == [
        ("soon", "2026-01-04T00:00:00Z"),
        ("later", "2026-01-04T01:00:00Z"),
    ]


def test_it_says_whether_a_shop_is_watched_and_when_it_was_heard_of(publisher: Publisher) -> None:
    publisher.engine.advance(START_MS)
    publisher.apply(placed("a"))
    publisher.engine.shop("joom", "nothing yet")
    publisher.engine.settle()
    publisher.standings.turn(publisher.engine)
    found = {key.decode(): json.loads(value) for key, value in publisher.standings.drain()}
    heard = {name: [each[field] for field in ("watched", "heard_at", "silent_at")] for name, each in found.items()}
    assert heard == {
        "joom/a": [True, "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"],
        "joom/nothing yet": [True, None, None],
    }


def test_a_shop_without_rules_is_told_as_not_watched() -> None:
    assert attention(Engine(RuleBook([]), stepping=True).shop("etsyy", "a"))["watched"] is False
