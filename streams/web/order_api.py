"""The API's single orders: what is known of one, the search by a number, and the mark that it is packed."""

from typing import Annotated, Any, Literal

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Meta, Struct, field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.calendar.instants import rfc3339
from streams.clock import wall_ms
from streams.questions.messages import AboutOrder, Answer, Question, SetPacked, WhoseNumber
from streams.questions.service import QuestionService
from streams.views.packed import Packed
from streams.views.view import View
from streams.warehouses import Warehouses
from streams.web.auth import person_of
from streams.web.operations import operation
from streams.web.paths import names_in
from streams.web.schemas import AlertNow, Page, Quantity

REFUSALS = {404: "no such order is known", 503: "the worker that has the shop, or Kafka, does not answer"}
AWAY = {"retry-after": "5"}

Names = tuple[str, str, str]
"""Platform, shop and order."""


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


class OrderApi:
    """Handlers about single orders. `questions` asks the worker that has the order's shop."""

    def __init__(self, view: View, questions: QuestionService, warehouses: Warehouses) -> None:
        self._view, self._questions, self._warehouses = view, questions, warehouses

    @operation(
        "GET",
        "/api/orders",
        "Orders by their own number or by the number of a parcel, as far as they are known",
        query=NumberQuery,
        answer=FoundOrders,
    )
    async def find_orders(self, request: Request, query: NumberQuery) -> FoundOrders:
        try:
            answers = await self._questions.ask_all(WhoseNumber(query.number))
        except (KafkaError, OSError, TimeoutError):
            raise HTTPException(503, "Kafka does not answer now; try again", AWAY) from None
        replies = [msgspec.json.decode(each.body) for each in answers if each.status == 200]
        found = [order for each in replies for order in each["found"]]
        found.sort(key=lambda each: (each["by"] != "order", each["platform"], each["shop"], each["order"]))
        return FoundOrders(
            items=found, next=None, complete=len(replies) == len(answers) and all(each["complete"] for each in replies)
        )

    @operation(
        "GET",
        "/api/orders/{platform}/{shop}/{order:name}",
        "One order: facts, lines, parcels, every deadline, where it counts and why, its alerts",
        answer=OrderNow,
        refusals=REFUSALS,
    )
    async def order(self, request: Request, platform: str, shop: str, order: str) -> dict[str, Any]:
        about = _order_in(request, "/api/orders/", (platform, shop, order))
        answer = await self._ask(about, AboutOrder(*about))
        report: dict[str, Any] = msgspec.json.decode(answer.body)
        skus = {line["sku"] for line in report["lines"] if line["sku"]}
        return report | {
            "warehouse": self._warehouses.of_order(*about[:2], skus),
            "packed": self._view.ticks.get(*about) if report["waits_to_be_shipped"] else None,
            "alerts": [self._view.alert(held) for held in self._view.alerts.of_order(*about)],
        }

    @operation(
        "POST",
        "/api/packed/{platform}/{shop}/{order:name}",
        "Says that an order is packed; it counts until the order is shipped, or until it is taken back",
        body=PackedRequest,
        answer=PackedNow,
        refusals=REFUSALS | {409: "somebody else has packed it, or it does not wait to be shipped"},
    )
    async def pack(self, request: Request, platform: str, shop: str, order: str, body: PackedRequest) -> PackedNow:
        about = _order_in(request, "/api/packed/", (platform, shop, order))
        by = person_of(request).name or body.by or None
        answer = await self._ask(about, SetPacked(*about, packed=True, at=rfc3339(wall_ms()), by=by))
        return PackedNow(msgspec.json.decode(answer.body, type=Packed))

    @operation(
        "DELETE",
        "/api/packed/{platform}/{shop}/{order:name}",
        "Takes back that an order is packed",
        answer=PackedNow,
        refusals=REFUSALS,
    )
    async def unpack(self, request: Request, platform: str, shop: str, order: str) -> PackedNow:
        about = _order_in(request, "/api/packed/", (platform, shop, order))
        await self._ask(about, SetPacked(*about, packed=False, at=rfc3339(wall_ms())))
        return PackedNow(None)

    async def _ask(self, about: Names, question: Question) -> Answer:
        """The answer of whoever has the order's shop, if it is a good one. Raises HTTPException for any other."""
        platform, shop, _ = about
        try:
            answer = await self._questions.ask(platform, shop, question)
        except (KafkaError, OSError, TimeoutError):
            raise HTTPException(503, "Kafka does not answer now; try again", AWAY) from None
        if answer.status != 200:
            raise HTTPException(answer.status, answer.problem, AWAY if answer.status == 503 else None)
        return answer


def _order_in(request: Request, before: str, plain: Names) -> Names:
    """The names in a path after `before`; `plain` are those that hold no `/`."""
    platform, shop, order = names_in(request, before, 3) or plain
    return platform, shop, order
