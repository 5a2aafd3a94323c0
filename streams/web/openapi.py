"""The OpenAPI document, made from the operations and their types."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from rules.messages.json_schema import schema_components
from streams.web.ack_api import AckApi
from streams.web.auth import is_guarded
from streams.web.due_api import DueApi
from streams.web.errors import MEDIA_TYPE
from streams.web.group_api import GroupApi
from streams.web.health import HealthApi
from streams.web.letters_api import LettersApi
from streams.web.morning_api import MorningApi
from streams.web.operations import Operation, operations
from streams.web.order_api import OrderApi
from streams.web.query_api import QueryApi
from streams.web.rules_api import RulesApi
from streams.web.schemas import Problem
from streams.web.sse import Events
from streams.web.trends_api import TrendsApi
from streams.web.yesterday_api import YesterdayApi

HANDLERS = (
    QueryApi,
    DueApi,
    MorningApi,
    GroupApi,
    OrderApi,
    RulesApi,
    LettersApi,
    TrendsApi,
    YesterdayApi,
    AckApi,
    Events,
    HealthApi,
)


@cache
def openapi() -> bytes:
    """The document as JSON, the same bytes each time."""
    every = [each for handlers in HANDLERS for each, _ in operations(handlers)]
    types = [each for one in every for each in (one.answer, one.query, one.body) if each is not None]
    types = list(dict.fromkeys([*types, Problem]))
    schemas, components = schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in every:
        paths.setdefault(one.path.replace(":name}", "}"), {})[one.method.lower()] = _described(
            one, schema_of, components
        )
    queries = {schema["$ref"].rpartition("/")[2] for one in every if one.query for schema in [schema_of[one.query]]}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "shipclock",
            "version": version("shipclock"),
            "description": "Warns marketplace sellers before late-shipment penalties fall due.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _described(one: Operation, schema_of: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.does,
        "parameters": [*_path_parameters(one), *_query_parameters(one, schema_of, components)],
        "responses": dict(_responses(one, schema_of)),
    }
    if is_guarded(one.path):
        found["security"] = [{"token": []}, {}]
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema_of[one.body]}}}
    return found


def _path_parameters(one: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)", one.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(
    one: Operation, schema_of: dict[Any, Any], components: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if one.query is None:
        return
    for name, schema in components[schema_of[one.query]["$ref"].rpartition("/")[2]]["properties"].items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _responses(one: Operation, schema_of: dict[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = {"type": "string"} if one.answer is None else schema_of[one.answer]
    yield str(one.status), {"description": "as asked for", "content": {one.media: {"schema": schema}}}
    refusals = dict(one.refusals)
    if one.query is not None:
        refusals[400] = "the query is wrong"
    if one.body is not None:
        refusals |= {400: "the body is wrong", 413: "the body is too long", 415: "the body is no JSON"}
    if is_guarded(one.path):
        refusals |= {401: "the token is missing or wrong", 403: "asked for by a page of another site"}
    if one.path.startswith("/api/"):
        refusals.setdefault(503, "what Kafka holds is still being read")
    for status, why in sorted(refusals.items()):
        yield str(status), {"description": why, "content": {MEDIA_TYPE: {"schema": schema_of[Problem]}}}
