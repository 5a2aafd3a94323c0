"""The API's lists for a warehouse: what to ship next, and which carrier to chase."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType, field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.calendar.instants import NEVER, from_rfc3339
from streams.views.shops import Due, ShopKey
from streams.views.view import View
from streams.warehouses import Warehouses
from streams.web.operations import operation
from streams.web.paging import page
from streams.web.schemas import Page, Paging, ShipNext
from streams.web.whole_lists import ShopList, WholeLists

AT_ONCE = 1_000
"""Entries gone through before the event loop's other tasks run."""

Worst = tuple[bool, int, float, float]

DueRank = tuple[Worst, int, str, str, str, str]
"""Place in the list: how bad, the deadline (epoch ms), platform, shop, order, parcel."""

NOTHING_SAVED: Worst = (False, 0, 0.0, 0.0)


class ShortList(Struct):
    """A shop of whose `total` orders or parcels only the first ones are listed (`shown`), since the worker that has the
    others does not answer now, or has too many for one answer."""

    platform: str
    shop: str
    shown: int
    total: int


class DuePage(Page[ShipNext], kw_only=True):
    """`total` is how many there are of all shops; null where only some are asked for. `short` names the shops of which
    entries that belong in this page may be missing."""

    total: int | None
    short: list[ShortList]


class DueQuery(Paging, kw_only=True):
    """`for=carrier`: the parcels that wait for their carrier's scan, in place of the orders to ship. `carrier` is one,
    or whose logistics it is (platform, own); `before` the cut-off: what is due by that instant."""

    platform: str | UnsetType = UNSET
    shop: str | UnsetType = UNSET
    warehouse: str | UnsetType = UNSET
    carrier: str | UnsetType = UNSET
    before: str | UnsetType = UNSET
    for_: Literal["carrier"] | UnsetType = field(name="for", default=UNSET)


class _Entry(NamedTuple):
    shop: ShopKey
    warehouse: str
    due: Due


class _Cut(NamedTuple):
    """A shop's list that isn't whole: how many of its `total` entries are there, and the place of the last of them."""

    shown: int
    total: int
    last: DueRank | None


class DueApi:
    """Pages are made of what the standings list of each shop. Only where a page goes beyond that, the worker that has
    the shop is asked for all of its list; so the first pages cost nobody anything."""

    def __init__(self, view: View, whole_lists: WholeLists, warehouses: Warehouses) -> None:
        self._view, self._whole_lists, self._warehouses = view, whole_lists, warehouses

    @operation(
        "GET",
        "/api/due",
        "The ship-next list: every order that waits to be shipped, overdue ones first, then by what shipping saves; "
        "with for=carrier the parcels that wait for a scan, by deadline",
        query=DueQuery,
        answer=DuePage,
    )
    async def due(self, request: Request, query: DueQuery) -> dict[str, Any]:
        found, beyond = await self._page(request, query, {})
        if beyond:
            whole = await self._whole_lists.get(list(beyond), _for_carrier(query))
            found, beyond = await self._page(request, query, whole)
        return {
            "items": [self._shown(each) for each in found.items],
            "next": found.next,
            "total": self._total(query),
            "short": [ShortList(*shop, shown=cut.shown, total=cut.total) for shop, cut in sorted(beyond.items())],
        }

    async def _page(
        self, request: Request, query: DueQuery, whole: Mapping[ShopKey, ShopList]
    ) -> tuple[Page[_Entry], dict[ShopKey, _Cut]]:
        """A page, and the lists that would have to be whole for it to be right."""
        entries, cuts = await self._entries(query, whole)
        rank = _rank_of(query)
        found: Page[_Entry] = await page(request, query, entries, rank, DueRank)
        if found.next is None:
            return found, cuts
        end = rank(found.items[-1])
        return found, {shop: cut for shop, cut in cuts.items() if cut.last is None or cut.last < end}

    async def _entries(
        self, query: DueQuery, whole: Mapping[ShopKey, ShopList]
    ) -> tuple[list[_Entry], dict[ShopKey, _Cut]]:
        """What is asked for, of all shops, and the lists that aren't whole."""
        shops, for_carrier, rank, fits = self._view.shops, _for_carrier(query), _rank_of(query), _filter(query)
        entries: list[_Entry] = []
        cuts: dict[ShopKey, _Cut] = {}
        seen = 0
        for shop in shops.names():
            if query.platform not in (UNSET, shop.platform) or query.shop not in (UNSET, shop.shop):
                continue
            if shop in whole:
                listed, total = whole[shop]
            else:
                listed, total = (
                    list(shops.chase(shop) if for_carrier else shops.due(shop)),
                    shops.waiting(shop, for_carrier),
                )
            last: DueRank | None = None
            for due in listed:
                entry = _Entry(shop, self._warehouses.of_order(*shop, due.skus), due)
                if fits(entry):
                    entries.append(entry)
                if total > len(listed):
                    last = max(last or rank(entry), rank(entry))
                seen += 1
                if seen % AT_ONCE == 0:
                    await asyncio.sleep(0)
            if total > len(listed):
                cuts[shop] = _Cut(len(listed), total, last)
        return entries, cuts

    def _total(self, query: DueQuery) -> int | None:
        shops = self._view.shops
        if any(
            each is not UNSET for each in (query.platform, query.shop, query.warehouse, query.carrier, query.before)
        ):
            return None
        return shops.chase_total() if _for_carrier(query) else shops.due_total()

    def _shown(self, entry: _Entry) -> dict[str, Any]:
        shop, warehouse, due = entry
        raw: dict[str, Any] = msgspec.json.decode(due.raw)
        packed = self._view.ticks.get(*shop, due.order)
        return {"platform": shop.platform, "shop": shop.shop, "warehouse": warehouse, "packed": packed, **raw}


def _for_carrier(query: DueQuery) -> bool:
    return query.for_ is not UNSET


def _filter(query: DueQuery) -> Callable[[_Entry], bool]:
    before_ms = NEVER if query.before is UNSET else _instant_in(query.before)

    def fits(entry: _Entry) -> bool:
        return (
            query.warehouse in (UNSET, entry.warehouse)
            and query.carrier in (UNSET, *entry.due.carriers)
            and entry.due.at_ms <= before_ms
        )

    return fits


def _instant_in(before: str) -> int:
    """The cut-off in a query (epoch ms)."""
    try:
        return from_rfc3339(before)
    except ValueError:
        raise HTTPException(400, f"in the query: before={before!r} is no instant like 2026-01-04T18:00:00Z") from None


def _rank_of(query: DueQuery) -> Callable[[_Entry], DueRank]:
    return _chase_rank if _for_carrier(query) else _ship_rank


def _ship_rank(entry: _Entry) -> DueRank:
    return entry.due.worst, entry.due.at_ms, *entry.shop, entry.due.order, entry.due.parcel


def _chase_rank(entry: _Entry) -> DueRank:
    return NOTHING_SAVED, entry.due.at_ms, *entry.shop, entry.due.order, entry.due.parcel
