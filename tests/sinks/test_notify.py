"""Digests sent through Apprise, to a real HTTP receiver and a real mail server."""

import email
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.header import decode_header, make_header
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from rules.calendar.instants import from_rfc3339
from streams import logs
from streams.clock import wall_ms
from streams.settings import BadSettingError
from streams.sinks.delivery import Delivery
from streams.sinks.notify.digests import GATHER_MS
from streams.sinks.notify.routes import Route
from streams.sinks.notify.sink import MINUTE_MS, Notifier, target
from streams.translations import Translations
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from tests.rules.history import every_pack
from tests.sinks.support import Hand, Naps, Receiver, alert, muted, name_of, read
from tests.support.ports import free_port


def notifier(url: str, place: int = 1, patience_s: float = 60.0, mutes: Mutes | None = None, **route: Any) -> Notifier:
    delivery = Delivery(f"notify-{place}", patience_s, sleep=Naps())
    to = target(url, f"address {place} of SHIPCLOCK_NOTIFY")
    zones = Zones({"joom": "Asia/Shanghai"})
    made = Route(name=str(place), to=url, **route)
    return Notifier(
        delivery, made, to, 15, "http://localhost:6066", zones, mutes or Mutes(), Translations(every_pack().chinese())
    )


@asynccontextmanager
async def hand(
    url: str,
    patience_s: float = 60.0,
    log: Sequence[bytes] = (),
    resume: int = 0,
    mutes: Mutes | None = None,
    **route: Any,
) -> AsyncIterator[Hand]:
    async with notifier(url, patience_s=patience_s, mutes=mutes, **route) as sink:
        driven = Hand(sink)
        driven.write(*log)
        await driven.assigned(resume)
        yield driven


def json_url(receiver: Receiver) -> str:
    return receiver.url.replace("http://", "json://")


async def test_a_shop_in_trouble_sends_one_digest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with Receiver() as receiver, hand(json_url(receiver)) as sink:
        await sink.send(*(alert(str(n)) for n in range(200)))
        assert sink.sink.held(0) == 0
        await sink.run(wall_ms() + GATHER_MS)
        assert sink.sink.held(0) is None
    (body,) = receiver.bodies
    assert (body["title"], body["type"]) == ("joom/s17: 200 critical", "failure")
    assert "!! Shipped late: Order 0 is late" in body["message"]
    assert "... and 190 more" in body["message"]
    assert sink.sink.delivery.counters.delivered == 200
    assert "Order" not in caplog.text


async def test_a_route_hears_only_of_what_fits_it() -> None:
    ship = [{"to": "warehouse", "do": "ship_first"}]
    async with Receiver() as receiver, hand(json_url(receiver), shops=("s17",), parties=("warehouse",)) as sink:
        await sink.send(alert("1", actions=ship), alert("2"), alert("3", shop="s18", actions=ship))
        await sink.run(wall_ms() + GATHER_MS)
    (body,) = receiver.bodies
    assert body["title"] == "joom/s17: 1 critical"


async def test_in_quiet_hours_digests_wait_for_their_end_and_are_not_behind() -> None:
    night, morning = from_rfc3339("2036-01-01T15:00:00Z"), from_rfc3339("2036-01-01T23:00:00Z")  # 23:00, 07:00 there
    async with Receiver() as receiver, hand(json_url(receiver), quiet="22:00-07:00") as sink:
        await sink.send(alert("1"))
        await sink.run(night)
        assert (receiver.bodies, sink.sink.held(0), sink.sink.waits()) == ([], 0, True)
        await sink.run(morning - 1)
        assert receiver.bodies == []
        await sink.run(morning)
        assert (len(receiver.bodies), sink.sink.held(0), sink.sink.waits()) == (1, None, False)


async def test_what_is_muted_is_not_told_until_it_gets_worse() -> None:
    first = alert("1", severity="warning")
    mutes, log = muted(first)
    async with Receiver() as receiver, hand(json_url(receiver), mutes=mutes) as sink:
        await sink.send(first)
        await sink.run(wall_ms() + GATHER_MS)
        assert receiver.bodies == []
        worse = alert("1", 2)
        await sink.send(worse)  # the view may learn of it later than the sink
        await sink.run(wall_ms() + GATHER_MS + 20 * MINUTE_MS)
        log.alerts(worse)
        assert [each["title"] for each in receiver.bodies] == ["joom/s17: 1 critical"]
        assert not mutes.hides(read(worse)), name_of(worse)


async def test_the_reader_has_their_own_language_and_zone() -> None:
    summary = "Order 1 must be shipped by 2026-11-29T19:00:47.543Z"
    async with Receiver() as receiver, hand(json_url(receiver), language="zh") as sink:
        await sink.send(alert("1", summary=summary))
        await sink.run(wall_ms() + GATHER_MS)
    (body,) = receiver.bodies
    assert body["title"] == "joom/s17: 1 条严重"
    assert body["message"].startswith("!! 逾时未发货: 订单 1 须在 2026-11-30 03:00 前发货\n")
    assert "时间为 Asia/Shanghai" in body["message"]


async def test_the_next_one_comes_an_interval_later() -> None:
    async with Receiver() as receiver, hand(json_url(receiver)) as sink:
        now = wall_ms()
        await sink.send(alert("1"))
        await sink.run(now + GATHER_MS + 1_000)
        await sink.send(alert("1", 2, "resolved"))
        await sink.run(now + GATHER_MS + 14 * MINUTE_MS)
        assert len(receiver.requests) == 1
        await sink.run(now + GATHER_MS + 16 * MINUTE_MS)
    assert [body["type"] for body in receiver.bodies] == ["failure", "success"]


async def test_a_mail_arrives() -> None:
    class Mailbox:
        def __init__(self) -> None:
            self.mails: list[bytes] = []

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            self.mails.append(bytes(envelope.content or b""))
            return "250 taken"

    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        async with hand(f"mailto://127.0.0.1:{port}/?from=a@example.org&to=b@example.org&mode=insecure") as sink:
            await sink.send(alert("订单-1"))
            await sink.run(wall_ms() + GATHER_MS)
    finally:
        controller.stop()
    (mail,) = (email.message_from_bytes(each) for each in mailbox.mails)
    assert str(make_header(decode_header(mail["Subject"]))) == "joom/s17: 1 critical"
    texts = [part.get_payload(decode=True) for part in mail.walk() if part.get_content_type() == "text/plain"]
    assert any("订单-1" in text.decode() for text in texts if isinstance(text, bytes))


async def test_an_address_that_is_away_is_tried_again() -> None:
    async with Receiver([500, 500]) as shaky, hand(json_url(shaky)) as sink:
        await sink.send(alert("1"))
        await sink.run(wall_ms() + GATHER_MS)
    assert len(shaky.requests) == 3


async def test_a_digest_that_cannot_be_sent_does_not_stop_the_next() -> None:
    async with Receiver([500]) as receiver, hand(json_url(receiver), patience_s=0) as sink:
        await sink.send(alert("1"))
        await sink.run(wall_ms() + GATHER_MS)
        assert sink.sink.delivery.counters.given_up == 1
        await sink.send(alert("2"))
        await sink.run(wall_ms() + GATHER_MS + 20 * MINUTE_MS)
    assert len(receiver.requests) == 2


async def test_an_old_installation_is_told_what_is_open_and_nothing_else() -> None:
    log = [alert("1", 2, "resolved"), alert("2", 2), alert("3"), alert("3", 2, "resolved")]
    async with Receiver() as receiver, hand(json_url(receiver), log=log) as sink:
        await sink.run(wall_ms())
        await sink.run(wall_ms() + GATHER_MS)
    assert [body["title"] for body in receiver.bodies] == ["joom/s17: 1 critical"]


async def test_what_was_gathered_when_a_worker_ended_is_read_again() -> None:
    log = [alert("1"), alert("2")]
    async with Receiver() as receiver:
        async with hand(json_url(receiver), log=log) as first:
            await first.run()
            held = first.sink.held(0)
        assert held == 0
        async with hand(json_url(receiver), log=log, resume=held) as second:
            await second.run()
            await second.run(wall_ms() + GATHER_MS)
    assert [body["title"] for body in receiver.bodies] == ["joom/s17: 2 critical"]


async def test_not_even_debugging_shows_an_address_or_what_it_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logs.protect()
    async with Receiver() as receiver, hand(json_url(receiver)) as sink:
        await sink.send(alert("1"))
        await sink.run(wall_ms() + GATHER_MS)
    assert receiver.requests
    assert "/hook" not in caplog.text
    assert "Order 1" not in caplog.text


@pytest.mark.parametrize("url", ["nonsense", "slack://", "bogus://token"])
def test_an_address_that_is_none_is_named_by_its_place_and_not_shown(url: str) -> None:
    with pytest.raises(BadSettingError, match="address 2 of SHIPCLOCK_NOTIFY") as caught:
        notifier(url, place=2)
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mailto://user:pass@example.org",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "feishu://abcdefghijklmnop",
        "dingtalk://abcdefghijklmnop",
    ],
)
def test_the_services_sellers_use_are_known(url: str) -> None:
    assert notifier(url)
