"""The transport hands a fetch on when there is room for it."""

import asyncio
from pathlib import Path
from unittest.mock import Mock

import pytest
from faust.types import TP

from streams.runtime import transport
from streams.runtime.transport import Consumer
from tests.runtime.idle_app import idle
from tests.runtime.support import START_MS, event, record, until


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "FULL_S", 0)


@pytest.mark.usefixtures("no_pauses")
async def test_a_batch_waits_while_the_worker_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, tp = idle(tmp_path), TP("orders", 0)
    channel = app.topic("orders").stream().channel
    app.topics._tp_index[tp] = {channel}
    app.tables.actives_ready = True
    app.flow_control.resume()
    has_room = Mock(return_value=False)
    monkeypatch.setattr(app.worker, "has_room", has_room)
    monkeypatch.setattr(Consumer, "_holds", lambda _: True)
    consumer = app.consumer
    assert isinstance(consumer, Consumer)
    handing = asyncio.ensure_future(consumer._hand_over(tp, [record("orders", event("order.placed", START_MS))]))
    await until(lambda: has_room.call_count > 3)
    assert channel.queue.empty() and consumer.handed == {}
    has_room.return_value = True
    await handing
    assert channel.queue.qsize() == 1 and consumer.handed == {tp: 1}
