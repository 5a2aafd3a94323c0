"""The HTTP answers to senders of pushes."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from streams.feeds.decoding import Request, UnreadableBody, documents
from streams.feeds.expressions import Template, hold
from streams.feeds.language import Answer, SourceFile


class Reply(NamedTuple):
    status: int
    content_type: str | None
    body: bytes


def reply(source: SourceFile, request: Request, now: datetime) -> Reply:
    """The first answer that fits; 200 without a body where the source has none. A body that can't be read gets the
    answer that asks for nothing in it: the sender is not to send it again."""
    document: dict[str, Any] = {}
    with suppress(UnreadableBody):
        document = next(documents(request, source.body), document)
    for answer in source.answers:
        if hold(answer.when, document):
            return _reply(answer, source, document, now)
    return Reply(200, None, b"")


def _reply(answer: Answer, source: SourceFile, document: Mapping[str, Any], now: datetime) -> Reply:
    if answer.json is None:
        return Reply(answer.status, answer.content_type, answer.body.encode())
    zone = UTC if answer.now.endswith("Z") else ZoneInfo(source.zone)
    names = {"now": now.astimezone(zone).strftime(answer.now)}
    filled = {name: _filled(value, names, document) for name, value in answer.json.items()}
    body = json.dumps(filled, ensure_ascii=False).encode()
    return Reply(answer.status, answer.content_type or "application/json", body)


def _filled(value: Any, names: Mapping[str, str], document: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return Template(value).fill(names, document)
    except ValueError:
        return ""
