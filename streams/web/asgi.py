"""The web as one ASGI application."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from streams.web.ack_api import AckApi
from streams.web.auth import Guard
from streams.web.due_api import DueApi
from streams.web.errors import failed, refused
from streams.web.files import ConsoleFiles
from streams.web.group_api import GroupApi
from streams.web.health import HealthApi
from streams.web.letters_api import LettersApi
from streams.web.morning_api import MorningApi
from streams.web.openapi import openapi
from streams.web.operations import routes
from streams.web.order_api import OrderApi
from streams.web.query_api import QueryApi
from streams.web.rules_api import RulesApi
from streams.web.sse import Events
from streams.web.tokens import Tokens
from streams.web.trends_api import TrendsApi
from streams.web.yesterday_api import YesterdayApi


def site(
    health_api: HealthApi,
    events: Events,
    ack_api: AckApi,
    group_api: GroupApi,
    query_api: QueryApi,
    due_api: DueApi,
    morning_api: MorningApi,
    order_api: OrderApi,
    rules_api: RulesApi,
    letters_api: LettersApi,
    trends_api: TrendsApi,
    yesterday_api: YesterdayApi,
    *,
    is_ready: Callable[[], bool],
    tokens: Tokens,
) -> ASGIApp:
    """The ack API's routes come before the query API's, whose path of an alert would match theirs."""
    app = Starlette(
        routes=[
            *routes(health_api),
            *routes(events, is_ready),
            *routes(ack_api, is_ready),
            *routes(group_api, is_ready),
            *routes(query_api, is_ready),
            *routes(due_api, is_ready),
            *routes(morning_api, is_ready),
            *routes(order_api, is_ready),
            *routes(rules_api),
            *routes(letters_api),
            *routes(trends_api, is_ready),
            *routes(yesterday_api, is_ready),
            Route("/openapi.json", _describe),
            *ConsoleFiles().routes(),
        ],
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    return Guard(app, tokens)  # around Starlette's own error handler, so that a 500 has the security headers as well


async def _describe(request: Request) -> Response:
    return Response(openapi(), media_type="application/json")
