"""The types of the HTTP API, beside the records of the `alerts` topic. The OpenAPI document is made from them."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from rules.kinds.rule import Confidence
from rules.messages.alerts import Alert, Severity, State
from streams.views.acks import Ack
from streams.views.alerts import Sort
from streams.views.feed_health import FeedsNow
from streams.views.groups import GroupSort, ShopAlerts
from streams.views.morning import GroupChange, ShopCost, Task
from streams.views.packed import Packed
from streams.web.tokens import Role

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


class TierNames(Struct):
    """A step of penalty points, by name; `lasts_days` is null where its sanction is for good."""

    name: str
    at: float
    lasts_days: float | None


class RuleNames(Struct, kw_only=True):
    """What people read of a rule: `titles` and `texts` (what the platform demands, in a sentence) by language, `en` and
    `zh`; where it comes from, how sure that is, and the platform's own page. Of penalty points: their `ledger`, and
    what they lead to."""

    rule: str
    clause: str
    platform: str
    titles: dict[str, str]
    texts: dict[str, str]
    source: str
    confidence: Confidence
    link: str | None
    ledger: str | None
    tiers: list[TierNames]


class RulesPage(Page[RuleNames], kw_only=True):
    """`clauses`: what each clause is called, by language. `chinese`: texts of the packs (summaries, effects, names) in
    Chinese, by the English; {names} in both stand for what is filled in."""

    clauses: dict[str, dict[str, str]]
    chinese: dict[str, str]


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
    worst; `chase` the first of `chase_total` parcels that wait for their carrier's scan. Having no alerts means that
    all is well only where some rule watches the shop (`watched`), and until `silent_at`: by then its orders should have
    been heard of again, by its own habit, after `heard_at`. Its local days are of `zone`."""

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
    zone: str | None = None


class ShopNow(Standing, kw_only=True):
    """A shop's standing, its open alerts counted, and the state of its feeds; null where it has none. `at` is null, and
    nothing is known of the shop, where it should be heard of through a feed and never was."""

    at: str | None  # type: ignore[assignment]
    alerts: ShopAlerts
    feed: FeedsNow | None


class ShipNext(Due, kw_only=True):
    """`parcel` and `tracking_no` are there only of a parcel that waits for its carrier's scan. `packed` is
    null unless somebody has ticked the order."""

    platform: str
    shop: str
    warehouse: str
    packed: Packed | None = None
    parcel: str | None = None
    tracking_no: str | None = None


class OrderLine(Struct, kw_only=True):
    """A line as it was ordered, and how much of it was cancelled and shipped."""

    line: str
    sku: str | None
    product: str | None
    amount: str | None
    ordered: float
    cancelled: float
    shipped: float


class OrderDeadline(Struct, kw_only=True):
    """What one deadline rule says of the order, or of one of its parcels. `not_applicable`: the rule is not about such
    orders, or was not in effect; `not_begun`: none of the facts `from` has happened. `met_by` is the fact that met
    it."""

    rule: str
    clause: str
    parcel: str | None
    due_at: str | None
    state: Literal["not_applicable", "not_begun", "open", "due_soon", "overdue", "met", "met_late"]
    judgement: int
    from_: list[str] = field(name="from")
    until: list[str]
    met_by: str | None
    met_at: str | None


class OrderRatio(Struct, kw_only=True):
    """Whether the order counts in a ratio, on which local day, and whether it is bad. `because` says why it is bad, or
    what it lacks to count at all. `now` is the ratio in the period that has that day; null where none has that is
    looked at now."""

    rule: str
    clause: str
    counts: bool
    day: str | None
    bad: bool
    because: list[dict[str, Any]]
    now: dict[str, Any] | None


class OrderMark(Struct, kw_only=True):
    """The order did something that another rule counts, such as late marks; `points` are those of a ledger, before any
    cap."""

    rule: str
    clause: str
    at: str
    ledger: str | None
    points: float | None


class Verdict(Struct, kw_only=True):
    """The rules by which the order is overdue, due soon, or bad in a ratio now. `why` is `trouble`, or says why it is
    in none: how the order ended, `unpaid`, `unwatched` (no pack has rules for the shop), `in_time` (the `next` deadline
    lies ahead), `nothing_awaited`."""

    in_trouble: bool
    why: str
    overdue: list[str]
    due_soon: list[str]
    bad_in: list[str]
    next: dict[str, str] | None


class OrderNow(Struct, kw_only=True):
    """One order at the instant `at`. `facts` are by name, with the event that says so; `to_ship` what is left to ship;
    `left_out` and `odd` what was said of it and doesn't count, with the reason. `packed` is null unless somebody has
    ticked it."""

    platform: str
    shop: str
    order: str
    at: str
    state: str
    waits_to_be_shipped: bool
    warehouse: str
    packed: Packed | None
    facts: dict[str, dict[str, Any]]
    terms: dict[str, Any] | None
    lines: list[OrderLine]
    to_ship: list[Quantity]
    parcels: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    odd: list[str]
    deadlines: list[OrderDeadline]
    ratios: list[OrderRatio]
    marks: list[OrderMark]
    verdict: Verdict
    alerts: list[AlertNow]


class FoundOrder(Struct, kw_only=True):
    """`by`: the number is the order's own, or a parcel's."""

    platform: str
    shop: str
    order: str
    by: Literal["order", "parcel"]


class FoundOrders(Page[FoundOrder], kw_only=True):
    """At most 20 of each partition. `complete` is false where a worker did not answer in time, or had more
    orders than it could look through."""

    complete: bool


class NumberQuery(Struct, kw_only=True):
    number: Annotated[str, Meta(min_length=1, max_length=256)]


class PackedRequest(Struct, forbid_unknown_fields=True):
    by: Annotated[str, Meta(max_length=200)] | None = None


class PackedNow(Struct):
    packed: Packed | None


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


class AckRequest(Struct, forbid_unknown_fields=True):
    """A comment on an alert; without `until` the ack or mute holds until it is lifted or the alert gets worse."""

    comment: Annotated[str, Meta(max_length=2_000)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[str, Meta(max_length=200)] | None = None


class About(Struct):
    """`clock` is what decides that a deadline has passed; `at` how far it has come (the newest standing's). Since
    `kafka_away_since` Kafka has not answered, and what is told is of then; null while it answers. `person` is the name
    that the token has, null where it has none; `role` what it may: `read`, or `act` as well."""

    version: str
    clock: Literal["wall", "event"]
    at: str | None
    kafka_away_since: str | None = None
    person: str | None = None
    role: Role = "act"


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


class AlertQuery(Chosen, kw_only=True):
    """`muted=false` leaves muted ones out."""

    state: State | UnsetType = UNSET
    muted: bool = True
    sort: Sort = "cost"


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


class DueQuery(Paging, kw_only=True):
    """`for=carrier`: the parcels that wait for their carrier's scan, in place of the orders to ship. `carrier` is one,
    or whose logistics it is (platform, own); `before` the cut-off: what is due by that instant."""

    platform: str | UnsetType = UNSET
    shop: str | UnsetType = UNSET
    warehouse: str | UnsetType = UNSET
    carrier: str | UnsetType = UNSET
    before: str | UnsetType = UNSET
    for_: Literal["carrier"] | UnsetType = field(name="for", default=UNSET)
