"""The samples of a source: what it sent, and the events and the answer that must come of it; and its signatures."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from streams.feeds.answers import reply
from streams.feeds.decoding import Request, UnreadableBody, of_json
from streams.feeds.language import Signature, SourceFile
from streams.feeds.library import Found
from streams.feeds.mapping import map_request
from streams.feeds.signatures import credentials_of, is_genuine

Outcome = tuple[Path, list[str]]
"""A file, and what is wrong with what came of it."""


def run(found: Found) -> Iterator[Outcome]:
    """Every sample of a source, and every example of a signature."""
    for file in sorted(found.samples.glob("*.expected.json")):
        try:
            expected = json.loads(file.read_bytes())
            yield file, list(_failures(found.source, expected, found.samples / expected["sample"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield file, [f"can't be used: {error!r}"]
    file = found.samples / "signature.json"
    if file.exists() and found.source.signature is not None:
        yield file, list(_wrong_signatures(found.source.signature, json.loads(file.read_bytes())))


def request_of(body: bytes, url: str = "") -> Request:
    """A file as a request: the body itself, or what was recorded of one with a form, as
    `{"url": …, "content_type": …, "form": {…}}`."""
    try:
        recorded = of_json(body)
    except UnreadableBody:
        return Request(body, url)
    if isinstance(recorded, dict) and isinstance(recorded.get("form"), dict) and "content_type" in recorded:
        return Request(urlencode(recorded["form"]).encode(), str(recorded.get("url", url)))
    return Request(body, url)


def _failures(source: SourceFile, expected: dict[str, Any], sample: Path) -> Iterator[str]:
    request = request_of(sample.read_bytes())
    mapped = map_request(source, request, expected.get("transport", "push"), expected.get("context", {}))
    yield from (f"could not be mapped: {problem}" for problem in mapped.problems)
    wanted = [_without_key(event) for event in expected["events"]]
    for event in wanted:
        if event not in (got := [_comparable(each) for each in mapped.events]):
            same = [each for each in got if each["id"] == event["id"]]
            yield f"{event['id']} is not among the events" if not same else f"{event} is wanted, not {same[0]}"
    for each in mapped.events:
        if each["id"] not in {event["id"] for event in wanted}:
            yield f"{each['id']} ({each['type']}) is an event too many"
    if [each["id"] for each in mapped.events] != [event["id"] for event in wanted]:
        yield "the events are in another order"
    if "register" in expected:
        registered = expected["register"]["tracking_no"]
        numbers = registered if isinstance(registered, list) else [registered]
        if (found := [each.tracking_no for each in mapped.numbers]) != numbers:
            yield f"the numbers to be registered are {found}, not {numbers}"
    if (answer := expected.get("respond")) is not None:
        yield from _wrong_answer(source, request, answer)


def _without_key(event: dict[str, Any]) -> dict[str, Any]:
    return {("id" if name == "key" else name): value for name, value in event.items()}


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("specversion", "source")}


def _wrong_answer(source: SourceFile, request: Request, wanted: dict[str, Any]) -> Iterator[str]:
    got = reply(source, request, datetime.now(UTC))
    if got.status != wanted["status"]:
        yield f"the answer's status is {got.status}, not {wanted['status']}"
    if "body" in wanted and got.body.decode() != wanted["body"]:
        yield f"the answer is {got.body.decode()!r}, not {wanted['body']!r}"
    if "content_type" in wanted and got.content_type != wanted["content_type"]:
        yield f"the answer's content type is {got.content_type}, not {wanted['content_type']}"
    fields = wanted.get("json") or dict.fromkeys(wanted.get("json_fields", ()), "<any>")
    document = json.loads(got.body) if fields else {}
    for name, value in fields.items():
        placeholder = isinstance(value, str) and value.startswith("<")
        if name not in document or not (placeholder or document[name] == value):
            yield f"the answer's {name} is {document.get(name)!r}, not {value!r}"


def _wrong_signatures(signature: Signature, examples: dict[str, Any]) -> Iterator[str]:
    for n, example in enumerate(examples.get("vectors", ())):
        credentials = {
            name: str(example.get("url" if name == "callback_url" else name, examples.get(name, "")))
            for name in credentials_of(signature)
        }
        genuine = is_genuine(signature, _signed(signature, example), credentials, example.get("trusted_proxies", ()))
        if genuine != example["valid"]:
            yield f"{example.get('name', n)}: taken for {'genuine' if genuine else 'forged'}"


def _signed(signature: Signature, example: dict[str, Any]) -> Request:
    """The request of an example, which names either headers or, for a form, its fields."""
    headers = dict(example.get("headers", {}))
    if "header" in example:
        headers[example["header"]] = example["expected"]
    if "x_forwarded_for" in example:
        headers["x-forwarded-for"] = example["x_forwarded_for"]
    body = str(example.get("body", "")).encode()
    if signature.form is not None:
        fields = {name: value for name, value in example.items() if f"{{form.{name}}}" in signature.signed}
        body = urlencode({**fields, signature.form: example["expected"]}).encode()
    return Request(body, "", {name.lower(): value for name, value in headers.items()}, example.get("peer", ""))
