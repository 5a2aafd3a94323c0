"""Decodes the bytes of a push, or of an API's answer, into documents."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from streams.feeds.language import Body

MOST_FIELDS = 100
"""The most fields a form may have."""


class UnreadableBody(ValueError):
    """A body that can't be decoded. The text says why, and quotes nothing of the body."""


@dataclass(frozen=True)
class Request:
    """What came in. `url` may be the whole address or only path and query; header names are in lower case."""

    body: bytes
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""

    @cached_property
    def form(self) -> dict[str, str]:
        """Raises UnreadableBody."""
        try:
            fields = parse_qs(self.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        except UnicodeDecodeError:
            raise UnreadableBody("the form is not UTF-8") from None
        except ValueError:
            raise UnreadableBody(f"the form has more than {MOST_FIELDS} fields") from None
        return {name: values[0] for name, values in fields.items()}

    @cached_property
    def document(self) -> Any:
        """The body as JSON, read once however often it is asked for. Raises UnreadableBody."""
        return of_json(self.body)

    @property
    def query(self) -> dict[str, str]:
        try:
            return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}
        except ValueError:
            return {}


def documents(request: Request, body: Body) -> Iterator[dict[str, Any]]:
    """The messages in a push. Raises UnreadableBody."""
    if body.form is None:
        document = request.document
    elif body.form in request.form:
        document = of_json(request.form[body.form])
    else:
        raise UnreadableBody(f"the form has no field {body.form}")
    if body.records is not None:
        if not isinstance(document, list):
            raise UnreadableBody(f"the body is {_kind(document)}, and an array is wanted")
        found = body.records.search(document) or ()
    else:
        found = [document]
    for each in found:
        if not isinstance(each, dict):
            raise UnreadableBody(f"the body is {_kind(each)}, and an object is wanted")
        yield unpacked(each, body.unpack)


def unpacked(record: dict[str, Any], name: str | None) -> dict[str, Any]:
    """A record whose field `name`, if it is JSON as text, is taken apart; other text stays as it is."""
    if name is None or not isinstance(packed := record.get(name), str):
        return record
    try:
        return record | {name: of_json(packed)}
    except UnreadableBody:
        return record


def of_json(text: bytes | str) -> Any:
    """Parses JSON with whole numbers of any length and lossless decimals. Raises UnreadableBody."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except RecursionError:
        raise UnreadableBody("the JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise UnreadableBody("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise UnreadableBody(f"the body is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError:
        raise UnreadableBody("the JSON holds a number of absurd length") from None


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a single value"
