"""Memory of an order and of a shop as `make bench` measures it: by `order_memory` and `shop_memory`, each part in a
process of its own."""

import re

from tests.bench.figure import Figure
from tests.bench.parts import output_of, step

ORDERS = {"open": 1_000_000, "finished": 1_000_000, "lived": 200_000}
SHOPS = 5_000


async def figures() -> list[Figure]:
    return [figure for kind in ORDERS for figure in await of_order(kind)] + await of_shop()


async def of_order(kind: str) -> list[Figure]:
    arguments = "tests.bench.order_memory", str(ORDERS[kind]), "0", kind
    step(f"{ORDERS[kind]:,} {kind} orders")
    in_use, resident, *_ = (await output_of(*arguments)).split()
    each, command = f"each of {ORDERS[kind]:,} {kind} orders, all packs", f"python -m {' '.join(arguments)}"
    return [
        Figure(f"memory in use, {each}", float(in_use), "B", command),
        Figure(f"memory resident, {each}", float(resident), "B", command),
    ]


async def of_shop() -> list[Figure]:
    arguments = "tests.bench.shop_memory", str(SHOPS)
    step(f"{SHOPS:,} shops")
    found = re.search(r"engine ([\d,]+), view ([\d,]+), together ([\d,]+)", await output_of(*arguments))
    if found is None:
        raise ValueError("shop_memory says something else by now")
    parts = dict(
        zip(("engine", "view", "together"), (int(each.replace(",", "")) for each in found.groups()), strict=True)
    )
    command = f"python -m {' '.join(arguments)}"
    return [Figure(f"memory of each of {SHOPS:,} shops, {name}", each, "B", command) for name, each in parts.items()]
