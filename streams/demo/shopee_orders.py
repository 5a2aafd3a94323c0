"""Two shops at Shopee: what happens to their orders, seeded and endless.

- jakarta ships within a day and a half, as anybody does; one order in a hundred is cancelled by its buyer.
- lion-city has too few packers: three of its orders in ten never ship. Shopee cancels them two days after their
  deadline.

One push in fifty is lost on its way.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from rules.calendar.instants import DAY_MS, HOUR_MS

SHOPS = {"910044217": "jakarta", "910044218": "lion-city"}
"""By their numbers at Shopee: what they are called in events."""

TROUBLED = "910044218"
ORDERS_PER_DAY = 36
DAYS_TO_SHIP = 2
LOST = 0.02
NOT_SHIPPED = "BACKEND_LOGISTICS_NOT_STARTED"

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(order=True)
class Change:
    """What becomes of an order at an instant: how its detail changes, and the pushes of it as `(code, data)`."""

    at_ms: int
    number: int
    shop: str = field(compare=False)
    order: str = field(compare=False)
    detail: dict[str, Any] = field(compare=False)
    pushes: list[tuple[int, dict[str, Any]]] = field(compare=False)


class Orders:
    """Gives the changes in the order of time. The same seed and start give the same."""

    def __init__(self, seed: int, start_ms: int) -> None:
        self._start_ms = start_ms
        self._random = Random(f"{seed}/shopee")
        self._waiting: list[Change] = []
        self._count = 0
        self._next_ms = dict.fromkeys(SHOPS, float(start_ms))

    def until(self, now_ms: int) -> Iterator[Change]:
        """Those up to then that weren't given yet."""
        for shop in SHOPS:
            while self._next_ms[shop] <= now_ms:
                self._next_ms[shop] += self._random.expovariate(ORDERS_PER_DAY) * DAY_MS
                self._place(shop, int(self._next_ms[shop]))
        while self._waiting and self._waiting[0].at_ms <= now_ms:
            yield heapq.heappop(self._waiting)

    def _place(self, shop: str, at_ms: int) -> None:
        random = self._random
        order = f"2606{(at_ms - self._start_ms) // DAY_MS % 100:02}" + "".join(random.choices(_LETTERS, k=8))
        quantity = random.choice((1, 1, 1, 2, 3))
        due_s = at_ms // 1000 + DAYS_TO_SHIP * 86_400
        self._change(
            at_ms,
            shop,
            order,
            "READY_TO_SHIP",
            order_sn=order,
            create_time=at_ms // 1000,
            pay_time=at_ms // 1000,
            ship_by_date=due_s,
            cod=False,
            currency="IDR" if shop != TROUBLED else "SGD",
            total_amount=float(quantity * random.randrange(12, 90) * (1_000 if shop != TROUBLED else 1)),
            fulfillment_flag="fulfilled_by_local_seller",
            pickup_done_time=0,
            item_list=[
                {
                    "item_id": 77_120_034_000 + random.randrange(40),
                    "model_sku": f"SKU-{random.randrange(1, 40):02}",
                    "model_quantity_purchased": quantity,
                }
            ],
        )
        luck = random.random()
        if luck < 0.01:
            cancelled_ms = at_ms + int(random.uniform(1, 6) * HOUR_MS)
            self._change(cancelled_ms, shop, order, "CANCELLED", cancel_by="buyer", cancel_reason="CHANGE_OF_MIND")
        elif shop == TROUBLED and luck < 0.3:
            cancelled_ms = at_ms + (DAYS_TO_SHIP + 2) * DAY_MS
            self._change(cancelled_ms, shop, order, "CANCELLED", cancel_by="system", cancel_reason=NOT_SHIPPED)
        else:
            self._ship(shop, order, at_ms + int(random.uniform(6, 36) * HOUR_MS))

    def _ship(self, shop: str, order: str, shipped_ms: int) -> None:
        package = f"OFG{self._random.randrange(10**12):012}"
        self._change(shipped_ms - 2 * HOUR_MS, shop, order, "PROCESSED")
        collected: dict[str, Any] = {
            "ordersn": order,
            "package_number": package,
            "fulfillment_status": "LOGISTICS_PICKUP_DONE",
            "update_time": shipped_ms // 1000,
        }
        self._change(shipped_ms, shop, order, "SHIPPED", [(30, collected)], pickup_done_time=shipped_ms // 1000)
        self._change(shipped_ms + int(self._random.uniform(30, 90) * HOUR_MS), shop, order, "COMPLETED")

    def _change(
        self,
        at_ms: int,
        shop: str,
        order: str,
        status: str,
        pushes: list[tuple[int, dict[str, Any]]] | None = None,
        **detail: Any,
    ) -> None:
        data = {"items": [], "ordersn": order, "status": status, "completed_scenario": "", "update_time": at_ms // 1000}
        changed = detail | {"order_status": status, "update_time": at_ms // 1000}
        self._count += 1
        heapq.heappush(self._waiting, Change(at_ms, self._count, shop, order, changed, [*(pushes or []), (3, data)]))
