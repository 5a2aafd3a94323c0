"""Types that several parts of the HTTP API share; those of one part stand beside its handlers. The OpenAPI document is
made from them and from the records of the `alerts` topic."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from rules.messages.alerts import Alert, Severity
from streams.views.acks import Ack
from streams.views.morning import Saves
from streams.views.packed import Packed

Item = TypeVar("Item")


class Page(Struct, Generic[Item]):
    """A part of a list; `next` is where the rest is (a path with its query), null at the end."""

    items: list[Item]
    next: str | None


class AlertNow(Alert, kw_only=True):
    """An alert's newest record, and who has acknowledged or muted it; null once that no longer holds."""

    acknowledged: Ack | None
    muted: Ack | None


class Ledger(Struct, kw_only=True):
    points: float
    since: str | None = None
    resets_at: str | None = None
    next_tier: str | None = None
    headroom: float | None = None
    forecast: dict[str, Any] | None = None


class Quantity(Struct, kw_only=True):
    sku: str
    qty: float


class Due(Struct, kw_only=True):
    """An order that waits to be shipped. `due_at` is the earliest deadline it hasn't met, which may have passed;
    `items` is what is left to ship, `saves` what shipping it saves: clauses, an amount, points by ledger. `carrier` and
    `logistics` are null where that isn't known."""

    order: str
    due_at: str
    skus: list[str]
    items: list[Quantity] = []
    carrier: str | None = None
    logistics: Literal["platform", "own"] | None = None
    rules: list[str]
    saves: dict[str, Any]


class Chase(Due, kw_only=True):
    """A parcel that is shipped and waits for its carrier's scan by `due_at`, which may have passed."""

    parcel: str | None
    tracking_no: str | None


class Standing(Struct, kw_only=True):
    """What a shop's alerts come from, at the instant `at`. Metrics are keyed by clause; a forecast is what one comes to
    at its next evaluation. `due` are the first of `due_total` orders to ship next, overdue ones first, then the
    worst, and `due_saves` is what shipping all of them saves; `chase` the first of `chase_total` parcels that wait for
    their carrier's scan. Having no alerts means that all is well only where some rule watches the shop (`watched`), and
    until `silent_at`: by then its orders should have been heard of again, by its own habit, after `heard_at`. Its local
    days are of `zone`."""

    platform: str
    shop: str
    at: str
    open_alerts: int
    metrics: dict[str, dict[str, Any]]
    ledgers: dict[str, Ledger]
    sanctions: list[dict[str, Any]]
    exposure: dict[str, Any] | None
    due: list[Due]
    due_total: int
    due_saves: Saves | None = None
    chase: list[Chase]
    chase_total: int
    watched: bool = True
    heard_at: str | None = None
    silent_at: str | None = None
    zone: str | None = None


class ShipNext(Due, kw_only=True):
    """`parcel` and `tracking_no` are there only of a parcel that waits for its carrier's scan. `packed` is
    null unless somebody has ticked the order."""

    platform: str
    shop: str
    warehouse: str
    packed: Packed | None = None
    parcel: str | None = None
    tracking_no: str | None = None


class AckRequest(Struct, forbid_unknown_fields=True):
    """A comment on an alert; without `until` the ack or mute holds until it is lifted or the alert gets worse."""

    comment: Annotated[str, Meta(max_length=2_000)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[str, Meta(max_length=200)] | None = None


class Health(Struct):
    """`worker`: it has its partitions and their state; `views`: the API has read all there was at its start; `kafka`:
    Kafka answers; `problems`: what is wrong, in words, even where the worker does its work; empty
    without a token where one is needed."""

    worker: bool
    views: bool
    kafka: bool = True
    problems: list[str] = []


class Problem(Struct):
    """RFC 9457."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class Paging(Struct, kw_only=True):
    """`after` is a place in the list, as `next` has it. What a query leaves out is unset: null could be a name."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    after: str | UnsetType = UNSET


Search = Annotated[str, Meta(max_length=256)]
"""Part of a name, a clause or what an alert says, in any case of letters."""


class Chosen(Paging, kw_only=True):
    """Which alerts."""

    platform: str | UnsetType = UNSET
    shop: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    q: Search | UnsetType = UNSET
