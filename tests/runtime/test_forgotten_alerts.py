"""Alerts of orders that have expired: `alerts` keeps them for ever, the local copy doesn't."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from rules.calendar.instants import DAY_MS
from rules.messages.alerts import alert_id
from streams.app import App
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.keys import order_key
from streams.runtime.store import Store
from tests.runtime.embedded_worker import running
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, START_MS, event, sent, ticks, until
from tests.support.kafka import produce

pytestmark = pytest.mark.usefixtures("written_at_once")

HOME, SHOP = 2, ("joom", "s17")
LATER_MS = START_MS + 200 * DAY_MS
"""When an order that was shipped in the first days has expired."""


def key_of_alert(order: str) -> bytes:
    return alert_id("late.ship", "joom/s17", order, "2026-01-04T00:00:00Z").encode()


def copy_of(app: App, table: str, key: bytes) -> bytes | None:
    return cast(Store, app.tables[table].data)._copies[HOME].get(key)


def orders(app: App) -> set[str]:
    return set(app.worker.partitions[HOME].engine.shops[SHOP].orders)


async def late_orders(broker: EmbeddedBroker, read: Reader) -> None:
    """One that is shipped late, and one that never is."""
    await produce(broker.bootstrap, sent("", *(event("order.placed", START_MS, order) for order in ("done", "open"))))
    await produce(broker.bootstrap, ticks("", START_MS + LATE_MS))
    await read.until(lambda: len(read.records) == 2)
    await produce(broker.bootstrap, sent("", event("order.shipped", START_MS + LATE_MS + 1, "done")))
    await produce(broker.bootstrap, ticks("", START_MS + LATE_MS + 2))
    await read.until(lambda: len(read.records) == 3)


async def test_a_start_reads_no_alerts_of_orders_that_have_expired(broker: EmbeddedBroker, tmp_path: Path) -> None:
    datadir = tmp_path / "data"
    async with Reader(broker.bootstrap, "", "alerts") as read:
        async with running(broker.bootstrap, datadir) as app:
            await late_orders(broker, read)
            await until(lambda: copy_of(app, "alerts", key_of_alert("done")))
            await produce(broker.bootstrap, ticks("", LATER_MS))
            await until(lambda: orders(app) == {"open"} and copy_of(app, "alerts", key_of_alert("done")) is None)
            assert copy_of(app, "facts", order_key(*SHOP, "done")) is None
            killed = Path(shutil.copytree(datadir, tmp_path / "killed"))
        for folder in (datadir, killed):
            async with running(broker.bootstrap, folder) as app:
                assert orders(app) == {"open"}
                assert copy_of(app, "alerts", key_of_alert("open")) is not None
        async with running(broker.bootstrap, tmp_path / "lost") as app:  # all of `alerts` is read
            assert orders(app) == {"done", "open"}
            await until(lambda: orders(app) == {"open"} and copy_of(app, "alerts", key_of_alert("done")) is None)
        await read.to_end()
    assert len(read.records) == 3
