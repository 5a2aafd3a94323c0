"""The API's operations: each handler declares its own, and both routes and OpenAPI are made from that."""

import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import structs
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

LARGEST_BODY = 16 * 1024
"""The most bytes of a request's body."""


class NameConvertor(StringConvertor):
    """`{shop:name}` in a path: like Starlette's `path`, but also matches line breaks."""

    regex = "(?s:.*)"


register_url_convertor("name", NameConvertor())

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path. `query` and `body` are structs passed to the handler as `query` and `body`, beside the
    path's parameters. `answer` is the type of the response, in JSON unless `media` says otherwise. `refusals` are other
    statuses with their meaning."""

    method: str
    path: str
    name: str
    does: str
    answer: Any = None
    query: type | None = None
    body: type | None = None
    status: int = 200
    media: str = "application/json"
    refusals: dict[int, str] = field(default_factory=dict)


def operation(method: str, path: str, does: str, **others: Any) -> Callable[[Handler], Handler]:
    """Declares a method of a class of handlers as an operation."""

    def mark(handler: Handler) -> Handler:
        name = getattr(handler, "__name__", "")
        handler.operation = Operation(method=method, path=path, name=name, does=does, **others)  # type: ignore[attr-defined]
        return handler

    return mark


def operations(handlers: Any) -> Iterator[tuple[Operation, Handler]]:
    """The operations of an object or class of handlers, in the order they are written."""
    handlers_type = handlers if isinstance(handlers, type) else type(handlers)
    for name, member in vars(handlers_type).items():
        if hasattr(member, "operation"):
            yield member.operation, getattr(handlers, name)


def routes(handlers: Any, is_ready: Callable[[], bool] = lambda: True) -> list[Route]:
    """The routes of an object of handlers. Until `is_ready` they answer 503, as the views may lack data."""
    on_path: dict[str, dict[str, tuple[Operation, Handler]]] = {}
    for each, handler in operations(handlers):
        on_path.setdefault(each.path, {})[each.method] = each, handler
    return [
        Route(path, functools.partial(_dispatch, by_method, is_ready), methods=list(by_method))
        for path, by_method in on_path.items()
    ]


async def _dispatch(
    by_method: dict[str, tuple[Operation, Handler]], is_ready: Callable[[], bool], request: Request
) -> Response:
    if not is_ready():
        raise HTTPException(503, "what Kafka holds is still being read", {"retry-after": "1"})
    each, handler = by_method["GET" if request.method == "HEAD" else request.method]
    return await _handle(each, handler, request)


async def _handle(each: Operation, handler: Handler, request: Request) -> Response:
    _refuse_unknown(request, each)
    given: dict[str, Any] = {"request": request, **request.path_params}
    if each.query is not None:
        given["query"] = _query(request, each.query)
    if each.body is not None:
        given["body"] = await _body(request, each.body)
    answer = await handler(**given)
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status_code=204)
    return Response(msgspec.json.encode(answer), each.status, media_type=each.media)


def _refuse_unknown(request: Request, each: Operation) -> None:
    """Refuses unknown query parameters: a misspelt one would otherwise be ignored. Probes and Prometheus may send
    any."""
    if not each.path.startswith("/api/"):
        return
    known = [] if each.query is None else [field.encode_name for field in structs.fields(each.query)]
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        takes = f"; it takes {', '.join(known)}" if known else ", which takes none"
        raise HTTPException(400, f"in the query: no parameter {unknown[0]!r} here{takes}")


def _query(request: Request, wanted: type) -> Any:
    try:
        return msgspec.convert(dict(request.query_params), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise HTTPException(400, f"in the query: {_message(error, wanted, request)}") from None


def _message(error: msgspec.ValidationError, wanted: type, request: Request) -> str:
    """What is wrong with a query, with the values that a parameter takes where they are a closed list."""
    name = str(error).rpartition("`$.")[2].rstrip("`")
    for each in structs.fields(wanted):
        if each.encode_name == name and "Invalid enum value" in str(error):
            (choice,) = (one for one in (each.type, *get_args(each.type)) if get_origin(one) is Literal)
            return f"{name}={request.query_params[name]!r} is none of: {', '.join(get_args(choice))}"
    return str(error)


async def _body(request: Request, wanted: type) -> Any:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(415, "application/json is wanted")
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                raise HTTPException(413, f"more than {LARGEST_BODY} bytes")
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(400, f"in the body: {error}") from None
    except RecursionError:
        raise HTTPException(400, "in the body: JSON is nested too deeply") from None
