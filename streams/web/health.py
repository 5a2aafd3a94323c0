"""Health for probes, metrics for Prometheus."""

from collections.abc import Callable

import msgspec
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streams.web.auth import may_see
from streams.web.operations import operation
from streams.web.schemas import Health


class HealthApi:
    """Handlers for probes and Prometheus."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    @operation("GET", "/health/live", "Whether the process does its work at all", answer=Health)
    async def live(self, request: Request) -> Health:
        return self._visible_health(request)

    @operation(
        "GET",
        "/health/ready",
        "Whether the worker has its state and the API can answer",
        answer=Health,
        refusals={503: "not yet"},
    )
    async def ready(self, request: Request) -> Health:
        health = self._visible_health(request)
        if not health.kafka:
            raise HTTPException(503, next(iter(health.problems), "Kafka does not answer"))
        if not (health.worker and health.views):
            raise HTTPException(503, "the worker recovers" if health.views else "the views are being read")
        return health

    def _visible_health(self, request: Request) -> Health:
        """Problems in words, with addresses and folders, are only for those who have a token; probes have none."""
        health = self._health()
        return health if may_see(request) else msgspec.structs.replace(health, problems=[])

    @operation("GET", "/metrics", "Prometheus metrics", media="text/plain", refusals={400: "no such format"})
    async def metrics(self, request: Request) -> Response:
        try:
            encode, media = choose_encoder(request.headers.get("accept", ""))
        except (ValueError, TypeError):  # prometheus_client compares numbers with the text
            raise HTTPException(400, "in the header Accept: no format of metrics is called that") from None
        return Response(encode(REGISTRY), media_type=media)
