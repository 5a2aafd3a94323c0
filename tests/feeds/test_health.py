"""Which feeds are healthy, late or silent, as those who map and poll say it and as the console is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS, rfc3339
from streams.feeds.health import (
    EVERY_MS,
    FIRST_GUESS_MS,
    LATE,
    LONGEST_MS,
    MINUTE_MS,
    SHORTEST_MS,
    SILENT,
    FeedHealthBook,
    polled,
    usual_silence_ms,
)
from streams.feeds.mapper import Mapper
from streams.feeds.polling.health import PollHealth
from streams.metrics.feeds import NAMED_SOURCES, FeedStates
from streams.settings import Settings
from streams.views.feed_health import FeedHealth, Feeds, encode
from streams.views.shops import ShopKey
from tests.feeds.emulated.platform import Clock
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polling import Notebook
from tests.feeds.polling import polled as polling
from tests.feeds.polling import settings as poll_settings
from tests.feeds.receiving import settings
from tests.feeds.support import shopee
from tests.feeds.test_mapper import _received

START_MS = 1_793_784_600_000
JAKARTA = ShopKey("shopee", "jakarta")


def pushes(book: FeedHealthBook, *at_ms: int) -> list[FeedHealth]:
    """What is to be written when pushes come then."""
    found = [book.pushed("shopee", "jakarta", "shopee", "main", each) for each in at_ms]
    return [each for each in found if each is not None]


def view(*written: FeedHealth) -> Feeds:
    feeds = Feeds()
    for each in written:
        feeds.apply(each.key(), encode(each))
    return feeds


def state(feeds: Feeds, now_ms: int, shop: ShopKey = JAKARTA) -> tuple[str, str | None]:
    now = feeds.now(shop, now_ms)
    assert now is not None
    return now.state, now.since


# -- pushes --------------------------------------------------------------------------------------------------


def test_a_feed_is_late_once_it_is_silent_for_longer_than_usual_and_then_silent() -> None:
    feeds = view(*pushes(FeedHealthBook(), START_MS))
    since = rfc3339(START_MS)
    assert state(feeds, START_MS + int(LATE * FIRST_GUESS_MS) - 1) == ("healthy", None)
    assert state(feeds, START_MS + int(LATE * FIRST_GUESS_MS)) == ("late", since)
    assert state(feeds, START_MS + int(SILENT * FIRST_GUESS_MS)) == ("silent", since)


def test_a_shop_that_is_pushed_of_all_the_time_falls_silent_soon_and_a_quiet_one_late() -> None:
    busy = view(*pushes(FeedHealthBook(), *range(START_MS, START_MS + 30 * DAY_MS, 10 * MINUTE_MS)))
    quiet = view(*pushes(FeedHealthBook(), *range(START_MS, START_MS + 30 * DAY_MS, DAY_MS)))
    assert state(busy, START_MS + 30 * DAY_MS + 2 * HOUR_MS)[0] == "silent"
    assert state(quiet, START_MS + 30 * DAY_MS)[0] == "healthy"


def test_the_night_is_usual_and_an_outage_is_not() -> None:
    days = [START_MS + day * DAY_MS + hour * HOUR_MS for day in range(5) for hour in range(14)]
    book = FeedHealthBook()
    night = view(*pushes(book, *days))
    assert state(night, days[-1] + 11 * HOUR_MS)[0] == "healthy"
    outage = view(*pushes(book, days[-1] + 5 * DAY_MS))
    assert state(outage, days[-1] + 5 * DAY_MS + 3 * DAY_MS)[0] == "silent"


@given(st.lists(st.integers(0, 30 * DAY_MS), max_size=40))
def test_what_is_usual_stays_in_its_bounds_and_grows_twofold_at_most(gaps: list[int]) -> None:
    usual = float(FIRST_GUESS_MS)
    for gap in gaps:
        before, usual = usual, usual_silence_ms(usual, gap)
        assert SHORTEST_MS <= usual <= min(LONGEST_MS, max(2 * before, SHORTEST_MS))


@given(st.lists(st.integers(0, 3 * DAY_MS), max_size=30), st.integers(0, 29))
def test_a_restart_changes_nothing_but_a_rounded_second(gaps: list[int], at: int) -> None:
    instants = [START_MS + EVERY_MS * n + sum(gaps[:n]) for n in range(len(gaps))]
    one, other = FeedHealthBook(), FeedHealthBook()
    for n, each in enumerate(instants):
        pushed = pushes(one, each)
        if n == at:
            other = FeedHealthBook()
            other.apply(pushed[0].key(), encode(pushed[0]))
        else:
            pushes(other, each)
    for last in (pushes(one, START_MS + 300 * DAY_MS), pushes(other, START_MS + 300 * DAY_MS)):
        assert last[0].usual_s is not None
    known = [pushes(book, START_MS + 301 * DAY_MS)[0].usual_s or 0 for book in (one, other)]
    assert known[0] == pytest.approx(known[1], abs=2)


def test_it_is_written_once_a_minute_and_never_moves_back() -> None:
    book = FeedHealthBook()
    assert len(pushes(book, *range(START_MS, START_MS + 10 * EVERY_MS, 1_000))) == 10
    assert pushes(book, START_MS, START_MS - DAY_MS) == []


# -- polls ---------------------------------------------------------------------------------------------------


def test_a_poll_that_reads_nothing_new_is_healthy_and_one_that_fails_is_not() -> None:
    feeds = view(polled("ozon", "s5", "ozon", "main", START_MS, START_MS, 5 * MINUTE_MS))
    shop = ShopKey("ozon", "s5")
    assert state(feeds, START_MS + 14 * MINUTE_MS, shop)[0] == "healthy"
    assert state(feeds, START_MS + 15 * MINUTE_MS, shop)[0] == "late"
    assert state(feeds, START_MS + 40 * MINUTE_MS, shop) == ("silent", rfc3339(START_MS))


def test_where_one_of_push_and_poll_still_comes_the_feed_is_late_and_where_none_does_silent() -> None:
    pushed = pushes(FeedHealthBook(), START_MS)
    read = polled("shopee", "jakarta", "shopee", "main", START_MS + DAY_MS, START_MS, 15 * MINUTE_MS)
    feeds = view(*pushed, read)
    assert state(feeds, START_MS + DAY_MS) == ("late", rfc3339(START_MS))
    assert state(feeds, START_MS + 2 * DAY_MS) == ("silent", rfc3339(START_MS + DAY_MS))
    assert feeds.count(START_MS + 2 * DAY_MS) == {("shopee", "silent"): 1}


async def test_the_poller_tells_of_shops_it_reads_and_of_those_it_never_could(tmp_path: Path) -> None:
    written = Notebook()
    async with Shopee(clock := Clock()) as platform:
        feeds = poll_settings(tmp_path, platform)
        async with polling(feeds, tmp_path, clock, written) as polls:
            book = FeedHealthBook()
            gone = polled("shopee", "closed", "shopee", "main", 1, 1, 1)
            book.apply(gone.key(), encode(gone))
            telling = PollHealth(list(polls.values()), "health", book, written)
            await telling.begin()
            seen = Feeds()
            for each in written:
                seen.apply(each.key or b"", each.value)
            shop = ShopKey("shopee", platform.shop)
            assert seen.now(ShopKey("shopee", "closed"), clock.now_ms()) is None
            assert state(seen, clock.now_ms() + DAY_MS, shop) == ("silent", None)
            platform.refuse_next(403, {"error": "error_sign"})
            await polls["orders"].turn()
            await telling.write()
            assert len(written) == 2, "what failed says nothing"
            await clock.pause(60)
            await polls["orders"].turn()
            await telling.write()
            await telling.write()
    (last,) = written[2:]
    assert json.loads(last.value or b"")["heard_at"] == rfc3339(clock.now_ms())


# -- the mapper ----------------------------------------------------------------------------------------------


def test_a_push_says_of_its_shop_that_it_was_heard_of_when_the_inbox_took_it(tmp_path: Path) -> None:
    mapper = Mapper(Settings(broker="kafka://nowhere:9092"), settings(tmp_path))
    push = replace(_received(shopee()), key=b"shopee/a%2Fb", timestamp=START_MS)
    heard = mapper.health_of(push)
    assert heard is not None
    assert (heard.shop, heard.source, heard.app, heard.by) == ("a/b", "shopee", "main", "push")
    assert heard.heard_at == rfc3339(START_MS)
    assert mapper.health_of(replace(push, key=None)) is None
    assert mapper.health_of(replace(_received(b"", source="kdniao"), key=b"shopee/jakarta")) is None, (
        "no platform's word"
    )
    assert mapper.health_of(replace(_received(shopee(), app="gone"), key=b"shopee/jakarta")) is None


def test_feeds_of_apps_that_are_gone_and_of_shops_that_have_an_alias_now_are_forgotten(tmp_path: Path) -> None:
    mapper = Mapper(Settings(broker="kafka://nowhere:9092"), settings(tmp_path))
    feeds = [
        FeedHealthBook().pushed("shopee", shop, "shopee", app, START_MS)
        for shop, app in (("jakarta", "main"), ("910044217", "main"), ("jakarta", "closed"))
    ]
    feeds.append(polled("shopee", "x", "shopee", "closed", START_MS, START_MS, 1))
    assert [each is not None and mapper._is_there(each) for each in feeds] == [True, False, False, True]


def test_metrics_name_no_more_sources_than_anybody_has() -> None:
    states = FeedStates(lambda: {(f"s{n:03}", "late"): 1 for n in range(NAMED_SOURCES + 9)})
    (family,) = states.collect()
    late = {each.labels["source"]: each.value for each in family.samples if each.labels["state"] == "late"}
    assert (len(late), late["_other"], late["s000"]) == (NAMED_SOURCES + 1, 9, 1)


# -- what is told of a shop ----------------------------------------------------------------------------------


def test_a_feed_that_is_gone_is_forgotten_and_what_is_no_record_is_refused() -> None:
    feed = pushes(FeedHealthBook(), START_MS)[0]
    feeds = view(feed)
    assert feeds.apply(feed.key(), None) == JAKARTA
    assert feeds.now(JAKARTA, START_MS) is None
    for wrong in (b"", b"{}", encode(feed).replace(b"2026", b"soon")):
        with pytest.raises(ValueError):
            feeds.apply(feed.key(), wrong)
