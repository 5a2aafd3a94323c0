"""Checks a source file for contradictions, and gives the place of each."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, get_args

from msgspec import inspect

from rules.dsl.model import zone_problem
from rules.dsl.yaml_source import Diagnostic, Source
from rules.messages.events import AnyEvent
from streams.feeds.api_language import Api, Call
from streams.feeds.expressions import Value
from streams.feeds.language import Fact, Message, SourceFile
from streams.feeds.places import FORMS, INSTANTS, OTHERS, places
from streams.feeds.spelling import slips


def _choices() -> dict[str, dict[str, tuple[Any, ...]]]:
    """The allowed values of an event's data, by type of event and name, where there are only a few."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for kind in get_args(AnyEvent):
        event = inspect.type_info(kind)
        assert isinstance(event, inspect.StructType)
        data = next((field.type for field in event.fields if field.name == "data"), None)
        for field in getattr(data, "fields", ()):
            for either in getattr(field.type, "types", (field.type,)):
                if isinstance(either, inspect.LiteralType):
                    found.setdefault(str(event.tag), {})[field.name] = either.values
    return found


TYPES = {kind.__struct_config__.tag for kind in get_args(AnyEvent)} | {"order.paid", "order.reopened", "order.voided"}
"""The types of events in the input contract."""

CHOICES = _choices()

NEEDED_BY_PAGING: dict[str, tuple[str, ...]] = {
    "once": (),
    "cursor": ("next",),
    "backward": ("pages",),
    "onward": ("listed", "changed"),
    "confirm": ("next", "confirm"),
}

FieldDiagnostic = tuple[str, str]
"""`(path, message)`."""


def diagnostics(source: SourceFile, text: Source, name: str) -> Iterator[Diagnostic]:
    """Every mistake in a file that could be parsed; `name` is the file's."""
    for path, message in _diagnostics(source, name):
        yield text.diagnose(message, path)


def _diagnostics(source: SourceFile, name: str) -> Iterator[FieldDiagnostic]:
    if source.source != name:
        yield "$.source", f"the file of {source.source} is called {source.source}.yaml, not {name}.yaml"
    if wrong := zone_problem(source.zone):
        yield "$.zone", wrong
    for setting, choices in source.settings.items():
        if not choices:
            yield f"$.settings.{setting}", f"{setting} needs what it may be, the default first"
    yield from _signature(source)
    if source.api is not None:
        yield from _api(source, source.api)
    used: set[str] = set()
    for path, value in _values(source):
        for table in _tables(value):
            used.add(table)
            if table not in source.tables:
                yield path, f"{table} is no table of this file; they are {', '.join(source.tables) or 'none'}"
    for table in source.tables.keys() - used:
        yield f"$.tables.{table}", f"the table {table} is used nowhere"
    for n, message in enumerate(source.messages):
        yield from _message(source, message, f"$.messages[{n}]")


def _signature(source: SourceFile) -> Iterator[FieldDiagnostic]:
    signature = source.signature
    if signature is None:
        if any(message.transport == "push" for message in source.messages):
            yield "$.messages", "a source with pushes needs a signature; `method: none` says that there is none"
        return
    if (signature.method == "hmac-sha256") != bool(signature.key):
        yield "$.signature", "an HMAC has a key, the name of the credential that it is, and nothing else has one"
    if signature.method != "none" and (signature.header is None) == (signature.form is None):
        yield "$.signature", "a signature stands either in a header or in a form's field"
    for n, network in enumerate(signature.senders):
        try:
            ip_network(network)
        except ValueError:
            yield f"$.signature.senders[{n}]", f"{network} is no network; write it like 195.34.21.0/24"


def _api(source: SourceFile, api: Api) -> Iterator[FieldDiagnostic]:
    credentials = {*api.credentials, *api.shop_credentials}
    known = credentials | {*OTHERS, *source.settings, *(f"{name}_{form}" for name in INSTANTS for form in FORMS)}
    if api.signature is not None and api.signature.key not in credentials:
        yield "$.api.signature.key", f"{api.signature.key} is no credential of this API"
    for part in ("secrets", "optional"):
        for name in sorted({*getattr(api, part)} - credentials):
            yield f"$.api.{part}", f"{name} is no credential of this API"
    written: list[tuple[str, Any]] = [("$.api.parameters", api.parameters), ("$.api.headers", api.headers)]
    written += [("$.api.host", api.host)]
    for at, call in _calls(api):
        written += [(at, call.host), (at, call.parameters), (at, call.body)]
    if (registration := api.registration) is not None:
        written += [("$.api.registration.each", registration.each)]
        if registration.batch > 1 and not (registration.each and registration.rejected and registration.number):
            yield "$.api.registration", "a batch of more than 1 needs each, rejected and number"
    for at, each in written:
        for place in sorted(places(each) - known):
            yield at, f"{{{place}}} is nothing that calls may name; those are {', '.join(sorted(known))}"
    for name, poll in api.polls.items():
        needed = NEEDED_BY_PAGING[poll.paging]
        for missing in (each for each in needed if getattr(poll, each) is None):
            yield f"$.api.polls.{name}", f"paging {poll.paging} needs {missing}"
        if (poll.ids is None) != (poll.detail is None):
            yield f"$.api.polls.{name}", "ids and detail belong together"


def _calls(api: Api) -> Iterator[tuple[str, Call]]:
    if api.token is not None:
        yield "$.api.token.call", api.token.call
    for name, poll in api.polls.items():
        for part in ("call", "detail", "confirm"):
            if (call := getattr(poll, part)) is not None:
                yield f"$.api.polls.{name}.{part}", call
    for name, fetch in api.fetches.items():
        yield f"$.api.fetches.{name}.call", fetch.call
    if api.registration is not None:
        for part in ("call", "release", "again", "check"):
            if (call := getattr(api.registration, part)) is not None:
                yield f"$.api.registration.{part}", call


def _message(source: SourceFile, message: Message, at: str) -> Iterator[FieldDiagnostic]:
    for status, names in message.statuses.items():
        for name in names:
            if name not in message.facts:
                yield f"{at}.statuses.{status}", f"{name} is no fact of {message.name}"
    if message.status is not None:
        for name in message.facts.keys() - {name for names in message.statuses.values() for name in names}:
            yield f"{at}.facts.{name}", f"no status of {message.name} means {name}"
    fetches = source.api.fetches if source.api is not None else {}
    if message.fetch is not None and message.fetch not in fetches:
        yield f"{at}.fetch", f"{message.fetch} is no call under fetches; those are {', '.join(fetches) or 'none'}"
    if (message.status is None) != (not message.statuses):
        yield at, "status and statuses belong together"
    if source.platform is None and message.reference is None and (message.facts or message.entries):
        yield at, "where the file has no platform, a reference platform/shop/order is needed"
    for path, fact in _facts(message, at):
        if fact.type not in TYPES:
            yield f"{path}.type", f"{fact.type} is no event; see the AsyncAPI document"
        if (fact.time or message.time or source.time) is None and ".entries" not in path:
            yield path, f"{fact.type} has no time, neither here nor above"
        yield from _words(source, fact, path)
        yield from slips(fact, path)
        for name in fact.require:
            if name not in fact.data:
                yield f"{path}.require", f"{name} is no data of this fact"


def _words(source: SourceFile, fact: Fact, path: str) -> Iterator[FieldDiagnostic]:
    """The values that constants and tables give for data that may have only a few values."""
    for name, choices in CHOICES.get(fact.type, {}).items():
        given = [fact.constants[name]] if name in fact.constants else []
        if name in fact.data and (table := fact.data[name].reading.table) is not None:
            given += [word for word in source.tables.get(table, {}).values() if word is not None]
        for word in given:
            if word not in choices:
                yield path, f"{word!r} is no {name} of {fact.type}; they are {', '.join(map(str, choices))}"


def _facts(message: Message, at: str) -> Iterator[tuple[str, Fact]]:
    for name, fact in message.facts.items():
        yield f"{at}.facts.{name}", fact
    for n, entries in enumerate(message.entries):
        yield from ((f"{at}.entries[{n}].facts.{name}", fact) for name, fact in entries.facts.items())


def _values(source: SourceFile) -> Iterator[tuple[str, Value]]:
    for name in ("shop", "order", "time"):
        if (value := getattr(source, name)) is not None:
            yield f"$.{name}", value
    for n, message in enumerate(source.messages):
        at = f"$.messages[{n}]"
        for name in ("shop", "order", "time", "reference", "status"):
            if (value := getattr(message, name)) is not None:
                yield f"{at}.{name}", value
        if message.numbers is not None:
            for name in ("tracking_no", "carrier"):
                if (value := getattr(message.numbers, name)) is not None:
                    yield f"{at}.numbers.{name}", value
        for path, fact in _facts(message, at):
            yield from ((f"{path}.data.{name}", value) for name, value in fact.data.items())


def _tables(value: Value) -> Iterator[str]:
    if value.reading.table is not None:
        yield value.reading.table
    for field in value.reading.fields.values():
        yield from _tables(field)
