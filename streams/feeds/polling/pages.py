"""The pages of one stretch of time, each as the answers to be mapped."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from rules.calendar.instants import DAY_MS
from streams.feeds.api_language import Poll
from streams.feeds.paths import Path
from streams.feeds.polling.client import Client
from streams.feeds.polling.failures import Refused
from streams.feeds.polling.requests import instant
from streams.feeds.values import time_ms

YEAR_MS = 360 * DAY_MS
"""Somewhat less than one: Ozon allows no more."""

FIRST_PAGE = {"cursor": "", "page": 0, "offset": 0}

MOST_PAGES = 10_000
"""Of one stretch. Pages that never end are not followed for ever."""


class Pages:
    """Reads from `from_ms` to `to_ms`. `newest_ms` is the newest change that was seen, and no later than `to_ms`."""

    def __init__(self, client: Client, poll: Poll, from_ms: int, to_ms: int, zone: ZoneInfo) -> None:
        self._client, self._poll, self._zone = client, poll, zone
        self._from_ms, self._to_ms = from_ms, to_ms
        self.newest_ms: int | None = None

    async def __aiter__(self) -> AsyncIterator[list[dict[str, Any]]]:
        """When the next page is asked for, this one must be stored. Raises as `Client.ask` does."""
        names: dict[str, Any] = dict(FIRST_PAGE)
        if self._poll.paging == "backward":
            names["page"] = await self._last_page()
        for _ in range(MOST_PAGES):
            answer = await self._list(names)
            yield await self._documents(answer)
            following = await self._following(names, answer)
            if following is None:
                return
            names = following
        raise Refused(f"its pages have no end: {MOST_PAGES} were read")

    async def _list(self, names: dict[str, Any]) -> dict[str, Any]:
        stretch = stretch_names(self._from_ms, self._to_ms, self._zone)
        answer = await self._client.ask(self._poll.call, **stretch, **names)
        self._see(answer)
        return answer

    async def _last_page(self) -> int:
        return max(1, _count(self._poll.pages, await self._list({"page": 1})))

    async def _documents(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        """What is to be mapped: of the answer itself, or of the details of what it lists."""
        poll = self._poll
        if poll.detail is None or poll.ids is None:
            return listed(poll.documents, answer)
        ids = list(dict.fromkeys(listed(poll.ids, answer)))
        found = []
        for n in range(0, len(ids), poll.batch):
            some = ids[n : n + poll.batch]
            detail = await self._client.ask(poll.detail, ids=some if poll.batch > 1 else some[0])
            self._see(detail)
            found += listed(poll.documents, detail)
        return found + listed(poll.after_details, answer)

    async def _following(self, names: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any] | None:
        """What the next page is asked for by; None after the last."""
        poll = self._poll
        match poll.paging:
            case "backward":
                return {**names, "page": names["page"] - 1} if names["page"] > 1 else None
            case "onward":
                return self._onward(names, _count(poll.listed, answer))
            case "cursor" | "confirm":
                cursor = _found(poll.next, answer)
                if poll.confirm is not None and listed(poll.documents, answer):
                    await self._client.ask(poll.confirm, cursor=cursor)
                has_more = cursor not in (None, "") if poll.more is None else bool(_found(poll.more, answer))
                return {**names, "cursor": cursor} if has_more and cursor not in (None, "", names["cursor"]) else None
        return None

    def _onward(self, names: dict[str, Any], count: int) -> dict[str, Any] | None:
        """From the newest change on; deeper into the list only where a page holds but one instant."""
        if count < self._poll.size:
            return None
        if self.newest_ms is not None and self.newest_ms > self._from_ms:
            self._from_ms = self.newest_ms
            return {**names, "page": 0, "offset": 0}
        return {**names, "page": names["page"] + 1, "offset": names["offset"] + self._poll.size}

    def _see(self, answer: dict[str, Any]) -> None:
        at_ms = newest_ms(self._poll.changed, answer, self._zone)
        if at_ms is not None:
            self.newest_ms = max(self.newest_ms or 0, min(at_ms, self._to_ms))


def stretch_names(from_ms: int, to_ms: int, zone: ZoneInfo) -> dict[str, Any]:
    """What a stretch of time is called in calls."""
    ends = {"from": from_ms, "to": to_ms, "until": to_ms + 1000, "past": to_ms - YEAR_MS}
    return {name: value for end, at_ms in ends.items() for name, value in instant(end, at_ms, zone).items()}


def newest_ms(changed: Path | None, answer: dict[str, Any], zone: ZoneInfo) -> int | None:
    """The newest change in an answer; None where it tells none that can be read."""
    newest: int | None = None
    for each in listed(changed, answer):
        with suppress(ValueError):
            at_ms = time_ms(each, zone)
            newest = at_ms if newest is None or (at_ms is not None and at_ms > newest) else newest
    return newest


def _found(path: Path | None, answer: dict[str, Any]) -> Any:
    """None, too, where a function can't take what stands there: an answer without a list has none."""
    with suppress(ValueError):
        return None if path is None else path.search(answer)
    return None


def listed(path: Path | None, answer: dict[str, Any]) -> list[Any]:
    """Empty where no list stands there."""
    found = _found(path, answer)
    return found if isinstance(found, list) else []


def _count(path: Path | None, answer: dict[str, Any]) -> int:
    found = str(_found(path, answer))
    return int(found) if found.isdecimal() else 0
