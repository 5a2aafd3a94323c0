"""Orders by the hour from which they may leave memory."""

from rules.state.shop import Order
from rules.state.silent_orders import SilentOrders
from tests.rules.engines import engine
from tests.rules.history import ms


def orders(*names: str) -> list[Order]:
    shop = engine().shop("joom", "s1")
    return [Order(name, shop) for name in names]


def test_none_is_taken_before_its_moment_so_none_is_put_back_each_commit_cycle() -> None:
    silent, [early, late] = SilentOrders(), orders("early", "late")
    silent.add(early, ms("77h"))
    silent.add(late, ms("77h") + 1)
    assert silent.take(ms("77h") - 1, 10) == []
    assert silent.take(ms("78h") - 1, 10) == [early]
    assert silent.take(ms("78h"), 10) == [late]


def test_no_more_are_taken_than_asked_for_and_those_of_the_earliest_hour_first() -> None:
    silent, [one, two, three] = SilentOrders(), orders("1", "2", "3")
    for order, at in ((three, "9h"), (one, "8h"), (two, "8h")):
        silent.add(order, ms(at))
    first = [*silent.take(ms("20h"), 1), *silent.take(ms("20h"), 1)]
    assert {order.id for order in first} == {"1", "2"}
    assert silent.take(ms("20h"), 5) == [three]
    assert silent.take(ms("20h"), 5) == []
