"""Rule packs: YAML text into rules, with every complaint placed at its line."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec import Struct
from yaml.reader import ReaderError

from rules.calendars import knows_country
from rules.conditions import Condition, parse_condition, rules_named
from rules.durations import BusinessDays, Duration, Share, Span
from rules.events import Mode
from rules.facts import FACT_NAMES
from rules.instants import DAY_MS
from rules.kinds.count import Marks
from rules.kinds.deadline import Deadline, Silence
from rules.kinds.ratio import Ratio
from rules.kinds.rule import Confidence

AnyRule = Deadline | Silence | Ratio | Marks

STAGES: dict[type, tuple[str, ...]] = {
    Deadline: ("due_soon", "overdue"),
    Silence: ("due_soon", "overdue"),
    Ratio: ("near", "crossed"),
    Marks: ("near", "active"),
}
"""The stages each kind of rule can reach."""

_OF_ORDERS = {"order", "shop", "within", "within_h", "due", "judgement", "times"}

NAMES: dict[type, set[str]] = {
    Deadline: _OF_ORDERS,
    Silence: _OF_ORDERS,
    Ratio: {"shop", "value", "numerator", "denominator", "threshold", "headroom", "period"},
    Marks: {"shop", "value", "threshold", "headroom", "sanction", "until"},
}
"""What each kind's summaries can name."""


class Trial(Struct, kw_only=True, forbid_unknown_fields=True):
    """One test of a pack: events at `at` after `start`, and exactly the alerts they bring up to `until`."""

    name: str
    events: list[dict[str, Any]]
    expect: list[dict[str, Any]]
    until: Duration
    start: str = "2026-01-01T00:00:00Z"
    shop: str = "s1"
    rules: tuple[str, ...] = ()


class Pack(Struct, kw_only=True, forbid_unknown_fields=True):
    """`platform` is `*` for every platform; days and months are those of `zone`."""

    platform: str
    title: str = ""
    zone: str = "UTC"
    rules: list[AnyRule]
    tests: list[Trial] = []


class Complaint(Struct, frozen=True):
    """What is wrong, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class BadPack(ValueError):
    """A pack that can't be used; `complaints` say why, each with its line."""

    def __init__(self, complaints: list[Complaint]) -> None:
        super().__init__("\n".join(map(str, complaints)))
        self.complaints = complaints


class _Loader(yaml.SafeLoader):
    """Safe YAML in which dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Source:
    """A pack's text as plain values, remembering the line of each."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines: dict[str, int] = {}
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            self.value = None if node is None else self._read(loader, node, "$")
        except ReaderError as error:
            line = 1 + text.count("\n", 0, error.position)
            raise BadPack([Complaint(file, line, f"the character {chr(error.character)!r} can't stand here")]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise BadPack([Complaint(file, 1 + (mark.line if mark else 0), str(error.problem))]) from None
        except RecursionError:  # an alias inside its own anchor, or thousands of brackets
            raise BadPack([Complaint(file, 1, "is nested too deeply")]) from None

    def _read(self, loader: _Loader, node: yaml.Node, path: str) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(loader, part, f"{path}[{n}]") for n, part in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(loader, node, path)
        try:
            return loader.construct_object(node)
        except ValueError:  # `!!int abc`, or more digits than Python reads
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(problem=f"can't be read as {kind}", problem_mark=node.start_mark) from None

    def _read_mapping(self, loader: _Loader, node: yaml.MappingNode, path: str) -> Any:
        read: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in read:
                raise yaml.MarkedYAMLError(problem=f"{key} stands here a second time", problem_mark=key_node.start_mark)
            self._lines[f"{path}.{key}"] = key_node.start_mark.line + 1
            read[key] = self._read(loader, value_node, f"{path}.{key}")
        if "value" in read and path.startswith("$.rules"):
            return self._parameter(read, node)
        return read

    def _parameter(self, read: dict[str, Any], node: yaml.Node) -> Any:
        """`{value: 48h, source: …, confidence: ours}`: a value that comes from elsewhere than its rule."""
        if set(read) != {"value", "source", "confidence"}:
            raise yaml.MarkedYAMLError(
                problem="a value with its own origin has exactly value, source and confidence",
                problem_mark=node.start_mark,
            )
        if read["confidence"] not in get_args(Confidence):
            known = ", ".join(get_args(Confidence))
            raise yaml.MarkedYAMLError(problem=f"confidence is one of {known}", problem_mark=node.start_mark)
        return read["value"]

    def complain(self, message: str, path: str = "$") -> Complaint:
        """A complaint about what stands at `path` (`$.rules[2].within`), or at what holds it."""
        while path not in self._lines and path != "$":
            path = re.sub(r"(\.[^.\[]*|\[[^\]]*\])$", "", path) or "$"
        return Complaint(self.file, self._lines.get(path, 1), message)


def _convert(kind: type, written: Any) -> Any:
    if kind is Share:
        return Share.parse(written)
    if kind is Condition:
        return parse_condition(written)
    if issubclass(kind, Span):
        if not isinstance(written, str):
            raise ValueError(f"{written!r} is no length of time; write it like 72h")
        return kind.parse(written)
    raise NotImplementedError(kind)


def parse(text: str, file: str) -> Pack:
    """Reads a pack. Raises BadPack with everything that is wrong in it."""
    return pack_of(Source(text, file))


def pack_of(source: Source) -> Pack:
    """`parse`, for callers that go on to place complaints of their own."""
    try:
        pack = msgspec.convert(source.value, Pack, dec_hook=_convert)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        path = path.rstrip("`") or "$"
        if unknown := re.search("unknown field `(.*)`", message):
            path = f"{path}.{unknown[1]}"
        raise BadPack([source.complain(message, path)]) from None
    if complaints := list(_complaints(pack, source)):
        raise BadPack(complaints)
    return pack


def _complaints(pack: Pack, source: Source) -> Iterator[Complaint]:
    try:
        ZoneInfo(pack.zone)
    except (KeyError, ValueError, OSError):
        yield source.complain(f"{pack.zone} is no time zone; write it like Asia/Shanghai", "$.zone")
    timers = {rule.id for rule in pack.rules if isinstance(rule, Deadline | Silence)}
    seen: set[str] = set()
    for n, rule in enumerate(pack.rules):
        at = f"$.rules[{n}]"
        if rule.id in seen:
            yield source.complain(f"{rule.id} is defined a second time", f"{at}.id")
        seen.add(rule.id)
        for where, message in [*_general(rule, pack), *_particular(rule, timers)]:
            yield source.complain(f"{rule.id}: {message}", f"{at}.{where}")
    for n, trial in enumerate(pack.tests):
        for rule_id in {*trial.rules, *(str(alert.get("rule")) for alert in trial.expect)} - seen:
            yield source.complain(f"{rule_id} is no rule of this pack", f"$.tests[{n}].expect")
        for where, message in _of_trial(trial):
            yield source.complain(message, f"$.tests[{n}].{where}")


def _of_trial(trial: Trial) -> Iterator[tuple[str, str]]:
    for field in ("events", "expect"):
        for n, written in enumerate(getattr(trial, field)):
            at = written.get("at")
            try:
                if not isinstance(at, str):
                    raise ValueError("`at` is missing" if at is None else f"{at!r} is no length of time")
                Duration.parse(at)
            except ValueError as error:
                yield f"{field}[{n}].at", str(error)


def _general(rule: AnyRule, pack: Pack) -> Iterator[tuple[str, str]]:
    family = "job" if pack.platform == "*" else pack.platform
    if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9_]+", rule.id):
        yield "id", "an id is <platform>.<name> in small letters"
    elif pack.platform != "*" and not rule.id.startswith(f"{family}."):
        yield "id", f"the pack is for {pack.platform}, so its ids begin with {family}."
    for field in ("severity", "summary"):
        written = set(getattr(rule, field))
        if odd := written - set(STAGES[type(rule)]):
            yield field, f"{', '.join(sorted(odd))} is no stage of this kind"
        needed = set(stages_of(rule)) - ({"due_soon"} if field == "severity" else set())
        if missing := needed - written:
            yield field, f"no {field} for {', '.join(sorted(missing))}"
    for stage, text in rule.summary.items():
        try:
            fields = list(Formatter().parse(text))
        except ValueError as error:
            yield f"summary.{stage}", f"{text!r}: {error}"
            continue
        for _, name, spec, conversion in fields:
            if name is not None and (name not in _nameable(rule, stage) or spec or conversion):
                yield f"summary.{stage}", f"{{{name}}} is nothing a summary can name here"


def _nameable(rule: AnyRule, stage: str) -> set[str]:
    names = NAMES[type(rule)]
    if isinstance(rule, Deadline) and isinstance(rule.within, BusinessDays):
        return names - {"within_h"}
    return names - {"until"} if stage == "near" else names


def stages_of(rule: AnyRule) -> Iterator[str]:
    """The stages a rule really has."""
    if isinstance(rule, Deadline | Silence):
        yield "overdue"
        if rule.warn:
            yield "due_soon"
        return
    if rule.near is not None:
        yield "near"
    if isinstance(rule, Marks):
        yield "active"
    elif rule.threshold is not None:
        yield "crossed"


def _particular(rule: AnyRule, timers: set[str]) -> Iterator[tuple[str, str]]:
    if isinstance(rule, Deadline | Silence):
        starts = (rule.from_,) if isinstance(rule, Deadline) else rule.after
        for field, facts in (
            ("from" if isinstance(rule, Deadline) else "after", starts),
            ("until", rule.until),
        ):
            if not facts:
                yield field, f"{field} names no fact"
            for fact in set(facts) - set(FACT_NAMES):
                yield field, f"{fact} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
        if int(rule.within) <= 0:
            yield "within", "must be longer than nothing"
        if rule.where is not None and rules_named(rule.where):
            yield "where", "looks at an order's facts, not at other rules"
        if isinstance(rule, Deadline):
            yield from _of_deadline(rule)
        return
    for other in rule.leans_on() - timers:
        yield (
            ("numerator" if isinstance(rule, Ratio) else "late"),
            f"{other} is no deadline rule of this pack",
        )
    if isinstance(rule, Marks):
        if rule.threshold < 1:
            yield "threshold", "must be at least 1"
        elif rule.near is not None and not 0 < rule.near < rule.threshold:
            yield "near", f"must be at least 1 and below the threshold of {rule.threshold}"
        return
    if rule.anchor not in FACT_NAMES:
        yield "anchor", f"{rule.anchor} is no fact of an order; facts are {', '.join(FACT_NAMES)}"
    if rule.near is not None and (rule.threshold is None or rule.near >= rule.threshold):
        yield "near", "must lie below threshold"
    if rule.window.align == "rolling":
        for field, length in (("length", rule.window.length), ("lag", rule.window.lag)):
            if length % DAY_MS:
                yield f"window.{field}", "must be whole days"
        if rule.window.length < DAY_MS:
            yield "window.length", "must be at least a day"
    if rule.at_least < 1:
        yield "at_least", "must be at least 1"


def _of_deadline(rule: Deadline) -> Iterator[tuple[str, str]]:
    for mode in set(rule.modes) - set(get_args(Mode)):
        yield "modes", f"{mode} is no mode of an order; modes are {', '.join(get_args(Mode))}"
    if isinstance(rule.within, BusinessDays):
        if rule.calendar is None:
            yield "within", "working days need a calendar, such as CN"
        elif not knows_country(rule.calendar):
            yield "calendar", f"{rule.calendar} is no country whose holidays are known"
    elif rule.calendar is not None:
        yield "calendar", "a calendar goes with working days (2bd)"
    if rule.again is not None and (rule.again.every <= 0 or rule.again.times < 2):
        yield "again", "wants a time above nothing and at least 2 times"
