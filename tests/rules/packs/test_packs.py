"""Packs: what they may say, and every mistake at its line."""

from typing import Any

import orjson
import pytest

from rules.dsl.model import Pack
from rules.dsl.reader import parse
from rules.dsl.yaml_source import BadPack
from rules.engine.engine import Engine
from rules.engine.restore import restore_alert
from rules.harness.pack_tests import run as run_pack_test
from rules.harness.pack_tests import uncovered
from rules.plan.rule_book import RuleBook
from tests.rules.history import book, brief, drained, late_ship, ms, pack, pack_file, placed, rule, run, shipped

BUILT_IN = [
    f"rules/packs/{name}.yaml" for name in ("aliexpress", "douyin", "joom", "lazada", "ozon", "shopee", "tiktok")
]
PACKS = [*BUILT_IN, "tests/bench/job.yaml", "deploy/examples/olist.yaml"]


@pytest.mark.parametrize(
    ("file", "name"), [(file, pack_test.name) for file in PACKS for pack_test in pack_file(file).tests]
)
def test_the_packs_own_tests_pass(file, name):
    tested = pack_file(file)
    [pack_test] = [each for each in tested.tests if each.name == name]
    assert run_pack_test(pack_test, tested).failures == []


@pytest.mark.parametrize("file", PACKS)
def test_every_stage_of_every_built_in_rule_is_tested(file):
    tested = pack_file(file)
    assert uncovered(tested, [run_pack_test(pack_test, tested) for pack_test in tested.tests]) == []


def read(*rules: Any) -> Pack:
    """A pack as it is read from YAML."""
    return parse(orjson.dumps({"platform": "joom", "rules": rules}).decode(), "test.yaml")


def diagnostics(*rules: Any) -> str:
    with pytest.raises(BadPack) as bad:
        read(*rules)
    return str(bad.value)


def share(**parts: Any) -> Any:
    return rule("ratio", "share", **{"numerator": {"late": "joom.late"}, "threshold": "5%", **parts})


def marks(**parts: Any) -> Any:
    sanction = {"name": "suspended", "lasts": "14d"}
    return rule("count", "marks", **{"of": {"missed": "joom.late"}, "threshold": 3, "sanction": sanction, **parts})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"within": "2bd"}, "working days need a calendar"),
        ({"within": "2bd", "calendar": "Atlantis"}, "no country whose holidays are known"),
        ({"calendar": "CN"}, "a calendar goes with working days"),
        ({"within": "0h"}, "longer than nothing"),
        ({"until": []}, "names no fact"),
        ({"until": ["teleported"]}, "no fact of an order"),
        ({"again": {"every": "0h", "times": 3}}, "a time above nothing"),
        ({"again": {"every": "24h", "times": 1}}, "at least 2 times"),
        ({"modes": {"someday": "15d"}}, "no mode of an order"),
        ({"where": {"late": "joom.late"}}, "not at other rules"),
        ({"severity": {"crossed": "info"}}, "crossed is no stage of this rule; it has overdue"),
        ({"summary": {}}, "no summary for overdue"),
        ({"summary": {"overdue": "{numerator}"}}, "{numerator} is nothing"),
        ({"summary": {"overdue": "{order.id}"}}, "{order.id} is nothing"),
        ({"summary": {"overdue": "{}"}}, "{} is nothing"),
        ({"summary": {"overdue": "{order!r}"}}, "{order} is nothing"),
        ({"summary": {"overdue": "{order:>9}"}}, "{order} is nothing"),
        ({"summary": {"overdue": "{order"}}, "expected '}'"),
        ({"within": "2bd", "calendar": "CN", "summary": {"overdue": "{within_h} h"}}, "{within_h} is nothing"),
        ({"id": "joom"}, "<platform>.<name>"),
        ({"id": "ozon.late"}, "its ids begin with joom."),
    ],
)
def test_a_deadline_that_makes_no_sense_is_refused(parts, message):
    assert message in diagnostics(late_ship(**parts))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"numerator": {"late": "joom.early"}}, "joom.early is no deadline rule of this pack"),
        (
            {"numerator": {"has": "cancelled", "by": ["sellr"]}},
            "sellr is never said; it is one of buyer, seller, system",
        ),
        ({"numerator": {"has": "cancelled", "reason": "boredom"}}, "boredom is never said"),
        ({"numerator": {"term": "mode", "is": ["someday"]}}, "someday is never said"),
        ({"numerator": {"term": "mode"}}, "True is never said"),
        ({"denominator": {"all": []}}, "takes a list"),
        ({"anchor": "ordered"}, "no fact of an order"),
        ({"threshold": "105%"}, "no share"),
        ({"near": "5%"}, "must lie below threshold"),
        ({"at_least": 0}, "at least 1"),
        ({"window": {"length": "12h"}}, "whole days"),
        ({"window": {"length": "0d"}}, "at least a day"),
        ({"window": {"length": "30d", "lag": "36h"}}, "whole days"),
        ({"window": {"align": "year"}}, "year"),
        ({"summary": {"crossed": "{order}"}}, "{order} is nothing"),
    ],
)
def test_a_ratio_that_makes_no_sense_is_refused(parts, message):
    assert message in diagnostics(late_ship(), share(**parts))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"of": {"missed": "joom.share"}}, "joom.share is no deadline rule"),
        ({"threshold": 0}, "at least 1"),
        ({"near": 3}, "below the threshold of 3"),
        ({"near": 0}, "at least 1"),
        ({"near": 2, "summary": {"active": "until {until}", "near": "until {until}"}}, "{until} is nothing"),
    ],
)
def test_a_count_that_makes_no_sense_is_refused(parts, message):
    assert message in diagnostics(late_ship(), marks(**parts))


def test_a_value_from_elsewhere_says_where_from_and_how_sure_it_is():
    origin = {"source": "the help page", "confidence": "platform_help"}
    assert read(late_ship(within={"value": "48h", **origin})).rules[0].within == 48 * 3_600_000
    assert "exactly value, source and confidence" in diagnostics(late_ship(within={"value": "48h", "source": "x"}))
    assert "confidence is one of article" in diagnostics(
        late_ship(within={"value": "48h", **origin, "confidence": "high"})
    )


MISTAKEN = """\
platform: joom
zone: Mars/Base
rules:
  - id: joom.late
    clause: a
    source: b
    confidence: ours
    kind: deadline
    from: ordered
    until: [shipped]
    within: 72h
    severity: {overdue: info}
    summary:
      overdue: "{colour}"
"""


def test_every_mistake_is_told_each_at_its_line():
    with pytest.raises(BadPack) as bad:
        parse(MISTAKEN, "x.yaml")
    assert {str(each).split(": ")[0] for each in bad.value.diagnostics} == {f"x.yaml:{line}" for line in (2, 5, 9, 14)}


@pytest.mark.parametrize(
    "text", ["", "5", "[]", "rules: [", "platform: joom", "&a [*a]", "platform: !!python/name:os", "\0"]
)
def test_what_is_no_pack_is_refused(text):
    with pytest.raises(BadPack):
        parse(text, "x.yaml")


def test_a_rule_defined_by_two_packs_is_refused():
    with pytest.raises(ValueError, match=r"joom\.late is defined by two packs"):
        RuleBook([pack(late_ship()), pack(late_ship())])


def test_working_days_are_told_as_such():
    rules = book(late_ship(within="2bd", calendar="US", summary={"overdue": "{order}: {within}"}))
    assert run(rules, [placed()], "500h")[0].data.summary == "1: 2 working days"


def test_braces_in_an_id_are_only_text():
    rules = book(late_ship(summary={"overdue": "{order} is late"}))
    assert run(rules, [placed("{shop}")], "500h")[0].data.summary == "{shop} is late"


def test_an_alert_of_a_stage_that_its_pack_no_longer_has_still_ends():
    warned = book(
        late_ship(warn=[{"before": "24h", "severity": "info"}], summary={"due_soon": "{order} is due", "overdue": "-"})
    )
    engine = Engine(warned, stepping=True)
    events = [placed("{x}"), shipped("{x}", "60h")]
    engine.apply(*events[0])
    engine.advance(ms("50h"))
    changed = Engine(book(late_ship()), stepping=True)
    restore_alert(changed, drained(engine)[0])
    changed.advance(ms("60h"))
    for event, at_ms in events:
        changed.apply(event, at_ms)
    changed.settle()
    [resolved] = drained(changed)
    assert brief([resolved]) == ["60h resolved due_soon fulfilled"]
    assert resolved.data.summary == "Order {x} was shipped in time"
