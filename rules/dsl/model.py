"""The model of a rule pack, as YAML text is converted to it."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from rules.calendar.counting import TimeOfDay, WorkingWeek
from rules.calendar.days import start_of_day
from rules.calendar.durations import Duration, Share, Span
from rules.calendar.instants import MIN_MS, NEVER
from rules.expr.conditions import Condition, parse_condition
from rules.kinds.registry import AnyRule, InForce
from rules.kinds.rule import Confidence, Effective, Locale


class Where(NamedTuple):
    """The shop for which rules are asked; `shop` is set only if some version names it."""

    platform: str
    site: str | None = None
    programme: str | None = None
    shop: str | None = None


class Version(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Other parameters (`set`) for some sites, programmes or shops, or for a time (local dates; `effective_to` is
    excluded). If several match, one that names the shop wins over one that names the programme, and that over one for
    the site."""

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
        """How specific the version is; a higher rank wins."""
        return bool(self.shops), bool(self.programmes), bool(self.sites)


class Site(Struct, forbid_unknown_fields=True, frozen=True):
    """A country's site: its time zone and working-day calendar."""

    zone: str
    calendar: str | None = None


class PackTest(Struct, kw_only=True, forbid_unknown_fields=True):
    """One test of a pack: events at `at` after `start`, and exactly the alerts they bring up to `until`. `standing` is
    a part of what the shop's standing must be then."""

    name: str
    events: list[dict[str, Any]]
    expect: list[dict[str, Any]]
    until: Duration
    start: str = "2026-01-01T00:00:00Z"
    shop: str = "s1"
    rules: tuple[str, ...] = ()
    standing: dict[str, Any] = {}


class Pack(Struct, kw_only=True, forbid_unknown_fields=True):
    """`platform` is `*` for every platform. Days and months are those of `zone`, working days those of `calendar`, or
    those of the shop's site. `chinese`: what its summaries, effects and names are in Chinese, by the English."""

    platform: str
    title: str = ""
    zone: str = "UTC"
    calendar: str | None = None
    sites: dict[str, Site] = {}
    rules: list[AnyRule]
    versions: dict[str, list[Version]] = {}
    chinese: dict[str, str] = {}
    tests: list[PackTest] = []
    written: dict[str, dict[str, Any]] = {}  # each rule as its author wrote it, filled in when read
    origin: dict[str, str] = {}  # `file:line` of each rule, filled in when read

    def site_of(self, site: str | None) -> Site:
        return self.sites.get(site or "", Site(self.zone, self.calendar))

    def in_force(self, where: Where) -> list[InForce]:
        """The rules in force for a shop, in the pack's order; one for each version and the time in which it is in
        effect."""
        return [each for rule in self.rules for each in self._of(rule, where)]

    def _of(self, rule: AnyRule, where: Where) -> Iterator[InForce]:
        if (rule.sites and where.site not in rule.sites) or (
            rule.programmes and where.programme not in rule.programmes
        ):
            return
        site = self.site_of(where.site)
        versions = sorted((v for v in self.versions.get(rule.id, ()) if v.holds_for(where)), key=Version.rank)
        for effective in _spans([(rule.effective_from, rule.effective_to), *_dates(versions)], site.zone):
            first = effective.from_ms
            if not _within(rule, site.zone, first):
                continue
            set_here = [version.set for version in versions if _within(version, site.zone, first)]
            held = rule if not set_here else self.changed(rule.id, set_here)
            yield InForce(held, Locale(site.zone, site.calendar, effective), where.site)

    def changed(self, rule_id: str, changes: list[dict[str, Any]]) -> AnyRule:
        """A rule with other parameters. Raises msgspec.ValidationError."""
        written = self.written[rule_id]
        for change in changes:
            written = _merged(written, change)
        return msgspec.convert(written, AnyRule, dec_hook=convert)  # type: ignore[no-any-return]


def _dates(versions: list[Version]) -> list[tuple[str | None, str | None]]:
    return [(version.effective_from, version.effective_to) for version in versions]


def _spans(dates: list[tuple[str | None, str | None]], zone: str) -> list[Effective]:
    """The spans between the dates at which something changes."""
    boundaries = sorted({ms_of(day, zone) for pair in dates for day in pair if day is not None})
    return [Effective(*pair) for pair in zip([MIN_MS, *boundaries], [*boundaries, NEVER], strict=True)]


def _within(dated: AnyRule | Version, zone: str, at_ms: int) -> bool:
    from_ms = MIN_MS if dated.effective_from is None else ms_of(dated.effective_from, zone)
    return from_ms <= at_ms < (NEVER if dated.effective_to is None else ms_of(dated.effective_to, zone))


def ms_of(day: str, zone: str) -> int:
    """The first instant of a local date. Raises ValueError."""
    return start_of_day(date.fromisoformat(day).toordinal(), zone)


def _merged(written: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A change laid over what was written: mappings are merged, anything else is replaced."""
    merged = dict(written)
    for name, value in change.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def convert(kind: type, written: Any) -> Any:
    """msgspec's `dec_hook` for types that packs write in their own form. Raises ValueError."""
    if kind is Share:
        return Share.parse(written)
    if kind is Condition:
        return parse_condition(written)
    if kind is Decimal:
        return _decimal(written)
    if issubclass(kind, TimeOfDay | WorkingWeek):
        return kind.parse(written)
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


def zone_problem(zone: str) -> str | None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return f"{zone} is no time zone; write it like Asia/Shanghai"
    return None
