"""From what a platform sent to the events it means, as its source file says."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from rules.calendar.instants import from_rfc3339, rfc3339
from rules.messages.names import decoded, encoded, shop_key
from streams.feeds import reading
from streams.feeds.decoding import Request, UnreadableBody, documents, of_json, unpacked
from streams.feeds.expressions import hold, look_up, word_at
from streams.feeds.language import Entries, Fact, Message, Notice, Numbers, SourceFile
from streams.feeds.paths import Path
from streams.feeds.values import text, time_ms

AHEAD_MS = 600_000
"""A time further than this ahead of the receipt is a zone mistake; the receipt stands in for it."""

Transport = Literal["push", "poll"]


class Thin(NamedTuple):
    """A push that holds less than the answer of the call `fetch`; order and shop as the platform names them. `events`:
    what it means by itself."""

    fetch: str
    shop: str
    order: str
    events: list[dict[str, Any]]


class Number(NamedTuple):
    """A tracking number that the platform has sent. `reference` is `platform/shop/order`, `carrier` the platform's
    word, empty where it says none."""

    reference: str
    tracking_no: str
    carrier: str


@dataclass
class Mapped:
    """The events, oldest first of each record, and what could not be mapped and why. `thin` are pushes to be completed;
    `orders` are those that were told of, whether that means an event or not; `over` are references of orders whose
    parcels nobody waits for, `again` numbers that the service follows no more; `notices` are for the operator."""

    events: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    thin: list[Thin] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)
    numbers: list[Number] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    again: list[Number] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class _Subject:
    """Whom a record is about. `called` is the shop as the platform calls it."""

    platform: str
    shop: str
    order: str
    called: str = ""


def map_request(source: SourceFile, request: Request, transport: Transport, setting: Mapping[str, Any]) -> Mapped:
    """One body. `setting` stands for the shop's settings: `shop`, `received_at`, `zone`, `shipped_at` and so on.

    Never raises for what is in the body.
    """
    mapper = _Mapper(source, setting, request.query)
    try:
        if transport == "push":
            for document in documents(request, source.body):
                mapper.document(document, "push")
        else:
            mapper.document(of_json(request.body), "poll")
    except UnreadableBody as error:
        mapper.mapped.problems.append(str(error))
    return mapper.mapped


def map_answer(source: SourceFile, document: dict[str, Any], setting: Mapping[str, Any]) -> Mapped:
    """An API's answer, or what of one is to be mapped by itself. Never raises for what is in it."""
    mapper = _Mapper(source, setting, {})
    mapper.document(document, "poll")
    return mapper.mapped


def key_of(source: SourceFile, request: Request, setting: Mapping[str, Any]) -> str | None:
    """`platform/shop` of a push, where it says so; of several messages in it, of the first."""
    try:
        return _Mapper(source, setting, request.query).key(next(documents(request, source.body)))
    except Exception:  # what names no shop, and a mistake of ours, must not cost the push
        return None


class _Mapper:
    def __init__(self, source: SourceFile, setting: Mapping[str, Any], query: Mapping[str, str]) -> None:
        self.mapped = Mapped()
        self._source = source
        received_at = setting.get("received_at")
        self._received_ms = None if received_at is None else from_rfc3339(received_at)
        now = received_at or datetime.now(UTC).isoformat(timespec="milliseconds")
        self._shared = {"_setting": {**setting, "received_at": now}, "_query": query}
        self._zone = ZoneInfo(setting.get("zone") or source.zone)

    def document(self, document: Any, transport: Transport) -> None:
        if not isinstance(document, dict):
            raise UnreadableBody("an object is wanted")
        messages = [each for each in self._source.messages if each.transport == transport]
        for message in messages:
            if hold(message.when, document):
                self._message(message, document)
                return
        self.mapped.problems.append(f"nothing is known of {_marks(messages, document)}")

    def _message(self, message: Message, document: dict[str, Any]) -> None:
        if message.notice is not None:
            self.mapped.notices.append(message.notice)
        try:
            records = list(self._records(message, document))
        except ValueError as error:
            self._cannot(message.name, error)
            return
        for record in records:
            try:
                self._record(message, record, document)
            except ValueError as error:
                self._cannot(message.name, error)

    def key(self, document: dict[str, Any]) -> str | None:
        """Raises ValueError where no shop is named. The receiver asks for it in every push: which message it is only
        matters where some say in their own way whose they are."""
        pushes = [message for message in self._source.messages if message.transport == "push"]
        if not any(each.shop or each.reference or each.records or each.group for each in pushes):
            _, alias = self._shop(None, {**document, **self._shared, "_body": document})
            return shop_key(str(self._source.platform), alias)
        for message in pushes:
            if hold(message.when, document):
                record = next(self._records(message, document), document)
                subject = self._subject(message, {**record, **self._shared, "_body": document})
                return shop_key(subject.platform, subject.shop)
        return None

    def _cannot(self, name: str, why: object) -> None:
        self.mapped.problems.append(f"{name}: {why}")

    def _records(self, message: Message, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
        found = document if message.records is None else message.records.search(document)
        records = found if isinstance(found, list) else [] if found is None else [found]
        good = [record for record in records if isinstance(record, dict)]
        if len(good) < len(records):
            self._cannot(message.name, f"{len(records) - len(good)} of {len(records)} records are no objects")
        if message.group is None:
            yield from (unpacked(record, message.unpack) for record in good)
        else:
            yield from _grouped(message.group, good)

    def _record(self, message: Message, record: dict[str, Any], body: dict[str, Any]) -> None:
        """Raises ValueError where nothing of it can be mapped."""
        scope = {**record, **self._shared, "_body": body}
        if message.as_push is not None:
            self.document(message.as_push.search(scope), "push")
            return
        if message.transport == "poll":
            self._see(message, scope)
        if message.skip is not None and message.skip.hold(scope):
            return
        facts = self._facts(message, scope)
        if not (facts or message.entries or message.fetch or message.numbers):
            return
        subject = self._subject(message, scope)
        first = len(self.mapped.events)
        for fact in facts:
            self._fact(message.name, fact, subject, scope, fact.time or message.time or self._source.time)
        for entries in message.entries:
            self._entries(message.name, entries, subject, scope)
        events = self.mapped.events[first:] = sorted(self.mapped.events[first:], key=_when)
        if message.fetch is not None and subject.order:
            self.mapped.thin.append(Thin(message.fetch, subject.called, subject.order, events))
        if message.numbers is not None and subject.order:
            self._numbers(message.name, message.numbers, subject, scope)

    def _numbers(self, name: str, numbers: Numbers, subject: _Subject, scope: dict[str, Any]) -> None:
        reference = reference_of(subject.platform, subject.shop, subject.order)
        if numbers.over is not None and numbers.over.hold(scope):
            self.mapped.over.append(reference)
            return
        entries = [None] if numbers.each is None else numbers.each.search(scope)
        for entry in entries if isinstance(entries, list) else ():
            here = scope | {"_entry": entry}
            try:
                number = self._value("tracking_no", numbers.tracking_no, here)
                carrier = self._value("carrier", numbers.carrier, here)
            except ValueError as error:
                self._cannot(name, error)
                continue
            found = Number(reference, str(number or ""), str(carrier or ""))
            is_again = numbers.again is not None and numbers.again.hold(here)
            noted = self.mapped.again if is_again else self.mapped.numbers
            if number and found not in noted:
                noted.append(found)

    def _see(self, message: Message, scope: dict[str, Any]) -> None:
        with suppress(ValueError):  # which is told where the record means something
            if order := self._order(message, scope):
                self.mapped.orders.add(order)

    def _facts(self, message: Message, scope: Mapping[str, Any]) -> list[Fact]:
        """The facts a record means. Raises ValueError for a status that isn't known."""
        names: tuple[str, ...] | None = tuple(message.facts)
        if message.status is not None:
            status = self._value("status", message.status, scope) or ""
            known, names = look_up(message.statuses, str(status))
            if not known:
                raise ValueError(f"status {status!r} is not known" if status else "there is no status")
        return [fact for fact in (message.facts[name] for name in names or ()) if fact.holds(scope)]

    def _subject(self, message: Message, scope: Mapping[str, Any]) -> _Subject:
        if message.reference is not None:
            return _referred(str(self._value("reference", message.reference, scope) or ""))
        shop, alias = self._shop(message, scope)
        return _Subject(str(self._source.platform), alias, self._order(message, scope), shop)

    def _shop(self, message: Message | None, scope: Mapping[str, Any]) -> tuple[str, str]:
        """As the platform calls it, and as events do. Raises ValueError where none is named."""
        where = message.shop if message is not None and message.shop is not None else self._source.shop
        shop = self._value("shop", where, scope) or self._shared["_setting"].get("shop")
        if not shop:
            raise ValueError("no shop is named, neither there nor in the settings")
        return str(shop), str(self._shared["_setting"].get("aliases", {}).get(shop, shop))

    def _order(self, message: Message, scope: Mapping[str, Any]) -> str:
        """Empty where none is named. Raises ValueError."""
        return str(self._value("order", message.order or self._source.order, scope) or "")

    def _entries(self, name: str, entries: Entries, subject: _Subject, scope: dict[str, Any]) -> None:
        found: list[tuple[int, dict[str, Any]]] = []
        for entry in self._listed(name, entries, scope):
            here = scope | {"_entry": entry}
            try:
                at_ms = self._time(entries.time, here)
            except ValueError as error:
                self._cannot(name, error)
                continue
            if at_ms is not None:
                found.append((at_ms, here))
        found.sort(key=lambda each: each[0])
        done: set[str] = set()
        for _, here in found:
            for key, fact in entries.facts.items():
                if key not in done and fact.holds(here):
                    happened = self._fact(name, fact, subject, here, fact.time or entries.time)
                    done |= {key} if happened and fact.once else set()

    def _listed(self, name: str, entries: Entries, scope: Mapping[str, Any]) -> list[Any]:
        """Oldest first, as far as their order in the list tells."""
        listed = entries.path.search(scope) or []
        if not isinstance(listed, list):
            self._cannot(name, f"{entries.path.text} is no list")
            return []
        if entries.group is not None:
            return _grouped(entries.group, listed)
        return listed[::-1] if entries.newest_first else listed

    def _fact(self, name: str, fact: Fact, subject: _Subject, scope: dict[str, Any], time: Any) -> bool:
        """Whether there was an event in it."""
        try:
            event = self._event(name, fact, subject, scope, time)
        except ValueError as error:
            self._cannot(name, error)
            return False
        if event is not None:
            self.mapped.events.append(event)
        return event is not None

    def _event(
        self, name: str, fact: Fact, subject: _Subject, scope: dict[str, Any], time: Any
    ) -> dict[str, Any] | None:
        """None where a required detail says nothing. Raises ValueError where it should and can't be read."""
        about_order = fact.type.partition(".")[0] in ("order", "pickup", "tracking")
        if about_order and not subject.order:
            raise ValueError("no order is named")
        at_ms = self._time(time, scope)
        if at_ms is None:
            raise ValueError(f"{fact.type} has no time")
        data: dict[str, Any] = {}
        for field_name, value in fact.data.items():
            try:
                found = self._value(field_name, value, scope)
            except ValueError as error:
                if field_name in fact.require:
                    raise ValueError(f"{field_name} {error}") from None
                self._cannot(name, f"{fact.type} without data.{field_name}: {error}")
                continue
            if found is not None:
                data[field_name] = found
        if any(required not in data for required in fact.require):
            return None
        data |= fact.constants
        names = data | self._names(subject, at_ms, data)
        data |= {name: template.fill(names, scope) for name, template in fact.templates.items()}
        event_id = fact.id.fill(names, scope)
        if self._received_ms is not None and at_ms > self._received_ms + AHEAD_MS:
            at_ms = self._received_ms
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"feed/{self._source.source}",
            "type": fact.type,
            "time": rfc3339(at_ms),
            "platform": subject.platform,
            "shop": subject.shop,
        }
        return event | ({"order": subject.order} if subject.order else {}) | {"data": data}

    def _names(self, subject: _Subject, at_ms: int, data: Mapping[str, Any]) -> dict[str, Any]:
        """What templates may name beside data and paths."""
        day = datetime.fromtimestamp(at_ms / 1000, self._zone).date()
        names: dict[str, Any] = {"platform": subject.platform, "shop": subject.shop, "order": subject.order}
        names |= {"time": at_ms // 1000, "day": day.isoformat(), "quarter": f"{day.year}-Q{(day.month + 2) // 3}"}
        return names | ({"ship_by": from_rfc3339(data["ship_by"]) // 1000} if "ship_by" in data else {})

    def _time(self, value: Any, scope: Mapping[str, Any]) -> int | None:
        """Raises ValueError."""
        if value is None:
            return None
        found = reading.value("starts_at", value, scope, self._source.tables, self._zone)
        return None if found is None else time_ms(found, self._zone)

    def _value(self, name: str, value: Any, scope: Mapping[str, Any]) -> Any:
        return None if value is None else reading.value(name, value, scope, self._source.tables, self._zone)


def _grouped(by: Path, records: list[Any]) -> list[dict[str, Any]]:
    groups: dict[str, list[Any]] = {}
    for record in records:
        groups.setdefault(text(by.search(record)), []).append(record)
    return [{"lines": lines} for lines in groups.values()]


def _when(event: Mapping[str, Any]) -> int:
    return from_rfc3339(event["time"])


def reference_of(platform: str, shop: str, order: str) -> str:
    """What a number is registered with, so that the service's news find their order."""
    return f"{shop_key(platform, shop)}/{encoded(order)}"


def _referred(reference: str) -> _Subject:
    """`platform/shop/order`, as a parcel was registered with a tracking service."""
    parts = reference.split("/", 2)
    if len(parts) != 3 or not all(parts):
        raise ValueError("no reference platform/shop/order is there; numbers are registered with one")
    return _Subject(*map(decoded, parts))


def _marks(messages: list[Message], document: dict[str, Any]) -> str:
    """By what a message that the source file doesn't know can be recognised: `code 99`."""
    paths = [path for message in messages for path in (message.when.paths if message.when else ())]
    marks = {path.text: (word_at(path, document) or "")[:40] for path in paths if "(" not in path.text}
    return ", ".join(f"{path} {word!r}" for path, word in marks.items() if word) or "such a message"
