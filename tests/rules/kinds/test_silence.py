"""Silence: news must keep coming."""

from tests.rules.history import book, brief, cancelled, collected, placed, rule, run, scanned, shipped, tick

QUIET = {"after": ["collected", "news"], "until": ["delivered", "cancelled"], "within": "120h"}
STALLED = book(rule("silence", "stalled", **QUIET))
WARNED = book(rule("silence", "stalled", **QUIET, warn=[{"before": "24h", "severity": "info"}]))


def test_no_news_for_long_is_told_of_and_the_next_news_ends_it():
    assert brief(run(STALLED, [shipped(), collected(at="10h"), scanned(at="140h")])) == [
        "130h opened overdue went_silent",
        "140h resolved overdue fulfilled",
    ]


def test_every_piece_of_news_starts_the_wait_anew():
    news = [scanned(at=f"{hour}h") for hour in range(0, 1000, 100)]
    assert run(STALLED, news) == []
    assert brief(run(STALLED, news, "2000h")) == ["1020h opened overdue went_silent"]


def test_news_at_the_last_instant_is_in_time():
    assert run(STALLED, [collected(at="0h"), scanned(at="120h"), scanned(at="130h", status="delivered")], "900h") == []


def test_silence_before_anything_was_heard_is_no_silence():
    assert run(STALLED, [placed(), shipped(at="5h")], "900h") == []


def test_a_parcel_delivered_may_be_silent():
    assert run(STALLED, [collected(), scanned(at="50h", status="delivered")], "900h") == []


def test_a_cancellation_ends_the_wait():
    assert brief(run(STALLED, [collected(), cancelled(at="130h")])) == [
        "120h opened overdue went_silent",
        "130h resolved overdue cancelled",
    ]


def test_an_old_scan_that_arrives_late_shows_there_was_no_silence():
    assert brief(run(STALLED, [collected(), tick("130h"), scanned(at="100h")], "500h")) == [
        "120h opened overdue went_silent",
        "130h resolved overdue evidence_arrived",
        "220h opened overdue went_silent",
    ]


def test_each_silence_is_an_alert_of_its_own():
    alerts = run(STALLED, [collected(), scanned(at="130h"), scanned(at="260h")])
    assert [alert.type for alert in alerts] == ["alert.opened", "alert.resolved"] * 2
    assert [alert.data.revision for alert in alerts] == [1, 2, 1, 2]


def test_a_warning_that_news_ends_resolves_and_waits_again():
    assert brief(run(WARNED, [collected(), scanned(at="100h"), scanned(at="110h", status="delivered")], "900h")) == [
        "96h opened due_soon deadline_near",
        "100h resolved due_soon fulfilled",
    ]


def test_delivery_after_a_silence_fulfils_it():
    assert brief(run(STALLED, [collected(), scanned(at="130h", status="delivered")], "900h")) == [
        "120h opened overdue went_silent",
        "130h resolved overdue fulfilled",
    ]
