"""The webhook, on a real HTTP server and checked by Standard Webhooks' own library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest
from standardwebhooks import Webhook as Verifier

from streams.sinks.delivery import Delivery
from streams.sinks.webhook import Webhook
from tests.sinks.support import Hand, Naps, Receiver, alert, read
from tests.support.ports import free_port

KEY = bytes(range(32))


@asynccontextmanager
async def hand(url: str, patience_s: float = 60.0) -> AsyncIterator[Hand]:
    async with Webhook(Delivery("webhook", patience_s, sleep=Naps()), url, KEY) as sink:
        driven = Hand(sink)
        await driven.assigned()
        yield driven


async def test_an_alert_arrives_as_the_cloud_event_it_is() -> None:
    value = alert()
    async with Receiver() as receiver, hand(receiver.url) as webhook:
        await webhook.send(value)
    ((headers, body),) = receiver.requests
    assert body == value
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"


async def test_the_signature_satisfies_the_standards_own_library() -> None:
    async with Receiver() as receiver, hand(receiver.url) as webhook:
        await webhook.send(alert("订单-1"))
    ((headers, body),) = receiver.requests
    assert Verifier(KEY).verify(body, headers) == orjson.loads(body)


async def test_a_revision_keeps_its_message_id_and_another_has_another() -> None:
    async with Receiver([500]) as receiver, hand(receiver.url) as webhook:
        await webhook.send(alert("1", 1))
        await webhook.send(alert("1", 2))
    first, again, second = (headers["webhook-id"] for headers, _ in receiver.requests)
    assert first == again != second


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_receiver_in_trouble_is_tried_again(status: int) -> None:
    async with Receiver([status, status]) as receiver, hand(receiver.url) as webhook:
        await webhook.send(alert())
    counters = webhook.sink.delivery.counters
    assert (counters.delivered, counters.retried, len(receiver.requests)) == (1, 2, 3)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
async def test_a_receiver_that_refuses_is_not_pressed(status: int) -> None:
    async with Receiver([status]) as receiver, hand(receiver.url) as webhook:
        await webhook.send(alert("1"), alert("2"))
    counters = webhook.sink.delivery.counters
    assert (counters.delivered, counters.given_up, len(receiver.requests)) == (1, 1, 2)


async def test_nobody_there_is_given_up_when_patience_ends() -> None:
    async with hand(f"http://127.0.0.1:{free_port()}/hook", patience_s=0) as webhook:
        await webhook.send(alert())
    assert webhook.sink.delivery.counters.given_up == 1


async def test_revisions_of_one_alert_arrive_in_order() -> None:
    async with Receiver([503, 200, 503, 503]) as receiver, hand(receiver.url) as webhook:
        await webhook.send(*(alert("1", n) for n in range(1, 6)), alert("2"))
    taken = [body["data"]["revision"] for body in receiver.bodies if body["order"] == "1"]
    assert taken == sorted(taken) and set(taken) == {1, 2, 3, 4, 5}


async def test_a_new_receiver_is_not_told_what_had_ended_before() -> None:
    async with Receiver() as receiver, hand(receiver.url) as webhook:
        webhook.write(alert("old", 7, "resolved"), alert("1"), alert("1", 2, "resolved"), alert("2", 3))
        await webhook.assigned()
        await webhook.run()
        await webhook.send(alert("old", 8, "resolved"))
    received = [(body["order"], body["data"]["revision"]) for body in receiver.bodies]
    assert sorted(received) == [("1", 1), ("1", 2), ("2", 3), ("old", 8)]


async def test_what_is_no_alert_is_counted_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async with Receiver() as receiver, hand(receiver.url) as webhook:
        await webhook.send(b'{"order": "secret"}', key="x")
        await webhook.send(alert())
        await webhook.send(None, key="x")
    assert webhook.sink.delivery.counters.given_up == 1
    assert [read(body).data.revision for _, body in receiver.requests] == [1]
    assert "secret" not in caplog.text
