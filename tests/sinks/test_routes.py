"""Routes of digests: whom they fit, when they are quiet, and every mistake at its line."""

from pathlib import Path
from typing import Any

import pytest

from rules.calendar.instants import from_rfc3339
from rules.plan.rule_book import RuleBook
from streams.settings import BadSettingError
from streams.sinks.notify.routes import Route, load, sent_to_nobody
from tests.rules.history import pack_file
from tests.sinks.support import alert, read

JOOM = RuleBook([pack_file("rules/packs/joom.yaml")])
JOOM_AND_OZON = RuleBook([pack_file("rules/packs/joom.yaml"), pack_file("rules/packs/ozon.yaml")])

SHIP = [{"to": "warehouse", "do": "ship_first"}]
PAY = [{"to": "finance", "do": "check_deposit"}]


def route(**parts: Any) -> Route:
    return Route(name="a", to="json://localhost", **parts)


@pytest.mark.parametrize(
    ("parts", "of", "fits"),
    [
        ({}, {}, True),
        ({"platforms": ("joom", "ozon")}, {}, True),
        ({"platforms": ("ozon",)}, {}, False),
        ({"shops": ("s17",)}, {}, True),
        ({"shops": ("s18",)}, {}, False),
        ({"severity": "critical"}, {}, True),
        ({"severity": "critical"}, {"severity": "warning"}, False),
        ({}, {"severity": "warning"}, True),
        ({"parties": ("warehouse", "finance")}, {"actions": PAY}, True),
        ({"parties": ("warehouse",)}, {"actions": [*PAY, *SHIP]}, True),
        ({"parties": ("warehouse",)}, {"actions": PAY}, False),
        ({"parties": ("warehouse",)}, {}, False),
    ],
)
def test_an_alert_fits_by_platform_shop_severity_and_party(parts: Any, of: Any, fits: bool) -> None:
    assert route(**parts).fits(read(alert(**of))) is fits


def test_a_route_that_gets_into_a_log_does_not_show_where_it_leads() -> None:
    shown = repr(Route(name="shenzhen", to="dingtalk://token@phone"))
    assert shown == "Route('shenzhen')"


@pytest.mark.parametrize(
    ("quiet", "at", "is_quiet"),
    [
        ("22:00-07:00", "2026-01-01T13:59:59Z", False),  # 21:59:59 in Shanghai
        ("22:00-07:00", "2026-01-01T14:00:00Z", True),
        ("22:00-07:00", "2026-01-01T22:59:00Z", True),
        ("22:00-07:00", "2026-01-01T23:00:00Z", False),
        ("12:00-13:30", "2026-01-01T05:00:00Z", True),
        ("12:00-13:30", "2026-01-01T05:30:00Z", False),
        (None, "2026-01-01T14:00:00Z", False),
    ],
)
def test_quiet_hours_are_of_the_routes_zone(quiet: str | None, at: str, is_quiet: bool) -> None:
    assert route(quiet=quiet, zone="Asia/Shanghai").is_quiet(from_rfc3339(at), "UTC") is is_quiet
    assert route(quiet=quiet).is_quiet(from_rfc3339(at), "Asia/Shanghai") is is_quiet


def written(folder: Path, text: str) -> Path:
    file = folder / "notify.yaml"
    file.write_text(text)
    return file


ONE = "- {name: one, to: 'json://h', %s}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: one}", "notify.yaml:1: Object missing required field `to`"),
        (ONE % "platform: joom", "notify.yaml:1: Object contains unknown field `platform`"),
        (ONE % "severity: info", "notify.yaml:1: digests leave out alerts of severity info"),
        (ONE % "severity: grave", "notify.yaml:1: "),
        (ONE % "parties: [boss]", "notify.yaml:1: "),
        (ONE % "quiet: '22-7'", "notify.yaml:1: '22-7' are no quiet hours; write them like"),
        (ONE % "quiet: '07:00-07:00'", "are no quiet hours"),
        (ONE % "quiet: '25:00-07:00'", "are no quiet hours"),
        (ONE % "zone: Mars", "notify.yaml:1: Mars is no time zone"),
        (ONE % "every: 0", "notify.yaml:1: is a number of minutes"),
        (ONE % "weekly: monday", "notify.yaml:1: 'monday' is no day and time; write it like mon 08:00"),
        ("- {name: 1st, to: 'json://h'}", "notify.yaml:1: a name is small letters"),
        ("- {name: a, to: 'json://h'}\n- {name: a, to: 'json://h'}", "notify.yaml:2: a is the name of another route"),
    ],
)
def test_a_route_that_cant_be_used_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSettingError, match=r"notify\.yaml:[12]: ") as bad:
        load(written(tmp_path, text))
    assert message in str(bad.value)


def test_a_route_that_fits_nobody_is_said(tmp_path: Path) -> None:
    text = "- {name: a, to: 'json://h', platforms: [jom]}\n- {name: b, to: 'json://h', parties: [warehouse]}"
    routes = load(written(tmp_path, text))
    (line,) = sent_to_nobody(routes, JOOM, by_others=False)
    assert line.endswith("notify.yaml:1: route a fits no alert: no pack is for jom")


def test_a_party_that_no_rule_asks_anything_of_is_said(tmp_path: Path) -> None:
    routes = load(written(tmp_path, "- {name: a, to: 'json://h', platforms: [ozon], parties: [customer_service]}"))
    assert list(sent_to_nobody(routes, JOOM_AND_OZON, by_others=True)) == []
    text = "- {name: a, to: 'json://h', platforms: [tiktok], parties: [finance]}"
    routes = load(written(tmp_path, text))
    (line,) = sent_to_nobody(routes, RuleBook([pack_file("rules/packs/tiktok.yaml")]), by_others=True)
    assert line.endswith("route a fits no alert: no rule asks anything of finance; they ask it of listing, warehouse")


def test_a_platform_whose_alerts_go_to_nobody_is_said(tmp_path: Path) -> None:
    routes = load(written(tmp_path, "- {name: a, to: 'json://h', platforms: [joom]}"))
    assert list(sent_to_nobody(routes, JOOM_AND_OZON, by_others=False)) == [
        "alerts of ozon go to nobody: no route fits them"
    ]
    assert list(sent_to_nobody(routes, JOOM_AND_OZON, by_others=True)) == []
