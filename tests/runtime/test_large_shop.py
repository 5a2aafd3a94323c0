"""A worker process with one shop that takes long to evaluate: the others don't wait for it, and neither do probes and
SIGTERM."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from streams.clock import wall_ms
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames
from tests.runtime.outcome import Reader
from tests.runtime.support import LATE_MS, PACK, event, sent, shop_in, until
from tests.runtime.workers import WorkerProcess
from tests.support.kafka import produce

LARGE = 3_000
"""Orders of the large shop. Each takes 2 ms to evaluate, as if there were a thousand times as many."""

SLOW = """
import time
from rules.engine.evaluate import RuleEvaluation
from streams import cli
from streams.runtime import worker
worker.SLICE = 20
evaluate = RuleEvaluation.evaluate_order
def slowly(*arguments):
    time.sleep(0.002)
    evaluate(*arguments)
RuleEvaluation.evaluate_order = slowly
cli.main(["worker"])
"""

BUSY = """
from streams import cli
from streams.commands import worker
from streams.runtime import partition
worker.STOP_S = 2.0
def busy(*arguments):
    print("busy", flush=True)
    while True:
        pass
partition.Partition.evaluate = busy
cli.main(["worker"])
"""


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        for topic in TopicNames("", "shipclock").all:  # they appear on first use
            AdminClient({"bootstrap.servers": running.bootstrap}).list_topics(topic)
        yield running


def worker(broker: EmbeddedBroker, folder: Path, program: str) -> WorkerProcess:
    settings = {
        "SHIPCLOCK_BROKER": f"kafka://{broker.bootstrap}",
        "SHIPCLOCK_DATADIR": str(folder / "data"),
        "SHIPCLOCK_PACKS": str(PACK),
        "SHIPCLOCK_WEB_PORT": "0",
    }
    return WorkerProcess(settings, folder / "worker.log", (sys.executable, "-c", program))


@pytest.mark.slow
async def test_others_alerts_probes_and_sigterm_do_not_wait_until_a_large_shop_is_evaluated(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    long_ago = wall_ms() - 2 * LATE_MS
    beside, elsewhere = shop_in(2), shop_in(3)
    await produce(
        broker.bootstrap, sent("", *(event("order.placed", long_ago, str(n), shop="s17") for n in range(LARGE)))
    )
    others = [event("order.placed", long_ago, shop=shop) for shop in (beside, elsewhere)]
    await produce(broker.bootstrap, sent("", *others))
    async with Reader(broker.bootstrap, "", "alerts") as reader:

        def alerts_by_shop() -> Counter[str]:
            return Counter(alert["shop"] for alert in reader.alerts())

        async with worker(broker, tmp_path, SLOW) as running:
            await running.ready()
            await reader.until(lambda: alerts_by_shop()[beside] and alerts_by_shop()[elsewhere])
            assert alerts_by_shop()["s17"] < LARGE, "the others waited"
            address = re.search(r"http://127\.0\.0\.1:\d+", running.log())
            assert address
            async with httpx.AsyncClient(base_url=address[0], timeout=60) as web:
                assert (await web.get("/health/live")).status_code == 200
            assert await running.stop() == 0
        await reader.to_end()
        assert alerts_by_shop()["s17"] < LARGE, "the probe or SIGTERM waited"
        async with worker(broker, tmp_path, "from streams import cli\ncli.main(['worker'])") as running:
            await reader.until(lambda: alerts_by_shop()["s17"] == LARGE)
            assert await running.stop() == 0
        await reader.to_end()
        assert {(alert["type"], alert["data"]["revision"]) for alert in reader.alerts()} == {("alert.opened", 1)}
        assert alerts_by_shop() == {"s17": LARGE, beside: 1, elsewhere: 1}, "something was lost, or told twice"


async def test_sigterm_is_obeyed_even_while_the_event_loop_is_busy_for_ever(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    await produce(broker.bootstrap, sent("", event("order.placed", wall_ms())))
    async with worker(broker, tmp_path, BUSY) as running:
        await until(lambda: "busy" in running.log())
        assert await running.stop() == 1
        assert "the worker ends without leaving its group" in running.log()
