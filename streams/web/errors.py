"""Errors as JSON problem documents (RFC 9457)."""

import logging
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streams.web.schemas import Problem

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str = "", headers: dict[str, str] | None = None) -> Response:
    body = Problem(HTTPStatus(status).phrase, status, detail)
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


async def refused(_: Request, error: Exception) -> Response:
    """The answer to an HTTPException: raised by a handler, or by Starlette for an unknown path or method."""
    assert isinstance(error, HTTPException)
    detail = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
    return problem(error.status_code, detail, dict(error.headers or {}))


async def failed(request: Request, error: Exception) -> Response:
    log.error("%s %r failed", request.method, request.scope["path"], exc_info=error)
    return problem(500, "what went wrong is in the worker's log")
