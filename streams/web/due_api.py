"""The API's lists for a warehouse: what to ship next, and which carrier to chase."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
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


class _OfShop(NamedTuple):
    """What is asked for of a shop's list, and where that is cut, if it is."""

    entries: list[_Entry]
    cut: _Cut | None


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
        lists = await self._read(query, self._listed(query))
        found, beyond = await _page(request, query, lists)
        if beyond:
            whole = await self._whole_lists.get(list(beyond), _for_carrier(query))
            lists |= await self._read(query, whole.items())
            found, beyond = await _page(request, query, lists)
        return {
            "items": [self._shown(each) for each in found.items],
            "next": found.next,
            "total": self._total(query),
            "short": [ShortList(*shop, shown=cut.shown, total=cut.total) for shop, cut in sorted(beyond.items())],
        }

    def _listed(self, query: DueQuery) -> Iterator[tuple[ShopKey, ShopList]]:
        """What the standings list of each shop that is asked for."""
        shops, for_carrier = self._view.shops, _for_carrier(query)
        for shop in shops.names():
            if query.platform in (UNSET, shop.platform) and query.shop in (UNSET, shop.shop):
                entries = list(shops.chase(shop) if for_carrier else shops.due(shop))
                yield shop, ShopList(entries, shops.waiting(shop, for_carrier))

    async def _read(self, query: DueQuery, listed: Iterable[tuple[ShopKey, ShopList]]) -> dict[ShopKey, _OfShop]:
        """What is asked for of each list."""
        rank, fits = _rank_of(query), _filter(query)
        found: dict[ShopKey, _OfShop] = {}
        seen = 0
        for shop, (entries, total) in listed:
            fitting: list[_Entry] = []
            last: DueRank | None = None
            for due in entries:
                entry = _Entry(shop, self._warehouses.of_order(*shop, due.skus), due)
                if fits(entry):
                    fitting.append(entry)
                if total > len(entries):
                    last = max(last or rank(entry), rank(entry))
                seen += 1
                if seen % AT_ONCE == 0:
                    await asyncio.sleep(0)
            found[shop] = _OfShop(fitting, _Cut(len(entries), total, last) if total > len(entries) else None)
        return found

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


async def _page(
    request: Request, query: DueQuery, lists: Mapping[ShopKey, _OfShop]
) -> tuple[Page[_Entry], dict[ShopKey, _Cut]]:
    """A page, and the lists that would have to be whole for it to be right."""
    rank = _rank_of(query)
    entries = [entry for each in lists.values() for entry in each.entries]
    found: Page[_Entry] = await page(request, query, entries, rank, DueRank)
    cuts = {shop: each.cut for shop, each in lists.items() if each.cut is not None}
    if found.next is None:
        return found, cuts
    end = rank(found.items[-1])
    return found, {shop: cut for shop, cut in cuts.items() if cut.last is None or cut.last < end}


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
