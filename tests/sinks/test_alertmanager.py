"""The Alertmanager sink against a real Alertmanager."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streams.clock import wall_ms
from streams.sinks.alertmanager.sink import AGAIN_MS, AT_ONCE, Alertmanager
from streams.sinks.delivery import Delivery
from tests.runtime.support import until
from tests.sinks.support import Hand, Receiver, alert, name_of
from tests.support.servers import AlertmanagerServer


@asynccontextmanager
async def hand(server: AlertmanagerServer | Receiver, patience_s: float = 60.0) -> AsyncIterator[Hand]:
    async with Alertmanager(Delivery("alertmanager", patience_s), server.url, "http://localhost:6066") as sink:
        driven = Hand(sink)
        await driven.assigned()
        yield driven


def known(server: AlertmanagerServer, **labels: str) -> list[dict[str, Any]]:
    """What fires in Alertmanager now."""
    with urllib.request.urlopen(f"{server.url}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return [each for each in found if labels.items() <= each["labels"].items()]


def severities(server: AlertmanagerServer) -> list[str]:
    return sorted(each["labels"]["severity"] for each in known(server))


async def test_an_open_alert_fires_there(alertmanager_server: AlertmanagerServer) -> None:
    async with hand(alertmanager_server) as sink:
        await sink.send(alert("8412"))
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
    assert found["generatorURL"].startswith("http://localhost:6066/#/alerts/joom.late%3A")


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
