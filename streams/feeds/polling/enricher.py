"""Fetches the details of orders of which a push says little, before the push's events are written.

Of events with one id the first counts. Such a thin push says that an order was placed; its amount, items and deadline
are in the order's detail. So it waits until the detail was fetched, for `GIVE_UP_S` at most. A shop whose platform
didn't answer by then isn't asked again for `REST_S`, and its pushes count as they are meanwhile. So does a push of
which the detail shows nothing after a while.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from rules.calendar.instants import rfc3339
from streams.clock import wall_ms
from streams.feeds.api_language import Fetch
from streams.feeds.apps import App
from streams.feeds.language import SourceFile
from streams.feeds.mapping import Mapped, Thin, map_answer
from streams.feeds.polling.client import Client, Time
from streams.feeds.polling.clients import Clients, session, shop_name
from streams.feeds.polling.deadlines import Deadlines
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.pages import listed, newest_ms
from streams.feeds.polling.sqlite_file import until_free
from streams.metrics import feeds as metrics
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

GIVE_UP_S = 10.0
REST_S = 60.0
BEHIND_S = 2.0
"""After this an order is asked for once more whose detail has not heard yet of what was pushed."""


class Asked(NamedTuple):
    """One call of a shop, by which several orders may be asked for."""

    source: str
    app: str
    shop: str
    fetch: str


class Push(NamedTuple):
    """What was mapped of the pushes in one body."""

    app: App
    mapped: Mapped


class Detail(NamedTuple):
    """What an order's detail means, and when it was had."""

    mapped: Mapped
    received_at: str


@dataclass
class Completion:
    """`keep` is to be called when the events are written."""

    deadlines: list[Deadlines] = field(default_factory=list)

    def keep(self) -> None:
        for each in self.deadlines:
            each.keep()


class Enricher:
    """Of all shops that are polled."""

    def __init__(self, clients: Clients, ledger: Ledger, time: Time) -> None:
        self._clients, self._ledger, self._time = clients, ledger, time
        self._resting: dict[Asked, float] = {}

    async def complete(self, pushes: Sequence[Push]) -> Completion:
        """Changes what was mapped to what the orders' details say, as far as these can be had in time."""
        wanted: dict[Asked, tuple[App, dict[str, None]]] = {}
        for app, mapped in pushes:
            for thin in mapped.thin:
                wanted.setdefault(_asked(app, thin), (app, {}))[1][thin.order] = None
        if not wanted:
            return Completion()
        for asked, (app, _) in wanted.items():  # shops whose pushes stop are read more often
            shop, now_ms = shop_name(app, asked.shop), self._time.now_ms()
            await until_free(partial(self._ledger.set_pushed, shop, now_ms))
        completion = Completion()
        details = await self._ask(wanted, completion)
        if behind := _behind(pushes, details):
            await self._time.pause(BEHIND_S)
            again = await self._ask({asked: (wanted[asked][0], orders) for asked, orders in behind.items()}, completion)
            for asked, found in again.items():
                details[asked] |= found
        for app, mapped in pushes:
            for thin in mapped.thin:
                detail = details[_asked(app, thin)].get(thin.order)
                if detail is not None:
                    self._replace(app, mapped, thin, detail)
            mapped.thin.clear()
        return completion

    async def _ask(
        self, wanted: Mapping[Asked, tuple[App, Mapping[str, None]]], completion: Completion
    ) -> dict[Asked, dict[str, Detail]]:
        found = await asyncio.gather(
            *(self._details(asked, app, list(orders), completion) for asked, (app, orders) in wanted.items())
        )
        return dict(zip(wanted, found, strict=True))

    def _replace(self, app: App, pushed: Mapped, thin: Thin, detail: Detail) -> None:
        """What the detail tells stands in place of the push's own events. Those stay of which it has heard nothing
        yet, as long as it is about an order of ours."""
        mapped, own = detail.mapped, {event["id"]: event for event in thin.events}
        for event in mapped.events:
            if event["time"] == detail.received_at and event["id"] in own:
                event["time"] = own[event["id"]]["time"]  # the detail has none: that of the call stands there
        gone = _answered_types(app, detail)
        ids = {event["id"] for event in mapped.events}
        kept = [event for event in thin.events if event["id"] not in ids and event["type"] not in gone]
        if missing := _missing(app, thin, detail):
            metrics.FETCHES.labels(app.source.source, "given_up").inc()
            log.warning("%s: %s is pushed and not in the order's detail", shop_name(app, thin.shop), ", ".join(missing))
        pushed.events[:] = mapped.events + [
            event for event in pushed.events if event not in thin.events or event in kept
        ]
        pushed.problems += mapped.problems
        pushed.numbers += mapped.numbers
        pushed.over += mapped.over

    async def _details(self, asked: Asked, app: App, orders: list[str], completion: Completion) -> dict[str, Detail]:
        """What the details of those orders mean that could be had in time."""
        client, api = self._clients.of(app, asked.shop), app.source.api
        if client is None or api is None or app.polling is None or not app.polling.enrich:
            return {}
        now_ms = self._time.now_ms()
        if self._resting.get(asked, 0) > now_ms:
            metrics.FETCHES.labels(asked.source, "given_up").inc(len(orders))
            return {}
        fetch = api.fetches[asked.fetch]
        documents: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(GIVE_UP_S):
                for n in range(0, len(orders), fetch.batch):
                    documents += await _fetched(client, fetch, orders[n : n + fetch.batch])
        except (Refused, Unavailable, TimeoutError) as error:
            if not documents:  # else only the pace is too slow for so many at once
                self._give_up(asked, now_ms + REST_S * 1000, str(error) or f"no answer in {GIVE_UP_S:.0f} s")
        except QuotaSpent as error:
            self._give_up(asked, error.until_ms, str(error))
        except Exception as error:  # a mistake of ours must not hold up the pushes
            self._give_up(asked, now_ms + REST_S * 1000, type(error).__name__)
        found = self._mapped(app, asked.shop, documents, completion)
        fetched = {order: found[order] for order in orders if order in found}
        metrics.FETCHES.labels(asked.source, "fetched").inc(len(fetched))
        metrics.FETCHES.labels(asked.source, "given_up").inc(len(orders) - len(fetched))
        return fetched

    def _give_up(self, asked: Asked, until_ms: float, why: str) -> None:
        self._resting[asked] = until_ms
        name = f"{asked.source}/{asked.app}/{asked.shop}"
        log.warning("%s: pushes count as they are until %s: %s", name, rfc3339(int(until_ms)), why)

    def _mapped(
        self, app: App, shop: str, documents: Iterable[dict[str, Any]], completion: Completion
    ) -> dict[str, Detail]:
        assert app.polling is not None
        polled = app.polling.shops[shop]
        zone = ZoneInfo(polled.setting.get("zone") or app.source.zone)
        received_at = rfc3339(self._time.now_ms())
        deadlines = Deadlines(self._ledger, shop_name(app, shop))
        completion.deadlines.append(deadlines)
        found: dict[str, Detail] = {}
        for document in documents:
            try:
                mapped = map_answer(app.source, document, {**polled.setting, "received_at": received_at})
            except Exception as error:  # as above
                log.error("%s: an order could not be mapped: %s", shop_name(app, shop), type(error).__name__)
                continue
            polls = app.source.api.polls.values() if app.source.api is not None else ()
            changes = [at_ms for poll in polls if (at_ms := newest_ms(poll.changed, document, zone)) is not None]
            mapped.events += deadlines.changed(mapped.events, max(changes, default=None), received_at)
            found |= dict.fromkeys(mapped.orders, Detail(mapped, received_at))
        return found


@asynccontextmanager
async def enriching(ledger: Ledger | None) -> AsyncIterator[Enricher | None]:
    """For a process that doesn't poll: it uses the tokens that are in the ledger. None without one."""
    if ledger is None:
        yield None
        return
    async with session() as http:
        time = Time(wall_ms)
        yield Enricher(Clients(http, ledger, time, may_begin=False), ledger, time)


async def _fetched(client: Client, fetch: Fetch, orders: list[str]) -> list[dict[str, Any]]:
    answer = await client.ask(fetch.call, ids=orders if fetch.batch > 1 else orders[0])
    return [each for each in listed(fetch.documents, answer) if isinstance(each, dict)]


def _asked(app: App, thin: Thin) -> Asked:
    return Asked(app.source.source, app.name, thin.shop, thin.fetch)


def _behind(pushes: Iterable[Push], details: Mapping[Asked, Mapping[str, Detail]]) -> dict[Asked, dict[str, None]]:
    """Orders whose details have not heard yet of what was pushed."""
    behind: dict[Asked, dict[str, None]] = {}
    for app, mapped in pushes:
        for thin in mapped.thin:
            detail = details[_asked(app, thin)].get(thin.order)
            if detail is not None and _missing(app, thin, detail):
                behind.setdefault(_asked(app, thin), {})[thin.order] = None
    return behind


def _missing(app: App, thin: Thin, detail: Detail) -> list[str]:
    """Types of events that were pushed, that the API's answers can hold, and that are not in this
    detail. Where it means nothing at all, it is no order of ours."""
    found = {event["type"] for event in detail.mapped.events}
    if not found or detail.mapped.problems:
        return []
    return sorted({event["type"] for event in thin.events} & _types_of(app.source) - found)


def _answered_types(app: App, detail: Detail) -> set[str]:
    """Types of events of which the detail has the last word."""
    if detail.mapped.problems:
        return set()
    return {event["type"] for event in detail.mapped.events} or _types_of(app.source)


def _types_of(source: SourceFile) -> set[str]:
    """The types of events that the answers of this source's API can hold."""
    messages = [message for message in source.messages if message.transport == "poll"]
    of_all = {fact.type for message in messages for fact in message.facts.values()}
    of_parts = [fact for message in messages for entries in message.entries for fact in entries.facts.values()]
    return of_all | {fact.type for fact in of_parts}
