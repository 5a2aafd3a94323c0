"""The types of the HTTP API, beside the records of the `alerts` topic. The OpenAPI document is made from them."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from rules.messages.alerts import Alert, Severity, State
from streams.views.acks import Ack
from streams.views.alerts import Sort
from streams.views.feed_health import FeedsNow
from streams.views.groups import GroupSort, ShopAlerts

Item = TypeVar("Item")


class Page(Struct, Generic[Item]):
    """A part of a list; `next` is where the rest is (a path with its query), null at the end."""

    items: list[Item]
    next: str | None


class AlertNow(Alert, kw_only=True):
    """An alert's newest record, and who has acknowledged or muted it; null once that no longer holds."""

    acknowledged: Ack | None
    muted: Ack | None


class AlertWithTrail(AlertNow, kw_only=True):
    """`trail`: the alert's records so far, the oldest first."""

    trail: list[Alert]


class Ledger(Struct, kw_only=True):
    points: float
    since: str | None = None
    resets_at: str | None = None
    next_tier: str | None = None
    headroom: float | None = None
    forecast: dict[str, Any] | None = None


class Due(Struct, kw_only=True):
    """An order that waits to be shipped. `due_at` is the earliest deadline it hasn't met, which may have passed;
    `saves` is what shipping it saves: clauses, an amount, points by ledger."""

    order: str
    due_at: str
    skus: list[str]
    rules: list[str]
    saves: dict[str, Any]


class Chase(Due, kw_only=True):
    """A parcel that is shipped and waits for its carrier's scan by `due_at`, which may have passed."""

    parcel: str | None
    carrier: str | None
    tracking_no: str | None


class Standing(Struct, kw_only=True):
    """What a shop's alerts come from, at the instant `at`. Metrics are keyed by clause; a forecast is what one comes to
    at its next evaluation. `due` are the first of `due_total` orders to ship next, overdue ones first, then the
    worst; `chase` the first of `chase_total` parcels that wait for their carrier's scan. Having no alerts means that
    all is well only where some rule watches the shop (`watched`), and until `silent_at`: by then its orders should have
    been heard of again, by its own habit, after `heard_at`."""

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
    chase: list[Chase]
    chase_total: int
    watched: bool = True
    heard_at: str | None = None
    silent_at: str | None = None


class ShopNow(Standing, kw_only=True):
    """A shop's standing, its open alerts counted, and the state of its feeds; null where it has none. `at` is null, and
    nothing is known of the shop, where it should be heard of through a feed and never was."""

    at: str | None  # type: ignore[assignment]
    alerts: ShopAlerts
    feed: FeedsNow | None


class ShipNext(Due, kw_only=True):
    """`parcel`, `carrier` and `tracking_no` are there only of a parcel that waits for its carrier's scan."""

    platform: str
    shop: str
    warehouse: str
    parcel: str | None = None
    carrier: str | None = None
    tracking_no: str | None = None


class DuePage(Page[ShipNext], kw_only=True):
    """Of each shop the first 50 are listed. `total` is how many there are of all shops; null where only one warehouse
    is asked for."""

    total: int | None


class AckRequest(Struct):
    """A comment on an alert; without `until` the ack or mute holds until it is lifted or the alert gets worse."""

    comment: Annotated[str, Meta(max_length=2_000)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[str, Meta(max_length=200)] | None = None


class About(Struct):
    """`clock` is what decides that a deadline has passed; `at` how far it has come (the newest standing's). Since
    `kafka_away_since` Kafka has not answered, and what is told is of then; null while it answers."""

    version: str
    clock: Literal["wall", "event"]
    at: str | None
    kafka_away_since: str | None = None


class Health(Struct):
    """`worker`: it has its partitions and their state; `views`: the API has read all there was at its start; `kafka`:
    Kafka answers; `problems`: what is wrong, in words, even where the worker does its work."""

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


class AlertQuery(Chosen, kw_only=True):
    """`muted=false` leaves muted ones out."""

    state: State | UnsetType = UNSET
    muted: bool = True
    sort: Sort = "cost"


class GroupQuery(Chosen, kw_only=True):
    """`muted=true` counts muted ones as well."""

    muted: bool = False
    sort: GroupSort = "cost"


class GroupAckRequest(AckRequest, kw_only=True):
    """Of one group, or of those of its alerts that fit."""

    platform: str
    shop: str
    rule: str
    severity: Severity | UnsetType = UNSET
    q: Search | UnsetType = UNSET


class GroupAcked(Struct):
    """How many alerts it was said of."""

    alerts: int


class DueQuery(Paging, kw_only=True):
    """`for=carrier`: the parcels that wait for their carrier's scan, in place of the orders to ship."""

    warehouse: str | UnsetType = UNSET
    for_: Literal["carrier"] | UnsetType = field(name="for", default=UNSET)
