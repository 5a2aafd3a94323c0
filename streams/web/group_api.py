"""The API's groups: open alerts by shop and rule, acknowledged and muted together."""

import asyncio

from msgspec import UNSET, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.messages.alerts import Severity
from streams.views.acks import Ack, Kind
from streams.views.alerts import GroupKey, Held, Place
from streams.views.groups import Group, GroupSort, GroupSums
from streams.views.view import View
from streams.views.writer import Writer
from streams.web.ack_api import REFUSALS, ack_of, is_of_another, signed, written
from streams.web.operations import operation
from streams.web.paging import page
from streams.web.schemas import AckRequest, Chosen, Page, Search

AT_ONCE = 2_000
"""Alerts added up before the event loop's other tasks run."""


class GroupQuery(Chosen, kw_only=True):
    """`muted=true` counts muted ones as well."""

    muted: bool = False
    sort: GroupSort = "cost"


class GroupAckRequest(AckRequest, kw_only=True, forbid_unknown_fields=True):
    """Of one group, or of those of its alerts that fit."""

    platform: str
    shop: str
    rule: str
    severity: Severity | UnsetType = UNSET
    q: Search | UnsetType = UNSET


class GroupAcked(Struct):
    """How many alerts it was said of."""

    alerts: int


class _Turns:
    """Lets the event loop's other tasks run after each `AT_ONCE` alerts that were looked at, fitting or not."""

    def __init__(self) -> None:
        self._checked = 0

    async def after(self, alerts: int) -> None:
        self._checked += alerts
        if self._checked >= AT_ONCE:
            self._checked = 0
            await asyncio.sleep(0)


class GroupApi:
    """Handlers that list groups, and acknowledge and mute them."""

    def __init__(self, view: View, writer: Writer) -> None:
        self._view, self._writer = view, writer

    @operation(
        "GET",
        "/api/groups",
        "Open alerts by shop and rule: how many, since when, and what they cost together; the costliest first",
        query=GroupQuery,
        answer=Page[Group],
    )
    async def groups(self, request: Request, query: GroupQuery) -> Page[Group]:
        groups = self._view.groups
        some = query.severity is not UNSET or query.q is not UNSET or query.muted
        found: list[GroupSums] = []
        turns = _Turns()
        for key in groups.keys(lambda key: is_chosen(query, key)):
            if some:
                sums = groups.none(key)
                for held in await self._fitting(query, key, turns):
                    groups.add(sums, held, query.muted)
            else:
                sums = groups.sums(key)
                await turns.after(groups.size(key))
            if sums.count:
                found.append(sums)
        part = await page(request, query, found, lambda sums: sums.place(query.sort), Place)
        return Page([sums.group(self._view.alert) for sums in part.items], part.next)

    @operation(
        "POST",
        "/api/groups/acknowledge",
        "Says that somebody has seen to all alerts of a group; counts for each until its end or until it gets worse",
        body=GroupAckRequest,
        answer=GroupAcked,
        refusals=REFUSALS,
    )
    async def acknowledge_group(self, request: Request, body: GroupAckRequest) -> GroupAcked:
        return await self._keep_new("acknowledged", signed(request, body))

    @operation(
        "POST",
        "/api/groups/mute",
        "Hides all alerts of a group, each until an end or until it gets worse",
        body=GroupAckRequest,
        answer=GroupAcked,
        refusals=REFUSALS,
    )
    async def mute_group(self, request: Request, body: GroupAckRequest) -> GroupAcked:
        return await self._keep_new("muted", signed(request, body))

    @operation(
        "POST",
        "/api/groups/unacknowledge",
        "Takes back the acknowledgements of a group's alerts",
        body=GroupAckRequest,
        answer=GroupAcked,
        refusals=REFUSALS,
    )
    async def unacknowledge_group(self, request: Request, body: GroupAckRequest) -> GroupAcked:
        return await self._lift("acknowledged", body)

    @operation(
        "POST",
        "/api/groups/unmute",
        "Shows a group's alerts again",
        body=GroupAckRequest,
        answer=GroupAcked,
        refusals=REFUSALS,
    )
    async def unmute_group(self, request: Request, body: GroupAckRequest) -> GroupAcked:
        return await self._lift("muted", body)

    async def _keep_new(self, kind: Kind, body: GroupAckRequest) -> GroupAcked:
        """Of those of which somebody else has said so, that stays."""
        acks = [(held, ack_of(held, kind, body)) for held in await self._find(body)]
        return await self._write(
            kind, [each for each in acks if not is_of_another(self._view.ack(kind, each[0]), each[1])]
        )

    async def _lift(self, kind: Kind, body: GroupAckRequest) -> GroupAcked:
        acked = [held for held in await self._find(body) if self._view.acks.get(kind, held.id) is not None]
        return await self._write(kind, [(held, None) for held in acked])

    async def _find(self, body: GroupAckRequest) -> list[Held]:
        found = await self._fitting(body, (body.platform, body.shop, body.rule), _Turns())
        if not found:
            raise HTTPException(404, f"{body.platform}/{body.shop} has no such open alerts of {body.rule}")
        return found

    async def _fitting(self, wanted: Chosen | GroupAckRequest, key: GroupKey, turns: _Turns) -> list[Held]:
        """Those of a group's alerts that are meant."""
        found: list[Held] = []
        for held in self._view.groups.alerts(key):
            if fits(wanted, held):
                found.append(held)
            await turns.after(1)
        return found

    async def _write(self, kind: Kind, acks: list[tuple[Held, Ack | None]]) -> GroupAcked:
        await written(self._writer.write_all(kind, acks))
        return GroupAcked(len(acks))


def is_chosen(query: Chosen, key: GroupKey) -> bool:
    return all(
        wanted in (UNSET, name) for wanted, name in zip((query.platform, query.shop, query.rule), key, strict=True)
    )


def fits(query: Chosen | GroupAckRequest, held: Held) -> bool:
    """Whether an alert of a chosen group is one of those meant."""
    severity_fits = query.severity in (UNSET, held.head.data.severity)
    return severity_fits and (query.q is UNSET or held.has(query.q.lower()))
