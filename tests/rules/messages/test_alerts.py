"""Alerts as records: ids, revisions, and what is remembered of them."""

import msgspec
import orjson
import pytest

from rules.messages.alert_state import Desired, Emitted, emitted_from, needs_emit
from rules.messages.alerts import alert_id, decode, encode
from rules.plan.rule_book import RuleBook
from tests.rules.history import book, late_ship, pack_file, placed, rule, run, shipped

AGAIN = book(late_ship(within="48h", again={"every": "24h", "times": 3}, warn=[{"before": "6h", "severity": "info"}]))
MARKS = book(
    late_ship(), rule("count", "marks", of={"missed": "joom.late"}, threshold=1, sanction={"name": "x", "lasts": "1d"})
)


def test_an_alert_id_is_made_of_what_it_is_about():
    assert alert_id("joom.late", "joom/s17", "8412", "2026-11") == "joom.late:joom/s17:8412:2026-11"


def test_the_same_facts_give_the_same_records_to_the_byte():
    events = [placed(), shipped(at="80h")]
    assert [encode(alert) for alert in run(AGAIN, events)] == [encode(alert) for alert in run(AGAIN, events)]


@pytest.mark.parametrize("rules", [AGAIN, MARKS])
def test_what_is_remembered_of_an_alert_survives_the_topic(rules):
    for alert in run(rules, [placed(), shipped(at="120h")], "500h"):
        assert emitted_from(decode(encode(alert))) == emitted_from(alert)
        assert decode(encode(alert)) == alert


def test_a_record_is_cloudevents_as_in_the_contract():
    book = RuleBook([pack_file("rules/packs/joom.yaml")])
    events = [placed("8412", shop="s17"), shipped("8412", "80h", shop="s17")]
    alert = next(alert for alert in run(book, events) if alert.data.stage == "overdue")
    written = orjson.loads(encode(alert))
    assert list(written) == ["specversion", "id", "source", "type", "time", "platform", "shop", "order", "data"]
    assert written["id"] == "joom.late_ship:joom/s17:8412:2026-01-04T00:00:00Z/3"
    assert written["data"]["summary"] == "Order 8412 is past its 72 h ship deadline"
    assert written["data"]["actions"][0] == {"to": "warehouse", "do": "ship_first"}
    assert {"value", "threshold", "headroom"} <= set(written["data"])
    assert "judgement" not in written["data"]


def test_revisions_count_up_from_one_and_the_type_says_what_changed():
    alerts = run(AGAIN, [placed(), shipped(at="80h")])
    assert [alert.data.revision for alert in alerts] == [1, 2, 3, 4]
    assert [alert.id for alert in alerts] == [f"{alerts[0].data.alert}/{n}" for n in (1, 2, 3, 4)]
    assert [alert.type for alert in alerts] == ["alert.opened", "alert.updated", "alert.updated", "alert.resolved"]


def test_a_resolved_record_keeps_what_the_alert_was():
    *_, overdue, resolved = run(AGAIN, [placed(), shipped(at="80h")])
    for name in ("opened_at", "due_at", "stage", "severity", "judgement"):
        assert getattr(resolved.data, name) == getattr(overdue.data, name)
    assert resolved.data.opened_at == "2026-01-02T18:00:00Z"


def test_an_id_with_any_text_in_it_survives():
    for order in ("8412345678901234567", "ü:/ %", "店", "x" * 128):
        [alert, *_] = run(AGAIN, [placed(order, id="e-1")], "60h")
        assert decode(encode(alert)).order == order


def test_what_is_no_alert_is_not_decoded():
    with pytest.raises(msgspec.DecodeError):
        decode(b"{}")


LAST_EMITTED = Emitted("r", 1, True, "critical", "overdue", 1, 0, 0, 0, "")


@pytest.mark.parametrize(
    ("last_emitted", "wanted", "news"),
    [
        (None, None, False),
        (None, Desired("overdue", "critical", 0), True),
        (LAST_EMITTED, None, True),
        (LAST_EMITTED, Desired("overdue", "critical", 0, judgement=1), False),
        (LAST_EMITTED, Desired("overdue", "critical", 0, judgement=2), True),
        (LAST_EMITTED, Desired("overdue", "warning", 0, judgement=1), True),
        (LAST_EMITTED, Desired("due_soon", "critical", 0, judgement=1), True),
        (msgspec.structs.replace(LAST_EMITTED, open=False), None, False),
        (msgspec.structs.replace(LAST_EMITTED, open=False), Desired("overdue", "critical", 0, judgement=1), True),
    ],
)
def test_news_is_what_differs_from_what_was_last_emitted(last_emitted, wanted, news):
    assert needs_emit(last_emitted, wanted) is news
