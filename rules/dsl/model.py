"""Rule packs: YAML text into rules, with every complaint placed at its line."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from rules.calendar.days import knows_country, start_of_day
from rules.calendar.durations import Duration, Share, Span
from rules.calendar.instants import DAWN, NEVER
from rules.dsl.yaml_source import BadPack, Complaint, Source
from rules.expr.conditions import Condition, parse_condition
from rules.kinds.count import Marks
from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.event import Occurrence
from rules.kinds.ledger.evaluator import Ledger
from rules.kinds.level import Level
from rules.kinds.ratio.compiled import Ratio
from rules.kinds.route import Route
from rules.kinds.rule import Confidence, Effective, Place
from rules.kinds.spacing import Spacing
from rules.kinds.streak import Streak
from rules.kinds.tasks import Tasks

AnyRule = Deadline | Silence | Ratio | Marks | Level | Occurrence | Tasks | Spacing | Streak | Route | Ledger

DATED = (Deadline, Silence, Ratio, Occurrence, Tasks, Spacing)
"""Kinds whose versions can take turns by date; of the others a shop has one version for good."""


class Where(NamedTuple):
    """Which shop a rule is asked for; `shop` only where some version names it."""

    platform: str
    site: str | None = None
    programme: str | None = None
    shop: str | None = None


class InForce(Struct, frozen=True):
    """A rule as it holds for a shop, with the place whose days it goes by and the time it is in effect."""

    rule: AnyRule
    place: Place
    site: str | None = None


class Version(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Other parameters (`set`) for some sites, programmes or shops, or for a time (local dates; `effective_to` is not
    in it). Of several the one that names its shop, then its programme, then its site, holds."""

    set: dict[str, Any]
    source: str
    confidence: Confidence
    sites: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    shops: tuple[str, ...] = ()
    effective_from: str | None = None
    effective_to: str | None = None
    at: str = ""  # `file:line`, filled in when read

    def holds_for(self, where: Where) -> bool:
        named = ((self.sites, where.site), (self.programmes, where.programme), (self.shops, where.shop))
        return all(not names or name in names for names, name in named)

    def rank(self) -> tuple[bool, bool, bool]:
        """How particular it is."""
        return bool(self.shops), bool(self.programmes), bool(self.sites)


class Site(Struct, forbid_unknown_fields=True, frozen=True):
    """A country's own shop: whose days and working days its rules go by."""

    zone: str
    calendar: str | None = None


class Trial(Struct, kw_only=True, forbid_unknown_fields=True):
    """One test of a pack: events at `at` after `start`, and exactly the alerts they bring up to `until`; `standing` is
    what must be found in the shop's standing then."""

    name: str
    events: list[dict[str, Any]]
    expect: list[dict[str, Any]]
    until: Duration
    start: str = "2026-01-01T00:00:00Z"
    shop: str = "s1"
    rules: tuple[str, ...] = ()
    standing: dict[str, Any] = {}


class Pack(Struct, kw_only=True, forbid_unknown_fields=True):
    """`platform` is `*` for every platform; days and months are those of `zone`, working days those of `calendar`, or
    those of the shop's site."""

    platform: str
    title: str = ""
    zone: str = "UTC"
    calendar: str | None = None
    sites: dict[str, Site] = {}
    rules: list[AnyRule]
    versions: dict[str, list[Version]] = {}
    tests: list[Trial] = []
    written: dict[str, dict[str, Any]] = {}  # each rule as its author wrote it, filled in when read
    origin: dict[str, str] = {}  # `file:line` of each rule, filled in when read

    def place(self, site: str | None) -> Site:
        return self.sites.get(site or "", Site(self.zone, self.calendar))

    def in_force(self, where: Where) -> list[InForce]:
        """The rules as they hold for a shop, in the pack's order; one for each version that has its time."""
        return [each for rule in self.rules for each in self._of(rule, where)]

    def _of(self, rule: AnyRule, where: Where) -> Iterator[InForce]:
        if (rule.sites and where.site not in rule.sites) or (
            rule.programmes and where.programme not in rule.programmes
        ):
            return
        site = self.place(where.site)
        versions = sorted((v for v in self.versions.get(rule.id, ()) if v.holds_for(where)), key=Version.rank)
        for effective in _spans([(rule.effective_from, rule.effective_to), *_dates(versions)], site.zone):
            first = effective.from_ms
            if not _within(rule, site.zone, first):
                continue
            set_here = [version.set for version in versions if _within(version, site.zone, first)]
            held = rule if not set_here else self.changed(rule.id, set_here)
            yield InForce(held, Place(site.zone, site.calendar, effective), where.site)

    def changed(self, rule_id: str, changes: list[dict[str, Any]]) -> AnyRule:
        """A rule with other parameters. Raises msgspec.ValidationError."""
        written = self.written[rule_id]
        for change in changes:
            written = _merged(written, change)
        return msgspec.convert(written, AnyRule, dec_hook=convert)  # type: ignore[no-any-return]


def _dates(versions: list[Version]) -> list[tuple[str | None, str | None]]:
    return [(version.effective_from, version.effective_to) for version in versions]


def _spans(dates: list[tuple[str | None, str | None]], zone: str) -> list[Effective]:
    """The times between the dates at which something changes."""
    borders = sorted({ms_of(day, zone) for pair in dates for day in pair if day is not None})
    return [Effective(*pair) for pair in zip([DAWN, *borders], [*borders, NEVER], strict=True)]


def _within(dated: AnyRule | Version, zone: str, at_ms: int) -> bool:
    from_ms = DAWN if dated.effective_from is None else ms_of(dated.effective_from, zone)
    return from_ms <= at_ms < (NEVER if dated.effective_to is None else ms_of(dated.effective_to, zone))


def ms_of(day: str, zone: str) -> int:
    """The first instant of a local date. Raises ValueError."""
    return start_of_day(date.fromisoformat(day).toordinal(), zone)


def _merged(written: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A change laid over what was written; mappings are merged, anything else is replaced."""
    merged = dict(written)
    for name, value in change.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def convert(kind: type, written: Any) -> Any:
    """msgspec's hook for the types that packs write in their own way. Raises ValueError."""
    if kind is Share:
        return Share.parse(written)
    if kind is Condition:
        return parse_condition(written)
    if kind is Decimal:
        return _decimal(written)
    if issubclass(kind, Span):
        if not isinstance(written, str):
            raise ValueError(f"{written!r} is no length of time; write it like 72h")
        return kind.parse(written)
    raise NotImplementedError(kind)


def _decimal(written: Any) -> Decimal:
    try:
        number = Decimal(str(written))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or isinstance(written, bool):
        raise ValueError(f"{written!r} is no number")
    return number


def parse(text: str, file: str) -> Pack:
    """Reads a pack. Raises BadPack with everything that is wrong in it."""
    return pack_of(Source(text, file))


def pack_of(source: Source) -> Pack:
    """`parse`, for callers that go on to place complaints of their own."""
    value, versions, written, origin = _taken_apart(source)
    pack = read(Pack, value, source)
    pack.written, pack.origin = written, origin
    pack.versions = {
        rule_id: [
            msgspec.structs.replace(read(Version, each, source, path), at=f"{source.file}:{source.line(path)}")
            for path, each in found
        ]
        for rule_id, found in versions.items()
    }
    from rules.dsl.validate import complaints  # it looks at whole packs, so it can't stand above them

    if found := list(complaints(pack, source)):
        raise BadPack(found)
    return pack


Written = dict[str, list[tuple[str, Any]]]


def _taken_apart(source: Source) -> tuple[Any, Written, dict[str, dict[str, Any]], dict[str, str]]:
    """A pack's value without its rules' `versions`, and these by rule, with their paths; each rule as written, and
    where it stands."""
    value = source.value
    versions: Written = {}
    written: dict[str, dict[str, Any]] = {}
    origin: dict[str, str] = {}
    if not isinstance(value, dict) or not isinstance(value.get("rules"), list):
        return value, versions, written, origin
    rules = []
    for n, rule in enumerate(value["rules"]):
        if isinstance(rule, dict) and isinstance(rule.get("id"), str):
            path = f"$.rules[{n}]"
            own = rule.get("versions", [])
            if not isinstance(own, list):
                raise BadPack([source.complain("versions is a list", f"{path}.versions")])
            rule = {name: part for name, part in rule.items() if name != "versions"}
            if own:
                versions[rule["id"]] = [(f"{path}.versions[{m}]", each) for m, each in enumerate(own)]
            written.setdefault(rule["id"], rule)
            origin.setdefault(rule["id"], f"{source.file}:{source.line(path)}")
        rules.append(rule)
    return value | {"rules": rules}, versions, written, origin


_T = TypeVar("_T")


def read(kind: type[_T], value: Any, source: Source, at: str = "$") -> _T:
    """A value as what it is meant to be. Raises BadPack, saying where it isn't."""
    try:
        return msgspec.convert(value, kind, dec_hook=convert)
    except msgspec.ValidationError as error:
        raise BadPack([placed(error, source, at)]) from None


def placed(error: msgspec.ValidationError, source: Source, at: str = "$") -> Complaint:
    """What msgspec says of a value, at its line."""
    message, _, where = str(error).partition(" - at `")
    path = at + where.rstrip("`").rpartition("$")[2]  # a mapping's key is told as "`key` in `$.its.path`"
    if unknown := re.search("unknown field `(.*)`", message):
        path = f"{path}.{unknown[1]}"
        message += "; is it misspelt, or does it belong to another kind of rule?"
    return source.complain(message, path)


def zone_complaint(zone: str) -> str | None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return f"{zone} is no time zone; write it like Asia/Shanghai"
    return None


def calendar_complaint(calendar: str | None) -> str | None:
    if calendar is None or knows_country(calendar):
        return None
    return f"{calendar} is no country whose holidays are known; write it like CN"
