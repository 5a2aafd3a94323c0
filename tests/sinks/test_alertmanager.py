"""The Alertmanager sink against a real Alertmanager."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rules.calendar.instants import rfc3339
from streams.clock import wall_ms
from streams.sinks.alertmanager.silences import RENEW_MS, Silences
from streams.sinks.alertmanager.sink import AGAIN_MS, AT_ONCE, JSON, SILENCE_MS, Alertmanager
from streams.sinks.delivery import Delivery, Unavailable
from streams.views.acks import Ack, Step, ack_key
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from tests.runtime.support import LONG_S, until
from tests.sinks.support import Hand, Receiver, alert, muted, name_of, read
from tests.support.servers import AlertmanagerServer

ZONES = Zones({"joom": "Asia/Shanghai"})


@asynccontextmanager
async def hand(
    server: AlertmanagerServer | Receiver, patience_s: float = 60.0, mutes: Mutes | None = None
) -> AsyncIterator[Hand]:
    delivery = Delivery("alertmanager", patience_s)
    async with Alertmanager(delivery, server.url, "http://localhost:6066", ZONES, mutes or Mutes()) as sink:
        driven = Hand(sink)
        await driven.assigned()
        yield driven


def known(server: AlertmanagerServer, **labels: str) -> list[dict[str, Any]]:
    """What fires in Alertmanager now."""
    with urllib.request.urlopen(f"{server.url}/api/v2/alerts", timeout=LONG_S) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return [each for each in found if labels.items() <= each["labels"].items()]


def severities(server: AlertmanagerServer) -> list[str]:
    return sorted(each["labels"]["severity"] for each in known(server))


async def test_an_open_alert_fires_there(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("8412", summary="Order 8412 must be shipped by 2026-11-29T19:00:47.543Z"))
    (found,) = known(alertmanager_server)
    assert found["labels"] | {"alert": ""} == {
        "alertname": "joom.late",
        "alert": "",
        "platform": "joom",
        "shop": "s17",
        "rule": "joom.late",
        "clause": "joom-1",
        "severity": "critical",
        "stage": "overdue",
    }
    assert found["annotations"]["order"] == "8412"
    assert found["annotations"]["title"] == "Shipped late"
    assert found["annotations"]["summary"] == "Order 8412 must be shipped by 2026-11-30 03:00 Asia/Shanghai"
    assert found["generatorURL"].startswith("http://localhost:6066/#/alerts/joom.late%3A")


def silences(server: AlertmanagerServer) -> list[dict[str, Any]]:
    """The silences in force in Alertmanager."""
    with urllib.request.urlopen(f"{server.url}/api/v2/silences", timeout=LONG_S) as answer:
        return [each for each in json.load(answer) if each["status"]["state"] == "active"]


async def test_a_muted_one_is_silenced_there_until_the_mute_is_lifted(alertmanager_server: AlertmanagerServer) -> None:
    one = alert("1")
    mutes, log = muted(one, by="Li Wei", comment="on its way")
    async with hand(alertmanager_server, mutes=mutes) as sink:
        now_ms = wall_ms()
        await sink.send(one, alert("2"))
        (silence,) = silences(alertmanager_server)
        assert (silence["createdBy"], silence["comment"]) == ("Li Wei", "on its way")
        assert silence["matchers"] == [{"name": "alert", "value": name_of(one), "isRegex": False, "isEqual": True}]
        await until(lambda: known(alertmanager_server, alert=name_of(one))[0]["status"]["state"] == "suppressed")
        assert known(alertmanager_server, alert=name_of(alert("2")))[0]["status"]["state"] != "suppressed"
        log.ack(ack_key("muted", name_of(one)), None)
        await sink.run(now_ms + 2 * SILENCE_MS)
        assert silences(alertmanager_server) == []


async def test_a_silence_is_renewed_as_long_as_the_mute_holds(alertmanager_server: AlertmanagerServer) -> None:
    asked: list[str] = []
    one = alert("1")
    mutes, _ = muted(one)
    ack = mutes.of(read(one))
    assert ack is not None
    async with Alertmanager(Delivery("alertmanager"), alertmanager_server.url, "", ZONES, mutes) as sink:

        async def request(method: str, path: str, body: bytes | None) -> bytes:
            asked.append(method)
            return await sink.request(method, f"{alertmanager_server.url}/api/v2{path}", body, JSON)

        held = Silences(request)
        now_ms = wall_ms()
        await held.keep({name_of(one): ack}, now_ms)
        await held.keep({name_of(one): ack}, now_ms + RENEW_MS - 1)
        assert asked == ["POST"]
        (before,) = silences(alertmanager_server)
        await held.keep({name_of(one): ack}, now_ms + RENEW_MS)
        (after,) = silences(alertmanager_server)
        assert (after["id"], asked) == (before["id"], ["POST", "POST"])
        assert after["endsAt"] > before["endsAt"]
        alertmanager_server.restart()  # it keeps nothing on disk that the test's has
        await sink.delivery.send(lambda: held.keep({name_of(one): ack}, now_ms + 2 * RENEW_MS))
        assert len(silences(alertmanager_server)) == 1


class Asked:
    """What is asked of an Alertmanager; it is away while `error` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None

    async def __call__(self, method: str, path: str, body: bytes | None) -> bytes:
        self.asked.append(method)
        if self.error is not None:
            raise self.error
        return b'{"silenceID": "7"}'


async def test_a_silence_whose_mute_has_an_end_ends_by_itself_then() -> None:
    """Alertmanager answers with an error (500) if one that has ended is ended again."""
    asked, now_ms = Asked(), wall_ms()
    held = Silences(asked)
    ack = Ack(alert="a", kind="muted", at=rfc3339(now_ms), until=rfc3339(now_ms + 60_000), seen_step=Step(1))
    await held.keep({"a": ack}, now_ms)
    await held.keep({}, now_ms + 60_000)
    await held.keep({}, now_ms + 65_000)
    assert asked.asked == ["POST"]


async def test_a_mute_that_is_lifted_while_alertmanager_is_away_ends_once_it_is_back() -> None:
    asked, now_ms = Asked(), wall_ms()
    held = Silences(asked)
    await held.keep({"a": Ack(alert="a", kind="muted", at=rfc3339(now_ms), seen_step=Step(1))}, now_ms)
    asked.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await held.keep({}, now_ms)
    asked.error = None
    await held.keep({}, now_ms)
    await held.keep({}, now_ms)
    assert asked.asked == ["POST", "DELETE", "DELETE"]


async def test_a_resolved_one_no_longer_does(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("1"), alert("2"))
        await sink.send(alert("1", 2, "resolved"))
    assert [each["annotations"]["order"] for each in known(alertmanager_server)] == ["2"]


async def test_a_change_of_severity_leaves_no_ghost(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert(severity="info", stage="due_soon"))
        assert severities(alertmanager_server) == ["info"]
        await sink.send(alert(revision=2, severity="warning", stage="due_soon"))
        assert severities(alertmanager_server) == ["warning"]
        await sink.send(alert(revision=3, severity="critical", stage="overdue"))
        assert severities(alertmanager_server) == ["critical"]
        await sink.send(alert(revision=4, severity="warning", stage="due_soon"))
        assert severities(alertmanager_server) == ["warning"]
        await sink.send(alert(revision=5, state="resolved", severity="warning", stage="due_soon"))
        assert severities(alertmanager_server) == []


async def test_alertmanager_restarted_empty_is_told_all_again(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("1"), alert("2"), alert("3", state="resolved"))
        alertmanager_server.restart()
        assert known(alertmanager_server) == []
        await sink.run(wall_ms() + AGAIN_MS)
    assert len(known(alertmanager_server)) == 2


async def test_a_request_that_was_lost_is_made_up_for(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server, patience_s=0) as sink:
        await sink.send(alert("1"))
        alertmanager_server.stop()
        await sink.send(alert("1", 2, "resolved"), alert("2"))
        assert sink.sink.delivery.counters.given_up > 0
        alertmanager_server.start()
        await sink.run(wall_ms() + AGAIN_MS)
    assert [each["annotations"]["order"] for each in known(alertmanager_server)] == ["2"]


async def test_a_request_that_is_refused_keeps_no_other_from_being_sent() -> None:
    async with Receiver([400]) as receiver, hand(receiver) as sink:
        await sink.send(*(alert(str(n)) for n in range(AT_ONCE + 1)))
    assert [len(body) for body in receiver.bodies] == [AT_ONCE, 1]


async def test_what_is_refused_is_sent_again_at_the_interval_and_not_at_once() -> None:
    async with Receiver([400]) as receiver, hand(receiver) as sink:
        await sink.send(alert("1"))
        await sink.run()
        assert len(receiver.requests) == 1
        await sink.run(wall_ms() + AGAIN_MS)
    assert len(receiver.requests) == 2


async def test_between_two_rounds_only_news_is_sent(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("1"), alert("2"))
        alertmanager_server.restart()
        await sink.send(alert("3"))
    assert [each["annotations"]["order"] for each in known(alertmanager_server)] == ["3"]


async def test_nothing_is_said_before_the_topic_has_been_read_to_its_end(
    alertmanager_server: AlertmanagerServer,
) -> None:
    async with hand(alertmanager_server) as sink:
        sink.write(alert("1"), alert("2"), alert("1", 2, "resolved"))
        await sink.assigned()
        await sink.sink.deliver(0, sink.log[:2])
        await sink.sink.tick(wall_ms())
        assert known(alertmanager_server) == []
        sink.at = 2
        await sink.run()
    assert [each["annotations"]["order"] for each in known(alertmanager_server)] == ["2"]


async def test_whoever_gains_the_partition_knows_what_fires(alertmanager_server: AlertmanagerServer) -> None:
    log = [alert("1"), alert("2", severity="info"), alert("2", 2), alert("3"), alert("3", 2, "resolved")]
    async with hand(alertmanager_server) as first:
        await first.send(*log)
    alertmanager_server.restart()
    async with hand(alertmanager_server) as second:
        second.write(*log)
        await second.assigned(resume=len(log))
        await second.run()
    assert {(each["annotations"]["order"], each["labels"]["severity"]) for each in known(alertmanager_server)} == {
        ("1", "critical"),
        ("2", "critical"),
    }


async def test_a_partition_that_is_lost_is_no_longer_spoken_for(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("1"))
        sink.sink.revoked(0)
        alertmanager_server.restart()
        await sink.sink.tick(wall_ms() + AGAIN_MS)
    assert known(alertmanager_server) == []


async def test_many_alerts_go_in_several_requests(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.run()
        await sink.send(*(alert(str(n)) for n in range(AT_ONCE + 1)))
        assert sink.sink.delivery.counters.delivered == AT_ONCE + 1
    assert len(known(alertmanager_server)) == AT_ONCE + 1


async def test_it_ends_by_itself_if_nobody_sends_it_again(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert())
    (found,) = known(alertmanager_server, alert=name_of(alert()))
    assert found["startsAt"] < found["updatedAt"] < found["endsAt"]


async def test_an_alertmanager_that_is_away_is_waited_for(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        alertmanager_server.stop()
        sending = asyncio.ensure_future(sink.send(alert("1")))
        await until(lambda: sink.sink.delivery.counters.retried > 1)
        alertmanager_server.start()
        await sending
    assert len(known(alertmanager_server)) == 1
