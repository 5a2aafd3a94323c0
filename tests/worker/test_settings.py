"""Settings from the environment."""

from pathlib import Path

import pytest

from streams.settings import DESCRIPTIONS, BadSettingError, Settings, bootstrap_servers, describe, from_environment

BROKER = {"SHIPCLOCK_BROKER": "kafka://localhost:9092"}


def test_only_the_broker_must_be_set() -> None:
    assert from_environment(BROKER) == Settings(broker="kafka://localhost:9092")


def test_every_variable_is_read() -> None:
    given = BROKER | {
        "SHIPCLOCK_APP_ID": "late",
        "SHIPCLOCK_TOPIC_PREFIX": "eu-",
        "SHIPCLOCK_PARTITIONS": "12",
        "SHIPCLOCK_PACKS": "joom, mine.yaml,",
        "SHIPCLOCK_CLOCK": "Event",
        "SHIPCLOCK_DATADIR": "/data",
        "SHIPCLOCK_LOG_LEVEL": "WARNING",
    }
    assert from_environment(given) == Settings(
        broker="kafka://localhost:9092",
        app_id="late",
        topic_prefix="eu-",
        partitions=12,
        packs=("joom", "mine.yaml"),
        clock="event",
        datadir=Path("/data"),
        log_level="warning",
    )


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert from_environment(BROKER | {"SHIPCLOCK_CLOCK": " ", "SHIPCLOCK_PARTITIONS": ""}).clock == "wall"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BROKER", "", "SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092"),
        ("BROKER", "http://localhost:9092", "SHIPCLOCK_BROKER=http://localhost:9092 is no broker"),
        ("BROKER", "kafka://a:9092,", "SHIPCLOCK_BROKER=kafka://a:9092, is no broker"),
        ("BROKER", "kafka://a:9092;b:9092", "is no broker"),
        ("BROKER", "kafka://a:port", "is no broker"),
        ("BROKER", "kafka://a:99999", "is no broker"),
        ("PARTITIONS", "0", "SHIPCLOCK_PARTITIONS=0 is no count from 1 to 10000"),
        ("PARTITIONS", "four", "SHIPCLOCK_PARTITIONS=four is no count"),
        ("PARTITIONS", "10001", "is no count"),
        ("CLOCK", "sun", "SHIPCLOCK_CLOCK=sun is none of wall, event"),
        ("LOG_LEVEL", "loud", "SHIPCLOCK_LOG_LEVEL=loud is none of debug, info, warning, error"),
    ],
)
def test_a_variable_that_is_wrong_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(BadSettingError, match="SHIPCLOCK_") as caught:
        from_environment(BROKER | {f"SHIPCLOCK_{name}": value})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("broker", "servers"),
    [
        ("kafka://localhost", ["localhost:9092"]),
        ("kafka://a:1234", ["a:1234"]),
        ("kafka://a:9092,b:9093, kafka://c", ["a:9092", "b:9093", "c:9092"]),
        ("10.0.0.1:9092", ["10.0.0.1:9092"]),
        ("kafka://[::1]:9092", ["[::1]:9092"]),
    ],
)
def test_brokers_are_written_in_several_ways(broker: str, servers: list[str]) -> None:
    assert bootstrap_servers(from_environment({"SHIPCLOCK_BROKER": broker})) == servers


def test_help_lists_every_variable() -> None:
    assert [line.split()[0] for line in describe().splitlines()] == [
        f"SHIPCLOCK_{name.upper()}" for name in DESCRIPTIONS
    ]
