"""The views, record by record."""

import logging
from typing import Any
from zlib import compress

import pytest

from rules.calendar.instants import rfc3339
from rules.messages.cost import Rank, rank
from streams.paced_log import PacedLog
from streams.views import view
from streams.views.acks import Ack, Step, encode
from streams.views.alerts import TRAIL_KEPT, Alerts, Held
from streams.views.change_feed import Feed
from streams.views.shops import FAST, MOST_WORDS, ShopKey
from streams.views.zones import Zones
from tests.runtime.support import START_MS
from tests.web.records import Log, alert, alert_id, standing


def key(order: str = "1") -> bytes:
    return alert_id(order).encode()


def test_an_alert_is_what_its_newest_record_says_and_its_trail_all_of_them() -> None:
    alerts = Alerts()
    for revision in (1, 2):
        held = alerts.apply(key(), alert(revision=revision, severity=("info", "critical")[revision - 1]))
    assert held is not None
    assert held.record()["data"]["severity"] == "critical"
    assert [record["data"]["revision"] for record in held.records()] == [1, 2]


def test_what_many_alerts_say_is_in_memory_once() -> None:
    alerts = Alerts()
    one, other = [alerts.apply(key(order), alert(order)) for order in ("1", "2")]
    assert one is not None and other is not None
    for field in ("platform", "shop"):
        assert getattr(one.head, field) is getattr(other.head, field)
    for field in ("rule", "clause", "state", "severity", "stage"):
        assert getattr(one.head.data, field) is getattr(other.head.data, field)


def test_a_record_that_comes_again_says_nothing_new() -> None:
    alerts = Alerts()
    assert alerts.apply(key(), alert(revision=2))
    assert alerts.apply(key(), alert(revision=2)) is None
    assert alerts.apply(key(), alert(revision=1)) is None
    held = alerts.get(alert_id("1"))
    assert held is not None
    assert len(held.trail) == 1


def test_open_and_resolved_are_told_apart_and_an_alert_may_open_again() -> None:
    alerts = Alerts()
    alerts.apply(key(), alert())
    assert (len(alerts.open), len(alerts.resolved)) == (1, 0)
    alerts.apply(key(), alert(revision=2, state="resolved"))
    assert (len(alerts.open), len(alerts.resolved)) == (0, 1)
    alerts.apply(key(), alert(revision=3))
    assert (len(alerts.open), len(alerts.resolved)) == (1, 0)


def test_an_orders_alerts_are_sought_among_those_of_its_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = Alerts()
    for n in range(100):
        alerts.apply(key(str(n)), alert(str(n), shop="other"))
    alerts.apply(key("1"), alert("1"))
    alerts.apply(key("2"), alert("2"))
    looked_at: list[Held] = []

    def counted(held: Held) -> str:
        looked_at.append(held)
        return held.head.data.alert

    monkeypatch.setattr(Held, "id", property(counted))
    assert [held.head.order for held in alerts.of_order("joom", "s17", "1")] == ["1"]
    assert len(looked_at) < 5


def test_of_resolved_ones_the_last_are_kept_and_of_open_ones_all() -> None:
    alerts = Alerts(resolved_kept=2)
    for n in range(5):
        alerts.apply(key(str(n)), alert(str(n)))
    for n in (3, 1, 4):
        alerts.apply(key(str(n)), alert(str(n), 2, state="resolved"))
    assert list(alerts.open) == [alert_id("0"), alert_id("2")]
    assert list(alerts.resolved) == [alert_id("1"), alert_id("4")]


def test_a_long_trail_loses_its_beginning() -> None:
    alerts = Alerts()
    for revision in range(1, TRAIL_KEPT + 11):
        alerts.apply(key(), alert(revision=revision))
    held = alerts.get(alert_id("1"))
    assert held is not None
    assert [held.steps()[0].revision, len(held.trail)] == [11, TRAIL_KEPT]


def test_a_forgotten_alert_is_gone() -> None:
    alerts = Alerts()
    alerts.apply(key(), alert())
    alerts.apply(key(), None)
    assert alerts.get(alert_id("1")) is None


def test_lists_begin_with_the_worst_of_the_open_ones() -> None:
    log = Log()
    log.alerts(
        alert("1", severity="info"),
        alert("2", severity="critical"),
        alert("3", severity="critical", time="2026-01-02T00:00:00Z"),
        alert("4", severity="critical", state="resolved"),
    )
    ranked = sorted(log.view.alerts.having(None), key=lambda held: held.place())
    assert [held.id for held in ranked] == [alert_id(order) for order in ("3", "2", "1", "4")]


def test_where_an_alert_stands_in_a_list_is_found_when_it_is_asked_for_and_then_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ranked: list[str] = []

    def counted(stage: str, severity: str, *penalty: Any) -> Rank:
        ranked.append(severity)
        return rank(stage, severity, *penalty)

    monkeypatch.setattr("streams.views.alerts.rank", counted)
    alerts = Alerts()
    for revision in range(1, 5):
        for order in ("1", "2"):
            alerts.apply(key(order), alert(order, revision, severity="warning" if revision < 4 else "critical"))
    assert ranked == []
    for _ in range(3):
        assert len({held.place() for held in alerts.open.values()}) == 2
    assert ranked == ["critical", "critical"]
    alerts.apply(key("2"), alert("2", 5, severity="info"))
    assert [held.head.order for held in sorted(alerts.open.values(), key=Held.place)] == ["1", "2"]
    assert ranked[2:] == ["info"]


def test_a_standing_is_passed_on_as_it_was_written() -> None:
    log = Log()
    written = standing(whatever=["else", 1.50])
    log.standings(standing(), written)
    raw = log.view.shops.raw(ShopKey("joom", "s17"))
    assert raw is not None
    assert bytes(raw) == written
    assert log.view.shops.at_ms == START_MS


def test_standings_of_one_platform_share_their_words_and_are_passed_on_as_they_were_written() -> None:
    log, written = Log(), dict[ShopKey, bytes]()
    for n in range(40):
        shop = ShopKey(("joom", "ozon")[n % 2], f"s{n}")
        metrics = {f"clause-{each}": {"value": n, "threshold": each**5 / 7} for each in range(2, 20)}
        due = [{"order": f"o{n}-{each}", "due_at": rfc3339(START_MS)} for each in range(800 * (n < 2))]
        written[shop] = standing(shop=shop.shop, platform=shop.platform, metrics=metrics, due=due)
    log.standings(*written.values())
    assert {shop: bytes(log.view.shops.raw(shop) or b"") for shop in written} == written
    kept = [kept.standing for kept in log.view.shops._of.values()]
    alone = [compress(value, FAST) for value in written.values()]
    assert sum(map(len, kept[2:])) < sum(map(len, alone[2:])) / 2
    assert all(
        len(words) <= MOST_WORDS < len(value)
        for words, value in zip(log.view.shops._words.values(), written.values(), strict=False)
    )


def test_a_mute_stands_beside_its_alert_while_it_holds() -> None:
    log = Log()
    log.alerts(alert())
    mute = Ack(alert=alert_id("1"), kind="muted", at=rfc3339(START_MS), seen_step=Step(1, 2, "due_soon"))
    log.ack(mute.key(), encode(mute))
    held = log.view.alerts.open[alert_id("1")]
    assert log.view.alert(held)["muted"] == mute
    log.alerts(alert(revision=2, stage="overdue"))
    assert log.view.alert(held)["muted"] is None


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"time":"now"}', b"\xff"])
def test_what_can_not_be_read_is_passed_over_and_told_of(
    value: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view.log, "filters", [PacedLog()])
    log = Log()
    with caplog.at_level(logging.WARNING):
        log.standings(value)
        log.ack(b"muted:a", value)
    log.standings(standing())
    assert len(log.view.shops.names()) == 1
    assert caplog.text.count("can't be read") == 1, "told once a second"


# -- the feed ------------------------------------------------------------------------------------------------


def test_who_comes_back_is_told_what_changed_meanwhile_once_each() -> None:
    log = Log()
    log.alerts(alert("1"), alert("2"))
    since = log.view.feed.place
    log.alerts(alert("1", 2), alert("3"), alert("1", 3))
    log.standings(standing())
    missed = log.view.feed.missed(since)
    assert missed is not None
    assert [(each.name, each.key) for each in missed] == [
        ("alert", alert_id("3")),
        ("alert", alert_id("1")),
        ("shop", ShopKey("joom", "s17")),
    ]
    assert log.view.feed.missed(log.view.feed.place) == []


def test_a_place_means_the_same_on_every_worker() -> None:
    one, other = Log(), Log()
    one.alerts(alert("1"))
    one.standings(standing())
    other.standings(standing())
    other.alerts(alert("1"))
    assert one.view.feed.place == other.view.feed.place


@pytest.mark.parametrize("place", ["", "0", "1.2.x", "1" * 5_000, "-1.0", "0.0.0"])
def test_a_place_that_is_none_means_reading_anew(place: str) -> None:
    assert Feed(2).missed(place) is None


def test_who_was_away_for_too_long_reads_anew() -> None:
    feed = Feed(1, remembered=2)
    for offset, name in enumerate("abc"):
        feed.move(0, offset)
        feed.changed("alert", name, 0)
    assert feed.missed("0") is None
    assert [each.key for each in feed.missed("1") or []] == ["b", "c"]


async def test_a_listener_hears_of_each_change_and_a_slow_one_is_sent_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.views.change_feed.WAITING", 2)
    feed = Feed(1)
    listener = feed.listen()
    for name in "ab":
        feed.changed("alert", name, 0)
    assert [change.key for change in await listener.next() or []] == ["a", "b"]
    for name in "abc":
        feed.changed("alert", name, 0)
    assert await listener.next() is None


async def test_what_changes_again_before_it_was_told_is_told_once_as_it_is_now() -> None:
    feed = Feed(1)
    listener = feed.listen()
    for offset, name in enumerate("aba"):
        feed.move(0, offset)
        feed.changed("alert", name, 0)
    found = await listener.next() or []
    assert [(change.key, change.place) for change in found] == [("b", "2"), ("a", "3")]


async def test_closing_sends_everyone_home_also_those_who_come_later() -> None:
    feed = Feed(1)
    before = feed.listen()
    feed.close()
    assert [await before.next(), await feed.listen().next()] == [None, None]


def test_a_shop_has_the_time_of_its_site_as_soon_as_its_standing_is_known() -> None:
    log, zones = Log(), Zones({"shopee": "Asia/Singapore"})
    assert (zones.of("shopee", "s1"), zones.of("etsy", "s1")) == ("Asia/Singapore", "UTC")
    zones.follow(log.view)
    assert zones.of("shopee", "s1") == "Asia/Singapore"
    log.standings(standing("s1", "shopee", zone="America/Sao_Paulo"))
    assert (zones.of("shopee", "s1"), zones.of("shopee", "s2")) == ("America/Sao_Paulo", "Asia/Singapore")
