"""Texts of packs in Chinese, found by the phrases they were made from."""

import re
from string import Formatter
from typing import Any

import orjson
import pytest

from rules.dsl.phrases import phrases
from rules.dsl.reader import parse
from rules.dsl.yaml_source import BadPack
from rules.harness.pack_tests import run as run_test
from rules.kinds.deadline.evidence import _BECAME
from streams.translations import COMMON, Translations
from tests.rules.history import book, every_pack, late_ship, pack, pack_file, placed, run
from tests.rules.packs.test_packs import BUILT_IN

EVERYTHING = Translations(every_pack().chinese())


@pytest.mark.parametrize("file", [*BUILT_IN, "tests/bench/job.yaml"])
def test_all_that_a_built_in_pack_says_is_said_in_chinese(file: str) -> None:
    of = pack_file(file)
    assert phrases(of) == set(of.chinese)
    assert all(not text.isascii() for text in of.chinese.values())


@pytest.mark.parametrize("file", BUILT_IN)
def test_whatever_the_packs_own_tests_bring_can_be_said_in_chinese(file: str) -> None:
    of = pack_file(file)
    emitted = {alert.data.summary for pack_test in of.tests for alert in run_test(pack_test, of).alerts}
    assert [summary for summary in emitted if EVERYTHING.chinese(summary) is None] == []


def filled(phrase: str) -> str:
    """As a summary would be: 7 for each name, another text for some."""
    others = {"order": "84-12", "due": "2026-01-04T00:00:00Z", "value": "4 %", "period": "2026-01"}
    names = {name for _, name, _, _ in Formatter().parse(phrase) if name}
    return phrase.format(**{name: others.get(name, "7") for name in names})


@pytest.mark.parametrize("phrase", [*every_pack().chinese(), *COMMON])
def test_a_text_is_translated_by_its_own_phrase_and_by_no_others(phrase: str) -> None:
    chinese = {**COMMON, **every_pack().chinese()}[phrase]
    assert EVERYTHING.chinese(filled(phrase)) == filled(chinese)


def test_what_is_filled_in_is_translated_as_well() -> None:
    assert EVERYTHING.chinese("10 points: the account is frozen 7 days, until 2026-02-08") == (
        "已扣 10 分：账户冻结 7 天，至 2026-02-08"
    )
    alert = next(each for each in run(every_pack(), [placed("8412")], "80h") if each.data.stage == "overdue")
    assert alert.data.summary == "Order 8412 is past its 72 h ship deadline"
    assert EVERYTHING.chinese(alert.data.summary) == "订单 8412 已超过 72 小时发货期限"


@pytest.mark.parametrize("became", [*_BECAME.values()])
@pytest.mark.parametrize("late", ["in time", "5 min late", "3.5 h late", "4 days late", "3 h past its deadline"])
@pytest.mark.parametrize("known", ["", ", as is known now"])
def test_what_ended_a_deadline_is_said_in_chinese(became: str, late: str, known: str) -> None:
    chinese = EVERYTHING.chinese(f"Order 84-12 {became} {late}{known}")
    assert chinese is not None
    assert re.findall("[a-z]+", chinese) == []


def test_a_rule_that_no_longer_applies_is_said_in_chinese() -> None:
    assert EVERYTHING.chinese("This rule no longer applies to the shop") == "该规则不再适用于此店铺"
    assert EVERYTHING.chinese("This rule no longer applies to order 84-12") == "该规则不再适用于订单 84-12"


def test_the_number_in_a_phrase_takes_no_words() -> None:
    assert EVERYTHING.chinese("Order 84-12 was refunded 3 h past its deadline") == "订单 84-12 已退款，已逾期 3 小时"


def test_a_text_without_a_phrase_has_no_chinese() -> None:
    assert EVERYTHING.chinese("nobody ever said this") is None
    assert EVERYTHING.chinese("") is None


def test_a_name_in_braces_is_only_a_name() -> None:
    assert EVERYTHING.chinese("Order {0.__class__} must be shipped by {due}") == "订单 {0.__class__} 须在 {due} 前发货"


@pytest.mark.parametrize(
    ("chinese", "message"),
    [
        ({"nobody says this": "没人说过"}, "'nobody says this' is no summary, effect or name of this pack"),
        ({"{order} is late": "{sku} 已逾期"}, "{sku} is not in the English"),
        ({"{order} is late": "{order 已逾期"}, "expected '}'"),
    ],
)
def test_chinese_that_stands_for_nothing_is_refused_with_its_line(chinese: Any, message: str) -> None:
    rule = late_ship(summary={"overdue": "{order} is late"})
    written = orjson.dumps({"platform": "joom", "rules": [rule], "chinese": chinese}, option=orjson.OPT_INDENT_2)
    with pytest.raises(BadPack) as bad:
        parse(written.decode(), "own.yaml")
    line = 1 + written.decode().split("\n").index(
        next(each for each in written.decode().split("\n") if "chinese" in each)
    )
    assert message in str(bad.value)
    assert str(bad.value).startswith(f"own.yaml:{line + 1}: ")


def test_versions_of_a_rule_have_their_texts_in_chinese_too() -> None:
    version = {"shops": ["s1"], "source": "us", "confidence": "ours", "set": {"penalty": {"effect": "a fine"}}}
    written = pack(late_ship(versions=[version]), chinese={"a fine": "罚款"})
    assert phrases(written) == {"it is overdue", "a fine"}
    assert book(late_ship(versions=[version]), chinese={"a fine": "罚款"}).chinese() == {"a fine": "罚款"}
