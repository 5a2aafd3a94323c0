"""What people read in place of a rule's id: short names and sentences, in English and Chinese."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.dsl.model import Pack
from rules.dsl.reader import parse
from rules.dsl.yaml_source import BadPack
from rules.kinds.ledger.spec import LedgerSpec
from rules.kinds.rule import Named
from rules.messages.alerts import console_path
from tests.rules.history import book, late_ship, pack, pack_file, placed, run
from tests.rules.packs.test_packs import PACKS


def clauses(of: Pack) -> dict[str, Named]:
    """What each clause that a pack cites is called by: the first rule that cites it, or else a ledger's feed."""
    named: dict[str, Named] = {}
    for rule in of.rules:
        named.setdefault(rule.clause, rule)
    for rule in of.rules:
        for feed in rule.feeds if isinstance(rule, LedgerSpec) else ():
            named.setdefault(feed.clause, feed)
    return named


@pytest.mark.parametrize("file", PACKS)
def test_every_rule_and_clause_has_a_name_and_a_sentence_in_both_languages(file: str) -> None:
    written = pack_file(file)
    for named in (*written.rules, *clauses(written).values()):
        assert named.title and named.title_zh and named.text and named.text_zh, named
        assert not named.title_zh.isascii() and not named.text_zh.isascii()
        assert named.text.endswith(".") and named.text_zh.endswith("。")


@pytest.mark.parametrize("file", PACKS)
def test_no_two_rules_of_a_pack_have_the_same_name(file: str) -> None:
    for language in ("en", "zh"):
        names = [rule.titles()[language] for rule in pack_file(file).rules]
        assert len(names) == len(set(names))


def test_an_alert_says_its_rules_name_in_both_languages() -> None:
    (alert,) = run(book(late_ship(title="Shipped late", title_zh="逾时未发货")), [placed()], "80h")
    assert alert.data.title == "Shipped late"
    assert alert.data.titles == {"en": "Shipped late", "zh": "逾时未发货"}


def test_a_rule_without_a_chinese_name_has_its_english_one() -> None:
    (alert,) = run(book(late_ship(title="Shipped late")), [placed()], "80h")
    assert alert.data.titles == {"en": "Shipped late", "zh": "Shipped late"}


def test_a_rule_without_a_name_is_called_by_its_id() -> None:
    (alert,) = run(book(late_ship(id="joom.late_ship")), [placed()], "80h")
    assert alert.data.title == "Late ship"
    assert alert.data.titles == {"en": "Late ship", "zh": "Late ship"}


def test_a_version_may_have_a_name_of_its_own() -> None:
    ours = {"shops": ["s1"], "source": "us", "confidence": "ours", "set": {"title": "Late for us"}}
    written = late_ship(title="Shipped late", versions=[ours])
    alerts = run(book(written), [placed(), placed("2", shop="s2")], "80h")
    assert {alert.shop: alert.data.title for alert in alerts} == {"s1": "Late for us", "s2": "Shipped late"}


def test_an_alert_links_to_its_page() -> None:
    (alert,) = run(book(late_ship()), [placed("a/b c")], "80h")
    assert alert.data.link == f"/#/alerts/{quote(alert.data.alert, safe='')}"


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_its_id_has_in_it(alert: str) -> None:
    assert console_path(alert) == f"/#/alerts/{quote(alert, safe='')}"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"title": ""}, "length >= 1"),
        ({"title": "x" * 61}, "length <= 60"),
        ({"text": "x" * 401, "title": "x"}, "length <= 400"),
        ({"title": " Shipped late"}, "is one line of visible text"),
        ({"title": "Shipped\nlate"}, "is one line of visible text"),
        ({"title": "late\u202e"}, "is one line of visible text"),
        ({"title_zh": "逾时未发货"}, "_zh goes with title"),
        ({"text_zh": "逾时未发货。"}, "_zh goes with text"),
        ({"link": "javascript:alert(1)"}, "link is an address that begins with https://"),
        ({"link": "https://a b"}, "link is an address that begins with https://"),
    ],
)
def test_a_name_that_cant_be_shown_is_refused(parts: Any, message: str) -> None:
    with pytest.raises(BadPack, match=message):
        pack(late_ship(**parts))


NAMED = """\
platform: joom
rules:
  - id: joom.late
    clause: joom-1
    title: Shipped late
    title_zh: " 逾时未发货"
    kind: deadline
    source: a test
    confidence: ours
    from: placed
    until: [shipped]
    within: 72h
    severity: {overdue: critical}
    summary: {overdue: "Order {order} is late"}
"""


def test_a_bad_name_is_said_with_its_line() -> None:
    with pytest.raises(BadPack) as bad:
        parse(NAMED, "own.yaml")
    assert str(bad.value) == ("own.yaml:6: joom.late: title_zh is one line of visible text, without spaces around it")


def test_a_feeds_name_is_held_to_the_same() -> None:
    feed = {"clause": "own-1", "of": [{"violation": ["fake_orders"]}], "points": 1, "title": "two\nlines"}
    ledger = {"id": "joom.points", "clause": "own-1", "kind": "ledger", "source": "test", "confidence": "ours"}
    with pytest.raises(BadPack, match="title is one line"):
        pack({**ledger, "ledger": "points", "feeds": [feed]})
