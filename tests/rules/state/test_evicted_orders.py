"""Which orders have left memory, while those that had before a restart are added one after the other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules.state.evicted_orders import EvictedOrders

SHOPS = ("a", "b")
ORDERS = tuple("0123456")


class Store:
    """Those of each shop that its checkpoint counts."""

    def __init__(self, counted: dict[str, set[str]]) -> None:
        self.counted = counted

    def counted_of(self, platform: str, shop: str, start: bytes, most: int) -> tuple[list[str], bytes | None]:
        orders = sorted(order for order in self.counted[shop] if order.encode() >= start)
        return orders[:most], orders[most].encode() if len(orders) > most else None

    def take(self, shop: str, order: str) -> bytes | None:
        if order not in self.counted[shop]:
            return None
        self.counted[shop].remove(order)
        return order.encode()


steps = st.lists(
    st.tuples(st.sampled_from(["leaves", "back", "dropped", "fill"]), st.sampled_from(SHOPS), st.sampled_from(ORDERS))
)


@given(st.lists(st.sets(st.sampled_from(ORDERS)), min_size=2, max_size=2), steps)
def test_it_is_known_of_each_whether_it_has_left_whatever_happens_meanwhile(before: list[set[str]], steps: Any) -> None:
    store = Store(dict(zip(SHOPS, map(set, before), strict=True)))
    held, left = (
        EvictedOrders(),
        {(f"joom/{shop}", order) for shop, orders in store.counted.items() for order in orders},
    )
    dropped = set[tuple[str, str]]()
    for shop in SHOPS:
        held.restore("joom", shop, len(store.counted[shop]))
    for step, shop, order in [*steps, *[("fill", "", "")] * 20]:
        key = f"joom/{shop}", order
        if step == "fill":
            held.fill(store, 2)
        elif step == "leaves" and key not in left:
            held.add(key)
            left.add(key)
        elif step == "back" and key in left:
            held.take_back(key, store.take(shop, order))
            left.remove(key)
        elif step == "dropped" and key not in left:
            held.note_dropped(key)
            dropped.add(key)
        assert len(held) == len(left)
        for each in left:
            assert each in held or held.may_have(each)
        for each in dropped - left:
            assert each not in held and not held.may_have(each)
    assert not held.unfilled
    assert {(f"joom/{shop}", order) for shop in SHOPS for order in ORDERS if (f"joom/{shop}", order) in held} == left
