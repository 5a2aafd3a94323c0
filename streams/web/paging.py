"""Lists in pages, in a fixed order, without holding up the worker while a long one is gone through."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streams.web.schemas import Page, Paging

Item = TypeVar("Item")

AT_ONCE = 5_000
"""Items gone through before the event loop's other tasks run."""


async def page(
    request: Request, query: Paging, items: Sequence[Item], rank: Callable[[Item], Any], rank_type: Any
) -> Page[Item]:
    """The first `query.limit` items by rank after the position `query.after`. No two may have the same rank; an item
    without one (None) is left out."""
    after = None if query.after is UNSET else _place(query.after, rank_type)
    found: list[tuple[Any, int]] = []
    for start in range(0, len(items), AT_ONCE):
        some = ((rank(item), n) for n, item in enumerate(items[start : start + AT_ONCE], start))
        ranked = [each for each in some if each[0] is not None and (after is None or each[0] > after)]
        found = nsmallest(query.limit + 1, found + ranked)
        await asyncio.sleep(0)
    there_is_more = len(found) > query.limit
    shown = found[: query.limit]
    return Page([items[n] for _, n in shown], _next(request, shown[-1][0]) if there_is_more else None)


def _next(request: Request, rank: Any) -> str:
    after = base64.urlsafe_b64encode(msgspec.json.encode(rank)).rstrip(b"=").decode()
    return f"{request.url.path}?{urlencode({**request.query_params, 'after': after})}"


def _place(after: str, rank_type: Any) -> Any:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)), type=rank_type)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise HTTPException(400, "in the query: `after` is no place in this list; take it from `next`") from None
