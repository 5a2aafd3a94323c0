"""From when on a shop counts as silent: by the pauses that its own orders have had, within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from rules.calendar.instants import DAY_MS, HOUR_MS, MIN_MS, NEVER
from rules.engine.engine import Engine
from rules.plan.rule_book import RuleBook
from rules.reports.last_news import LONGEST_MS, SHORTEST_MS, LastNews, last_news
from rules.state.shop import Shop
from tests.rules.history import START_MS, TimedEvent, placed, shipped


def shop_of(*events: TimedEvent) -> Shop:
    engine = Engine(RuleBook([]), stepping=True)
    for event, at_ms in events:
        engine.apply(event, at_ms)
    return engine.shop("joom", "s1")


def silent_after_ms(orders: int, days: int) -> int:
    news = last_news(shop_of(*(placed(str(n), f"{24 * days * n // orders}h") for n in range(orders))))
    return news.silent_ms - news.heard_ms


def test_a_shop_of_which_no_order_was_heard_is_not_called_silent() -> None:
    assert last_news(shop_of()) == LastNews(MIN_MS, NEVER)


def test_any_news_of_an_order_counts() -> None:
    assert last_news(shop_of(placed(), shipped("1", "30h"))).heard_ms == START_MS + 30 * HOUR_MS


def test_news_of_an_order_that_has_left_memory_counts() -> None:
    shop = shop_of(placed())
    shop.evicted, shop.evicted_to_ms = 1, START_MS + 50 * HOUR_MS
    assert last_news(shop).heard_ms == START_MS + 50 * HOUR_MS
    shop.orders.clear()
    assert last_news(shop).silent_ms == START_MS + 50 * HOUR_MS + LONGEST_MS


def test_a_busy_shop_is_silent_after_a_day() -> None:
    assert silent_after_ms(orders=200, days=14) == DAY_MS


def test_a_shop_with_an_order_every_other_day_after_three_pauses() -> None:
    assert silent_after_ms(orders=7, days=14) == 6 * DAY_MS


def test_a_shop_that_sells_next_to_nothing_after_a_week() -> None:
    assert silent_after_ms(orders=1, days=14) == LONGEST_MS


def test_what_it_sold_long_ago_is_no_habit() -> None:
    before = [placed(f"old{n}", "0h") for n in range(100)]
    news = last_news(shop_of(*before, placed("new", f"{24 * 60}h")))
    assert news.silent_ms - news.heard_ms == LONGEST_MS


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=30))
def test_it_is_within_its_bounds_whatever_the_orders(hours: list[int]) -> None:
    news = last_news(shop_of(*(placed(str(n), f"{at}h") for n, at in enumerate(hours))))
    assert news.heard_ms == START_MS + max(hours) * HOUR_MS
    assert SHORTEST_MS <= news.silent_ms - news.heard_ms <= LONGEST_MS
