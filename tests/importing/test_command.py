import asyncio
import gc
import json
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2
from click.testing import CliRunner, Result

from streams.commands.importing import import_
from tests.importing.support import ITEMS_HEADER, ORDERS_HEADER, written
from tests.support.kafka import Kafka, create_topics, read_topic

MAP = """\
platform: joom
shop: {column: Shop}
columns:
  order: No
  placed: Placed
  shipped: Shipped
  collected: Scanned
  delivered: Delivered
"""
HEADER = "No,Shop,Placed,Shipped,Scanned,Delivered"
ROW = "1,s1,2026-01-01T00:00Z,2026-01-02T00:00Z,2026-01-03T00:00Z,2026-01-04T00:00Z"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(import_, [str(argument) for argument in arguments])


def csv_import(folder: Path, *rows: str) -> list[str | Path]:
    file = written(folder, "orders.csv", HEADER, *rows)
    return ["csv", file, "--map", written(folder, "map.yaml", MAP)]


def test_events_go_to_stdout_one_a_line(tmp_path: Path) -> None:
    result = run(*csv_import(tmp_path, ROW))
    assert [json.loads(line)["type"] for line in result.stdout.splitlines()] == [
        "order.placed",
        "order.shipped",
        "pickup.collected",
        "tracking.updated",
    ]
    assert result.stderr == "4 events, 0 bad rows\n"
    assert result.exit_code == 0


def test_events_go_to_a_file(tmp_path: Path) -> None:
    result = run(*csv_import(tmp_path, ROW), "-o", tmp_path / "events.jsonl")
    assert result.stdout == ""
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 4


def test_importing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    assert run(*csv_import(tmp_path, ROW)).stdout == run(*csv_import(tmp_path, ROW)).stdout


def test_olist_files_are_imported(tmp_path: Path) -> None:
    orders = written(tmp_path, "o.csv", ORDERS_HEADER, "o1,c1,created,2018-05-02 10:00:00,,,,")
    items = written(tmp_path, "i.csv", ITEMS_HEADER, "o1,1,p1,s1,2018-05-08 11:00:00,58.90,13.29")
    result = run("olist", orders, items)
    assert json.loads(result.stdout)["shop"] == "s1"


def test_bad_rows_are_told_and_end_with_2_after_the_good_ones(tmp_path: Path) -> None:
    result = run(*csv_import(tmp_path, "1,s1,soon,,,", ROW.replace("1,", "2,", 1)))
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr.splitlines() == [
        f"{tmp_path / 'orders.csv'}:2: placed: 'soon' is not a time like 2026-01-31 18:30:00",
        "4 events, 1 bad rows (their orders are left out)",
    ]
    assert result.exit_code == 2


def test_a_file_of_bad_rows_does_not_flood_the_screen(tmp_path: Path) -> None:
    result = run(*csv_import(tmp_path, *(f"{n},s1,soon,,," for n in range(500))))
    lines = result.stderr.splitlines()
    assert lines[20:] == ["… and 480 more bad rows", "0 events, 500 bad rows (their orders are left out)"]


def test_what_can_not_be_read_ends_with_2_and_one_line(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    result = run("csv", file, "--map", written(tmp_path, "map.yaml", MAP))
    assert (result.exit_code, result.stderr) == (2, f"{file}: No such file or directory\n")


def test_an_output_that_can_not_be_written_ends_with_2(tmp_path: Path) -> None:
    result = run(*csv_import(tmp_path, ROW), "-o", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: Is a directory\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to-kafka", "127.0.0.1:9092"], "'127.0.0.1:9092' is not like kafka://host:9092"),
        (["--to-kafka", "kafka://h:1", "-o", "x"], "--output and --to-kafka exclude each other"),
        (["--tick", "2026-01-01T00:00Z"], "--tick needs --to-kafka"),
        (
            ["--to-kafka", "kafka://h:1", "--tick", "2026-01-01"],
            "'2026-01-01' is not like 2026-01-31T18:30:00Z",
        ),
    ],
)
def test_options_that_make_no_sense_are_wrong_use(tmp_path: Path, options: list[str], message: str) -> None:
    result = run(*csv_import(tmp_path, ROW), *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_broker_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = run(*csv_import(tmp_path, ROW), "--to-kafka", "kafka://127.0.0.1:1")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("127.0.0.1:1: 0 of 4 events sent, then KafkaConnectionError: Unable to bootstrap")
    gc.collect()
    assert "Unclosed" not in caplog.text


async def to_kafka(kafka: Kafka, topic_prefix: str, arguments: list[str | Path], *more: str) -> Result:
    """Runs the command beside the test's event loop, as it has one of its own."""
    options = ["--to-kafka", f"kafka://{kafka.bootstrap}", "--topic-prefix", topic_prefix, *more]
    return await asyncio.to_thread(run, *arguments, *options)


def inputs(topic_prefix: str, *partitions: int) -> dict[str, tuple[int, dict[str, str]]]:
    names = (f"{topic_prefix}{name}" for name in ("orders", "pickups", "tracking"))
    return {name: (count, {}) for name, count in zip(names, partitions, strict=True)}


@pytest.mark.kafka
async def test_each_shops_events_go_to_one_partition_of_their_topics(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka.bootstrap, inputs(topic_prefix, 4, 4, 4))
    rows = [ROW.replace("1,s1", f"{order},s{order % 7}") for order in range(60)]
    result = await to_kafka(kafka, topic_prefix, csv_import(tmp_path, *rows))
    assert (result.exit_code, result.stderr) == (0, "240 events, 0 bad rows\n")

    types = defaultdict(list)
    for topic in ("orders", "pickups", "tracking"):
        for record in await read_topic(kafka.bootstrap, topic_prefix + topic):
            event = json.loads(record.value)
            types[topic].append(event["type"])
            assert record.key == f"joom/{event['shop']}".encode()
            assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4
    assert {topic: len(found) for topic, found in types.items()} == {
        "orders": 120,
        "pickups": 60,
        "tracking": 60,
    }
    assert set(types["orders"]) == {"order.placed", "order.shipped"}


@pytest.mark.kafka
async def test_a_tick_ends_every_partition_of_the_inputs(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    await create_topics(kafka.bootstrap, inputs(topic_prefix, 3, 3, 3))
    await to_kafka(kafka, topic_prefix, csv_import(tmp_path, ROW), "--tick", "2026-02-01T01:00:00+01:00")
    for topic in ("orders", "pickups", "tracking"):
        last = {}
        for record in await read_topic(kafka.bootstrap, topic_prefix + topic):
            last[record.partition] = json.loads(record.value)
        tick = {"type": "clock.tick", "time": "2026-02-01T00:00:00Z"}
        assert last == {0: tick, 1: tick, 2: tick}


@pytest.mark.kafka
async def test_topics_that_are_not_there_are_not_made(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    result = await to_kafka(kafka, topic_prefix, csv_import(tmp_path, ROW))
    assert result.exit_code == 2
    assert result.stderr == (f"there is no topic {topic_prefix}orders: start `shipclock worker` once, it makes them\n")


@pytest.mark.kafka
async def test_inputs_with_different_partition_counts_are_refused(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka.bootstrap, inputs(topic_prefix, 2, 1, 2))
    result = await to_kafka(kafka, topic_prefix, csv_import(tmp_path, ROW))
    assert result.exit_code == 2
    assert "the inputs must have the same number of partitions" in result.stderr


def test_a_platform_that_no_pack_watches_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = csv_import(tmp_path, ROW)
    written(tmp_path, "map.yaml", MAP.replace("platform: joom", "platform: JOOM"))
    result = run(*arguments)
    assert result.stderr.splitlines() == [
        "no pack watches the platform JOOM: nothing of it raises an alert; did you mean joom?",
        "4 events, 0 bad rows",
    ]
    assert result.exit_code == 0
    own = written(tmp_path, "own.yaml", "platform: '*'", "rules: []")
    monkeypatch.setenv("SHIPCLOCK_PACKS", str(own))
    assert run(*arguments).stderr == "4 events, 0 bad rows\n"
