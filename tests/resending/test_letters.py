"""`shipclock dead-letters list`, `show` and `count`, on the embedded broker."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer

from streams.kafka.dead_letters import KEPT_VALUE_BYTES, dead_letter
from streams.kafka.embedded import EmbeddedBroker
from streams.resending.letters import kind_of
from tests.commands.support import run
from tests.runtime.support import record

WRONG_KEY = "wrong key: the record's is joom/other, its event is of joom/s17"
LATER_MS = 2_000_000_000_000

LETTERS = [
    (1_000, dead_letter(record("orders", b"{", offset=7), "JSON is malformed: expected a name (byte 1)")),
    (2_000, dead_letter(record("orders", b'{"a":"\x1b"}', offset=8, key=None), WRONG_KEY)),
    (3_000, dead_letter(record("tracking", b"{}", offset=9), WRONG_KEY.replace("s17", "s18"), kept=True)),
    (LATER_MS, dead_letter(record("orders", b"v" * (KEPT_VALUE_BYTES + 1), offset=10), "the record has 524,289 bytes")),
]


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with EmbeddedBroker() as embedded:
        asyncio.run(_write(embedded.bootstrap))
        yield embedded.bootstrap


async def _write(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for topic in ("orders", "tracking"):
            await producer.partitions_for(topic)  # which makes it
        for at_ms, letter in LETTERS:
            await producer.send_and_wait(
                "dead-letters", letter.value, letter.key, partition=1, timestamp_ms=at_ms, headers=letter.headers
            )


@pytest.fixture(autouse=True)
def _settings(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPCLOCK_BROKER", f"kafka://{broker}")


def test_they_are_listed_with_place_time_origin_key_and_reason() -> None:
    result = run("dead-letters", "list")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "1-0  1970-01-01T00:00:01Z  orders-2-7  joom/s17  JSON is malformed: expected a name (byte 1)",
        f"1-1  1970-01-01T00:00:02Z  orders-2-8  -  {WRONG_KEY}",
        f"1-2  1970-01-01T00:00:03Z  tracking-2-9  joom/s17  {WRONG_KEY.replace('s17', 's18')}",
        "1-3  2033-05-18T03:33:20Z  orders-2-10  joom/s17  the record has 524,289 bytes",
    ]


def test_of_many_only_the_newest_are_listed_and_it_is_said_how_many_are_not() -> None:
    result = run("dead-letters", "list", "--limit", "1")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["1-3"]
    assert result.stderr == "3 earlier ones are left out (--limit)\n"


def test_only_those_with_a_reason_are_listed() -> None:
    result = run("dead-letters", "list", "--reason", "WRONG KEY")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["1-1", "1-2"]


def test_only_those_set_aside_since_a_moment_are_listed() -> None:
    result = run("dead-letters", "list", "--since", "2030-01-01T00:00:00Z")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["1-3"]


def test_they_are_counted_by_topic_and_kind_of_reason() -> None:
    result = run("dead-letters", "count")
    assert result.exit_code == 0
    assert sorted(result.stdout.splitlines()[:-1]) == [
        "        1  orders    JSON is malformed",
        "        1  orders    the record has … bytes",
        "        1  orders    wrong key",
        "        1  tracking  wrong key",
    ]
    assert result.stdout.endswith("4 dead letters\n")


def test_one_is_shown_with_what_is_said_of_it_and_the_record_without_escapes() -> None:
    result = run("dead-letters", "show", "1-1")
    assert result.stdout.splitlines() == [
        "set aside: 1970-01-01T00:00:02Z",
        "topic: orders",
        "partition: 2",
        "offset: 8",
        f"reason: {WRONG_KEY}",
        "key: -",
        'value: {"a":"\\x1b"}',
    ]


@pytest.mark.parametrize("place", ["1-99", "9-0"])
def test_one_that_is_not_there_is_told_in_one_line(place: str) -> None:
    result = run("dead-letters", "show", place)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"there is no dead letter {place}\n")


def test_a_place_that_is_none_is_told_in_one_line() -> None:
    result = run("dead-letters", "show", "x")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "'x' is not like 2-17" in result.stderr


def test_a_broker_that_is_away_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.topics.ANSWER_S", 0.2)
    monkeypatch.setenv("SHIPCLOCK_BROKER", "kafka://127.0.0.1:1")
    result = run("dead-letters", "count")
    assert result.exit_code == 2
    assert result.stderr == "shipclock dead-letters: no Kafka broker answers at kafka://127.0.0.1:1\n"


def test_what_would_be_sent_is_said_and_what_would_not() -> None:
    result = run("dead-letters", "resend")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "would send 2 dead letters again",
        "        1  orders  JSON is malformed",
        "        1  orders  wrong key",
        "left out 1 kept without a detail: their events count already (--kept sends them as well)",
        "left out 1 cut: only their beginning was kept",
        "nothing has been sent: --yes sends them",
    ]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("wrong key: the record's is joom/a, its event is of joom/b", "wrong key"),
        ("time 2026-01-01T00:00:00Z is more than 10 minutes ahead of the clock",
         "time … is more than … minutes ahead of the clock"),
        ("order.paid belongs on `orders`, this is `shops`", "order.paid belongs on `orders`, this is `shops`"),
        ("joom: order has no id: {}", "joom: order has no id"),
        ("the record has no key; it must be joom/a", "the record has no key"),
        ("kept without data.amount: 'x' is no sum", "kept without data.amount"),
        ("", ""),
    ],
)  # fmt: skip
def test_reasons_of_one_kind_are_one(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind
