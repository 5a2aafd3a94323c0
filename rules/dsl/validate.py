"""Validates a pack: finds what contradicts itself, each diagnostic with its place."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from string import Formatter

import msgspec

from rules.calendar.days import unknown_calendar
from rules.calendar.durations import Duration
from rules.dsl.clauses import is_known
from rules.dsl.model import Pack, PackTest, Version, zone_problem
from rules.dsl.phrases import chinese_diagnostics
from rules.dsl.yaml_source import Diagnostic, Source
from rules.kinds.rule import FieldDiagnostic, Reference, Rule


def diagnostics(pack: Pack, source: Source) -> Iterator[Diagnostic]:
    """Everything that is wrong in a pack that could be read."""
    yield from (source.diagnose(message, path) for path, message in _places(pack))
    seen: set[str] = set()
    by_id: dict[str, Rule] = {rule.id: rule for rule in pack.rules}
    for n, rule in enumerate(pack.rules):
        at = f"$.rules[{n}]"
        if rule.id in seen:
            yield source.diagnose(f"{rule.id} is defined a second time", f"{at}.id")
        seen.add(rule.id)
        for where, message in _of_rule(rule, by_id, pack):
            yield source.diagnose(f"{rule.id}: {message}", f"{at}.{where}")
        yield from _of_versions(pack, rule, source, at)
    yield from _circles(by_id, pack, source)
    yield from (source.diagnose(message, path) for path, message in chinese_diagnostics(pack))
    for n, pack_test in enumerate(pack.tests):
        for rule_id in sorted({*pack_test.rules, *(str(alert.get("rule")) for alert in pack_test.expect)} - seen):
            yield source.diagnose(f"{rule_id} is no rule of this pack", f"$.tests[{n}].expect")
        for where, message in _of_pack_test(pack_test):
            yield source.diagnose(message, f"$.tests[{n}].{where}")


def _places(pack: Pack) -> Iterator[FieldDiagnostic]:
    places: list[tuple[str, str, str | None]] = [("$", pack.zone, pack.calendar)]
    places += [(f"$.sites.{name}", site.zone, site.calendar) for name, site in pack.sites.items()]
    for path, zone, calendar in places:
        if wrong := zone_problem(zone):
            yield f"{path}.zone", wrong
        if wrong := unknown_calendar(calendar):
            yield f"{path}.calendar", wrong


def _of_rule(
    rule: Rule, by_id: Mapping[str, Rule], pack: Pack, sites: Collection[str] = ()
) -> Iterator[FieldDiagnostic]:
    """`sites`: the only ones for which it says so, where it is a version."""
    yield from _names(rule, pack)
    yield from rule.naming_diagnostics()
    yield from _link(rule)
    yield from rule.diagnostics()
    yield from _stages(rule)
    yield from _references(rule, by_id)
    yield from _dates(rule.effective_from, rule.effective_to)
    if (rule.effective_from or rule.effective_to) and not rule.DATED:
        yield (
            "effective_from" if rule.effective_from else "effective_to",
            "this kind can't be limited to a time",
        )
    yield from rule.calendar_diagnostics(_calendars(pack, sites or rule.sites))
    for name in sorted(set(rule.sites) - set(pack.sites)):
        yield "sites", f"{name} is no site of this pack; they are {', '.join(pack.sites) or 'none'}"


def _calendars(pack: Pack, sites: Collection[str]) -> list[str | None]:
    """The calendars of these sites; where none are named, of the pack and of each site."""
    own = [site.calendar for name, site in pack.sites.items() if not sites or name in sites]
    return own if sites else [pack.calendar, *own]


def _names(rule: Rule, pack: Pack) -> Iterator[FieldDiagnostic]:
    if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9_]+", rule.id):
        yield "id", "an id is <platform>.<name> in small letters"
    elif pack.platform != "*" and not rule.id.startswith(f"{pack.platform}."):
        yield "id", f"the pack is for {pack.platform}, so its ids begin with {pack.platform}."
    for where, clause in rule.clauses():
        if not is_known(clause, pack.platform):
            yield where, f"{clause} is no clause of {pack.platform}; a rule of your own cites own-…"


def _link(rule: Rule) -> Iterator[FieldDiagnostic]:
    if rule.link is not None and not re.fullmatch(r"https?://[!-~]+", rule.link):
        yield "link", "link is an address that begins with https:// or http://"


def _stages(rule: Rule) -> Iterator[FieldDiagnostic]:
    stages = set(rule.stages())
    for field, needed in (("severity", stages - rule.WARNED), ("summary", stages)):
        written = set(getattr(rule, field))
        if odd := written - stages - (rule.WARNED if field == "summary" else set()):
            yield (
                field,
                f"{', '.join(sorted(odd))} is no stage of this rule; it has {', '.join(rule.stages()) or 'none'}",
            )
        if missing := needed - written:
            yield field, f"no {field} for {', '.join(sorted(missing))}"
    for n, advice in enumerate(rule.actions):
        if odd := set(advice.at) - stages:
            yield f"actions[{n}].at", f"{', '.join(sorted(odd))} is no stage of this rule"
    for stage, text in rule.summary.items():
        yield from ((f"summary.{stage}", message) for message in _of_summary(rule, stage, text))


def _of_summary(rule: Rule, stage: str, text: str) -> Iterator[str]:
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        yield f"{text!r}: {error}"
        return
    names = rule.summary_names(stage)
    for _, name, spec, conversion in fields:
        if name is not None and (name not in names or spec or conversion):
            yield f"{{{name}}} is nothing a summary can name here; it can {', '.join(sorted(names))}"


def _references(rule: Rule, by_id: Mapping[str, Rule]) -> Iterator[FieldDiagnostic]:
    references = list(rule.references())
    for each in references:
        found = by_id.get(each.rule)
        if found is None or each.role not in found.ROLES:
            yield each.where, f"{each.rule} is no {each.role} of this pack"
    for each in references:
        found = by_id.get(each.rule)
        if found is not None and each.role in found.ROLES:
            yield from each.check(found)
            if each.needed:
                yield from _of_fewer_shops(rule, each, found)


def _of_fewer_shops(rule: Rule, reference: Reference, found: Rule) -> Iterator[FieldDiagnostic]:
    """That a rule is named for shops which don't have it."""
    wanted = (reference.sites or rule.sites, rule.programmes)
    for word, limit, own in zip(("sites", "programmes"), (found.sites, found.programmes), wanted, strict=True):
        if limit and not (own and set(own) <= set(limit)):
            yield reference.where, f"{found.id} is only for the {word} {', '.join(limit)}: limit this to them, too"


def _dates(effective_from: str | None, effective_to: str | None) -> Iterator[FieldDiagnostic]:
    for field, day in (("effective_from", effective_from), ("effective_to", effective_to)):
        if day is not None and not _is_date(day):
            yield field, f"{day} is no date; write it like 2024-01-01"
            return
    if effective_from is not None and effective_to is not None and effective_from >= effective_to:
        yield "effective_to", f"must lie after {effective_from}"


def _is_date(day: str) -> bool:
    try:
        return 2001 <= date.fromisoformat(day).year < 2100 and len(day) == 10
    except ValueError:
        return False


def _of_versions(pack: Pack, rule: Rule, source: Source, at: str) -> Iterator[Diagnostic]:
    versions = pack.versions.get(rule.id, [])
    for m, version in enumerate(versions):
        path = f"{at}.versions[{m}]"
        for where, message in of_version(pack, rule, version):
            yield source.diagnose(f"{rule.id}: {message}", f"{path}.{where}")
        for other in versions[:m]:
            if overlap(version, other):
                yield source.diagnose(f"{rule.id}: overlaps with the version at {other.at}", path)


def of_version(pack: Pack, rule: Rule, version: Version) -> Iterator[FieldDiagnostic]:
    """What is wrong with the parameters of one version."""
    yield from _dates(version.effective_from, version.effective_to)
    if (version.effective_from or version.effective_to) and not rule.DATED:
        yield "effective_from", "versions of this kind can't take turns by date"
    for name in sorted(set(version.sites) - set(pack.sites)):
        yield "sites", f"{name} is no site of this pack; they are {', '.join(pack.sites) or 'none'}"
    if fixed := {"id", "kind", "clause", "versions", "effective_from", "effective_to", "sites"} & set(version.set):
        yield "set", f"{', '.join(sorted(fixed))} can't be set for a part of the shops"
        return
    try:
        changed = pack.changed(rule.id, [version.set])
    except msgspec.ValidationError as error:
        yield f"set.{placed_field(error)}", str(error).partition(" - at `")[0]
        return
    by_id: dict[str, Rule] = {each.id: each for each in pack.rules}
    before = set(_of_rule(rule, {**by_id, rule.id: rule}, pack))
    by_id[rule.id] = changed
    for where, message in _of_rule(changed, by_id, pack, version.sites):
        # Summaries of stages that only other versions have are not checked: this one never uses them.
        left_over = "is no stage of this rule" in message and re.split(r"[.\[]", where)[0] not in version.set
        if (where, message) not in before and not left_over:
            yield f"set.{where}", message
    if changed == rule:
        yield "set", "changes nothing"


def placed_field(error: msgspec.ValidationError) -> str:
    """The path of the field that msgspec's error is about."""
    unknown = re.search("unknown field `(.*)`", str(error))
    path = str(error).partition(" - at `")[2].rstrip("`").rpartition("$")[2].lstrip(".")
    return ".".join(part for part in (path, unknown[1] if unknown else "") if part)


def overlap(one: Version, other: Version) -> bool:
    """Whether two versions of equal rank could apply to one shop at one time."""
    for mine, others in ((one.sites, other.sites), (one.programmes, other.programmes), (one.shops, other.shops)):
        if bool(mine) != bool(others) or (mine and not set(mine) & set(others)):
            return False
    starts = max(one.effective_from or "", other.effective_from or "")
    ends = min(one.effective_to or "9999", other.effective_to or "9999")
    return starts < ends and bool(set(one.set) & set(other.set))


def _circles(by_id: Mapping[str, Rule], pack: Pack, source: Source) -> Iterator[Diagnostic]:
    """Rules that depend on each other in a circle."""
    for n, rule in enumerate(pack.rules):
        reached, ahead = set[str](), set(rule.depends_on())
        while ahead:
            other = ahead.pop()
            if other not in reached and other in by_id:
                reached.add(other)
                ahead |= by_id[other].depends_on()
        if rule.id in reached:
            yield source.diagnose(f"{rule.id}: depends on itself", f"$.rules[{n}]")


def _of_pack_test(pack_test: PackTest) -> Iterator[FieldDiagnostic]:
    for field in ("events", "expect"):
        for n, written in enumerate(getattr(pack_test, field)):
            at = written.get("at")
            try:
                if not isinstance(at, str):
                    raise ValueError("`at` is missing" if at is None else f"{at!r} is no length of time")
                Duration.parse(at)
            except ValueError as error:
                yield f"{field}[{n}].at", str(error)
