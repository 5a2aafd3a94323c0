"""A receiver that answers with a redirect would lead the worker to services inside: no sink follows one."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from streams.clock import wall_ms
from streams.sinks.notify.digests import GATHER_MS
from tests.sinks import test_alertmanager, test_notify, test_webhook
from tests.sinks.support import Hand, Receiver, alert

SINKS: dict[str, Callable[[Receiver], AbstractAsyncContextManager[Hand]]] = {
    "alertmanager": lambda receiver: test_alertmanager.hand(receiver, patience_s=0),
    "notify": lambda receiver: test_notify.hand(test_notify.json_url(receiver), patience_s=0),
    "webhook": lambda receiver: test_webhook.hand(receiver.url, patience_s=0),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", SINKS)
async def test_no_sink_is_led_elsewhere(name: str, status: int) -> None:
    async with Receiver() as inside, Receiver([status] * 9, elsewhere=inside.url) as receiver:
        async with SINKS[name](receiver) as sink:
            await sink.send(alert())
            await sink.run(wall_ms() + GATHER_MS)
        assert len(receiver.requests) >= 1
        assert inside.requests == []
        assert sink.sink.delivery.counters.delivered == 0
        assert sink.sink.delivery.counters.failed >= 1
