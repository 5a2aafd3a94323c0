"""The queue of decoded orders."""

from sys import getsizeof

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.plan.rule_book import RuleBook
from rules.state.decoded_orders import DecodedOrders
from rules.state.order_ledger import OrderLedger
from rules.state.shop import Order, Shop

SHOP = Shop("joom", "a", RuleBook([]).plan("joom"), OrderLedger())


@given(st.lists(st.sampled_from(["add", "take", "put back", "remove"])), st.randoms(use_true_random=False))
def test_orders_are_taken_in_the_order_in_which_they_were_added_however_many_are_removed(steps, random) -> None:  # type: ignore[no-untyped-def]
    decoded, expected = DecodedOrders(), list[Order]()
    for n, step in enumerate(steps):
        if step == "add":
            expected.append(Order(str(n), SHOP))
            decoded.add(expected[-1])
        elif not expected:
            with pytest.raises(KeyError):
                decoded.take_first()
        elif step == "remove":
            decoded.discard(removed := random.choice(expected))
            decoded.discard(removed)
            expected.remove(removed)
        else:
            taken = decoded.take_first()
            assert taken is expected.pop(0)
            if step == "put back":
                expected.append(taken)
                decoded.add(taken)
        assert list(decoded) == expected
        assert len(decoded) == len(expected)


def test_once_few_orders_are_left_they_take_little_again() -> None:
    decoded, orders = DecodedOrders(), [Order(str(n), SHOP) for n in range(10_000)]
    for order in orders:
        decoded.add(order)
    for order in orders[10:]:
        decoded.discard(order)
    for _ in range(11):
        decoded.add(decoded.take_first())
    assert getsizeof(decoded._front) + getsizeof(decoded._back) < 2_000
