"""Orders by the hour from which they may leave memory."""

from rules.state.eviction_queue import EvictionQueue
from rules.state.shop import Order, Shop
from tests.rules.engines import engine
from tests.rules.history import ms


def orders(*names: str) -> list[Order]:
    shop = engine().shop("joom", "s1")
    return [Order(name, shop) for name in names]


def named(order: Order) -> tuple[Shop, str]:
    return order.shop, order.id


def test_none_is_taken_before_its_moment_so_none_is_put_back_each_commit_cycle() -> None:
    queue, [early, late] = EvictionQueue(), orders("early", "late")
    queue.add(early, ms("77h"))
    queue.add(late, ms("77h") + 1)
    assert queue.take(ms("77h") - 1, 10) == []
    assert queue.take(ms("78h") - 1, 10) == [named(early)]
    assert queue.take(ms("78h"), 10) == [named(late)]


def test_no_more_are_taken_than_asked_for_and_those_of_the_earliest_hour_first() -> None:
    queue, [one, two, three] = EvictionQueue(), orders("1", "2", "3")
    for order, at in ((three, "9h"), (one, "8h"), (two, "8h")):
        queue.add(order, ms(at))
    first = [*queue.take(ms("20h"), 1), *queue.take(ms("20h"), 1)]
    assert {order_id for _, order_id in first} == {"1", "2"}
    assert queue.take(ms("20h"), 5) == [named(three)]
    assert queue.take(ms("20h"), 5) == []
