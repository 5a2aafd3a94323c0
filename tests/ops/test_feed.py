"""`shipclock feed`: the demo's shops on a Kafka of one's own (tests/ops/test_site.py has it feed a worker)."""

import asyncio
import signal

import orjson
from click.testing import CliRunner

from rules.calendar.instants import DAY_MS, rfc3339
from streams.cli import main
from streams.clock import wall_ms
from streams.kafka.keys import partition_of
from tests.ops.test_site import SHIPCLOCK
from tests.support.kafka import Kafka, read_topic


def test_without_a_broker_it_says_so() -> None:
    done = CliRunner().invoke(main, ["feed"], env={"SHIPCLOCK_BROKER": ""})
    assert (done.exit_code, done.output) == (
        2,
        "shipclock feed: SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092\n",
    )


async def test_past_days_come_at_once_each_shop_in_its_partition_and_none_ahead_of_time(
    kafka: Kafka, topic_prefix: str
) -> None:
    began_ms = wall_ms()
    settings = {"SHIPCLOCK_BROKER": f"kafka://{kafka.bootstrap}", "SHIPCLOCK_TOPIC_PREFIX": topic_prefix}
    feeding = await asyncio.create_subprocess_exec(
        SHIPCLOCK, "feed", "--days", "1", env=settings, stderr=asyncio.subprocess.PIPE
    )
    assert feeding.stderr is not None
    await feeding.stderr.readuntil(b"events of the past 1 days are sent")
    feeding.send_signal(signal.SIGTERM)
    output = await feeding.stderr.read()
    assert (await feeding.wait(), output.splitlines()[-1]) == (0, b"stopped")
    records = await read_topic(kafka.bootstrap, f"{topic_prefix}orders")
    placed = [orjson.loads(record.value) for record in records]
    assert len(placed) > 1_000
    for record, event in zip(records, placed, strict=True):
        assert record.partition == partition_of(event["platform"], event["shop"], 4)
    times = sorted(event["time"] for event in placed)
    assert rfc3339(began_ms - DAY_MS) <= times[0]
    assert times[-1] <= rfc3339(wall_ms())
