"""One order over HTTP: what there is to say of it, the search by a number, and the tick that it is packed."""

from typing import Any
from urllib.parse import unquote

import msgspec
from aiokafka.errors import KafkaError
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
from streams.web.schemas import FoundOrders, NumberQuery, OrderNow, PackedNow, PackedRequest

REFUSALS = {404: "no such order is known", 503: "the worker that has the shop, or Kafka, does not answer"}
AWAY = {"retry-after": "5"}

Names = tuple[str, str, str]
"""Platform, shop and order."""


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
        about = _names(request, "/api/orders/") or (platform, shop, order)
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
        about = _names(request, "/api/packed/") or (platform, shop, order)
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
        about = _names(request, "/api/packed/") or (platform, shop, order)
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


def _names(request: Request, before: str) -> Names | None:
    """The names in a path after `before`: platform, shop, and all the rest. A `/` inside one is sent as `%2F`, which
    only the raw path shows. None where two plain `/` don't follow."""
    sent: bytes = request.scope.get("raw_path") or b""
    names = sent.removeprefix(before.encode()).split(b"/", 2)
    if len(names) < 3:
        return None
    platform, shop, order = (unquote(name) for name in names)
    return platform, shop, order
