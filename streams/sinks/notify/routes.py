"""Which alerts go to whom, and when: a YAML list of routes, `notify.yaml`.

    - name: shenzhen-warehouse
      to: dingtalk://…             # an Apprise URL
      platforms: [joom, douyin]
      parties: [warehouse]         # alerts with something for the warehouse to do
      severity: critical           # and worse than that there is none
      quiet: "22:00-07:00"
      zone: Asia/Shanghai
      language: zh
      weekly: mon 08:00            # the report of last week

What a route leaves out fits everything. An alert goes to every route that it fits.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from rules.calendar.counting import TimeOfDay
from rules.dsl.model import zone_problem
from rules.dsl.reader import read
from rules.dsl.yaml_source import BadPack, Source
from rules.messages.alerts import Addressee, Alert, Severity
from rules.plan.rule_book import RuleBook
from streams.settings import BadSettingError
from streams.sinks.notify.weekly import WeeklyTime

RANK: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}

_QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")


class Route(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Alerts of these platforms and shops that are at least this severe and ask something of one of these parties.

    In `quiet` hours digests wait for their end. They, and the times in digests, are those of `zone`, else of the shop.
    `every` is the minutes between two digests of one shop. `weekly` is when the weekly report of these shops is sent,
    in `zone`, else in UTC.
    """

    name: str
    to: str
    platforms: tuple[str, ...] = ()
    shops: tuple[str, ...] = ()
    severity: Severity = "warning"
    parties: tuple[Addressee, ...] = ()
    quiet: str | None = None
    zone: str | None = None
    language: Literal["en", "zh"] = "en"
    every: int | None = None
    weekly: str | None = None

    def __repr__(self) -> str:
        """Without `to`, which holds addresses and secrets."""
        return f"Route({self.name!r})"

    def fits(self, alert: Alert) -> bool:
        return (
            (not self.platforms or alert.platform in self.platforms)
            and (not self.shops or alert.shop in self.shops)
            and RANK[alert.data.severity] >= RANK[self.severity]
            and (not self.parties or any(action.to in self.parties for action in alert.data.actions))
        )

    def is_quiet(self, now_ms: int, zone: str) -> bool:
        """Whether these are quiet hours at an instant (epoch ms), in its own zone or else this one."""
        if self.quiet is None:
            return False
        start, end = _times(self.quiet)
        now = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone or zone))
        at = timedelta(hours=now.hour, minutes=now.minute)
        return start <= at < end if start < end else at >= start or at < end


def _times(quiet: str) -> tuple[timedelta, timedelta]:
    """The start and end of quiet hours. Raises ValueError."""
    found = _QUIET.fullmatch(quiet)
    if found is None:
        raise ValueError
    start, end = (timedelta(milliseconds=TimeOfDay.parse(text)) for text in found.groups())
    if start == end:
        raise ValueError
    return start, end


def load(file: Path) -> list[tuple[str, Route]]:
    """The routes, each with its `file:line`. Raises BadSettingError with `file:line: message`."""
    try:
        source = Source(file.read_text(encoding="utf-8-sig"), str(file))
        routes = read(list[Route], source.value, source)
        names: set[str] = set()
        for n, route in enumerate(routes):
            for where, message in _diagnostics(route, names):
                raise BadPack([source.diagnose(message, f"$[{n}].{where}")])
            names.add(route.name)
    except BadPack as error:
        raise BadSettingError(str(error)) from None
    except UnicodeDecodeError:
        raise BadSettingError(f"{file}:1: is no YAML in UTF-8") from None
    except OSError as error:
        raise BadSettingError(f"{file}: {error.strerror}") from None
    return [(f"{file}:{source.line(f'$[{n}]')}", route) for n, route in enumerate(routes)]


def _diagnostics(route: Route, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a route, and where."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", route.name):
        yield "name", "a name is small letters, digits and hyphens, and begins with a letter"
    if route.name in names:
        yield "name", f"{route.name} is the name of another route, too"
    if route.severity == "info":
        yield "severity", "digests leave out alerts of severity info: it is warning or critical"
    if route.zone is not None and (wrong := zone_problem(route.zone)):
        yield "zone", wrong
    if route.quiet is not None:
        try:
            _times(route.quiet)
        except ValueError:
            yield "quiet", f'{route.quiet!r} are no quiet hours; write them like "22:00-07:00"'
    if route.weekly is not None:
        try:
            WeeklyTime.parse(route.weekly)
        except ValueError:
            yield "weekly", f"{route.weekly!r} is no day and time; write it like mon 08:00"
    if route.every is not None and not 0 < route.every <= 10_000:
        yield "every", "is a number of minutes from 1 to 10000"


def sent_to_nobody(routes: Sequence[tuple[str, Route]], book: RuleBook, *, by_others: bool) -> Iterator[str]:
    """What is sent to nobody: routes that fit no alert of the packs, and, unless all of it goes to others as well,
    platforms that no route fits."""
    platforms = {pack.platform for pack in book.packs}
    for at, route in routes:
        if why := _fits_nothing(route, platforms, book):
            yield f"{at}: route {route.name} fits no alert: {why}"
    if not by_others and "*" not in platforms:
        for platform in sorted(platforms):
            if not any(not route.platforms or platform in route.platforms for _, route in routes):
                yield f"alerts of {platform} go to nobody: no route fits them"


def _fits_nothing(route: Route, platforms: set[str], book: RuleBook) -> str | None:
    if route.platforms and "*" not in platforms and not platforms & set(route.platforms):
        return f"no pack is for {' or '.join(route.platforms)}"
    rules = [
        rule
        for pack in book.packs
        for rule in pack.rules
        if not route.platforms or pack.platform in ("*", *route.platforms)
    ]
    named = {action.to for rule in rules for action in rule.actions}
    if route.parties and not named & set(route.parties):
        others = f"; they ask it of {', '.join(sorted(named))}" if named else ""
        return f"no rule asks anything of {' or '.join(route.parties)}{others}"
    return None


assert set(RANK) == set(get_args(Severity))
