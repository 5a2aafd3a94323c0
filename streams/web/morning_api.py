"""The API's overview of the day: what costs most, what has changed, and what to do about it."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.requests import Request

from rules.calendar.instants import rfc3339
from rules.messages.alerts import instant
from streams.clock import wall_ms
from streams.views.morning import SINCE_MS, Changes, GroupChange, ShopCost, Task, shop_cost, tasks, worst_keys
from streams.views.view import View
from streams.web.operations import operation

SHOPS_AT_ONCE = 20
ALERTS_AT_ONCE = 1_000
"""What is gone through before the event loop's other tasks run."""

GROUPS_CHECKED = 100
"""Of how many groups, the costliest, the things to do are made."""


class Morning(Struct, kw_only=True):
    """What a day begins with, at the instant `at`: the shops that cost anything, of `shops_total`; how many alerts were
    `opened`, got `worse` and were `resolved` since the day before (`since`), in all and in the groups that changed, of
    `changes_total`; and the first things to do. All lists begin with what costs most. Muted alerts count only in what
    has changed."""

    at: str | None
    since: str | None
    shops: list[ShopCost]
    shops_total: int
    opened: int
    worse: int
    resolved: int
    changes: list[GroupChange]
    changes_total: int
    tasks: list[Task]


class MorningQuery(Struct, kw_only=True):
    """`limit`: the most entries of each list."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class MorningApi:
    """Answers from the same views as the lists do."""

    def __init__(self, view: View, clock: Literal["wall", "event"], now_ms: Callable[[], int] = wall_ms) -> None:
        self._view, self._clock, self._now_ms = view, clock, now_ms

    @operation(
        "GET",
        "/api/morning",
        "What costs most (sanctions and money by shop), what has changed since yesterday, and the first things to do",
        query=MorningQuery,
        answer=Morning,
    )
    async def morning(self, request: Request, query: MorningQuery) -> Morning:
        view = self._view
        at_ms = self._now_ms() if self._clock == "wall" else view.shops.at_ms
        costs = await self._costs()
        changes = Changes((at_ms or 0) - SINCE_MS)
        for n, held in enumerate(view.alerts.having(None), start=1):
            changes.add(held)
            if n % ALERTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        worst = worst_keys(view.groups, view.groups.keys(), GROUPS_CHECKED)
        to_do = tasks([view.groups.sums(key).group(view.alert) for key in worst], view.shops)
        changed = changes.groups(view.groups)
        return Morning(
            at=instant(at_ms),
            since=None if at_ms is None else rfc3339(at_ms - SINCE_MS),
            shops=costs[: query.limit],
            shops_total=len(costs),
            tasks=to_do[: query.limit],
            changes=changed[: query.limit],
            changes_total=len(changed),
            **changes.totals(),
        )

    async def _costs(self) -> list[ShopCost]:
        """The shops that cost anything, the costliest first."""
        found = []
        for n, key in enumerate(self._view.shop_names(), start=1):
            cost = shop_cost(self._view.shops, self._view.groups, key)
            if cost.costs:
                found.append(cost)
            if n % SHOPS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return sorted(found, key=ShopCost.place)
