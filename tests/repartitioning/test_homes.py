"""Every record of state goes where its shop's records will be written from then on."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from rules.messages.names import encoded, shop_key
from streams.kafka.keys import entry_key, order_key, partition_of
from streams.kafka.topics import TopicNames
from streams.repartitioning import homes, moving
from streams.repartitioning.copying import Copied
from streams.repartitioning.moving import CannotMoveError, Move
from streams.runtime.changelog import CLOCK_KEY
from streams.settings import Settings
from streams.views.acks import ack_key
from streams.views.packed import packed_key
from tests.runtime.support import record

SHOPS = ["s1", "a/b:c%", "店 1"]


class Shop:
    platform = "joom"

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize("partitions", [8, 12])
@pytest.mark.parametrize("shop", SHOPS)
def test_each_topics_keys_lead_to_the_shops_own_partition(shop: str, partitions: int) -> None:
    home = partition_of("joom", shop, partitions)
    alert = f"joom.late:{encoded('joom')}/{encoded(shop)}:{encoded('o:1')}:-"
    assert homes.of_key(shop_key("joom", shop).encode(), partitions) == home
    assert homes.of_alert(alert.encode(), partitions) == home
    assert homes.of_ack(ack_key("ack", alert), partitions) == home
    assert homes.of_record_of_shop(packed_key("joom", shop, "o/1"), partitions) == home
    assert homes.of_fact(order_key("joom", shop, "1"), partitions) == home
    assert homes.of_fact(entry_key(Shop(shop), "stock", ("A1",)), partitions) == home


def test_what_is_of_no_shop_has_no_home() -> None:
    assert homes.of_fact(CLOCK_KEY, 8) is None
    assert homes.of_alert(b"nonsense", 8) is None


def test_all_state_that_nobody_can_make_again_is_moved() -> None:
    names = TopicNames("", "app")
    assert set(homes.homes(names)) == {*names.compacted, names.daily_values} - {names.standings}


def test_an_offset_becomes_the_number_of_copied_records_before_it() -> None:
    copied = Copied()
    for number, offset in [(1, 0), (5, 1), (1, 3), (1, 7)]:
        copied.note(number, offset)
    assert [copied.position(1, offset) for offset in (0, 1, 3, 4, 8)] == [0, 1, 1, 2, 3]
    assert (copied.position(5, 8), copied.position(9, 8)) == (1, 0)


def test_state_that_lies_elsewhere_is_not_passed_over_in_silence() -> None:
    """As where partitions were added to the topics themselves; the copy would be without those shops."""
    move = Move(Settings(broker="kafka://nowhere"), "v2-", 8)
    move._count = 4
    home = partition_of("joom", "s1", 4)
    fact = order_key("joom", "s1", "1")
    assert list(move._homes(homes.of_fact, record("facts", b"x", partition=home, key=fact))) == [
        partition_of("joom", "s1", 8)
    ]
    with pytest.raises(CannotMoveError, match="isn't in its shop's partition"):
        list(move._homes(homes.of_fact, record("facts", b"x", partition=(home + 1) % 4, key=fact)))


def test_a_partitions_clock_goes_to_all_that_take_from_it() -> None:
    move = Move(Settings(broker="kafka://nowhere"), "v2-", 12)
    move._count = 4
    assert list(move._homes(homes.of_fact, record("facts", b"x", partition=1, key=CLOCK_KEY))) == [1, 5, 9]


async def test_no_input_counts_as_read_before_all_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it breaks off, all is begun again: what counted as read by then would be in neither topic."""
    move = Move(Settings(broker="kafka://nowhere"), "v2-", 8)
    move._count = 4
    committed: list[dict[tuple[str, int], int]] = []
    monkeypatch.setattr(move, "_committed", lambda group: {})
    monkeypatch.setattr(move, "_commit", lambda group, offsets: committed.append(offsets))
    away = {"v2-tracking"}

    async def copy(
        consumer: Any, producer: Any, starts: Mapping[TopicPartition, int], to: str, targets: Any
    ) -> tuple[Copied, dict[TopicPartition, int]]:
        if to in away:
            raise KafkaConnectionError
        return Copied(), dict.fromkeys(starts, 7)

    monkeypatch.setattr(moving, "copy", copy)
    consumer: Any = None
    producer: Any = None
    with pytest.raises(KafkaConnectionError):
        await move._copy_inputs(consumer, producer)
    assert committed == []
    away.clear()
    await move._copy_inputs(consumer, producer)
    assert committed == [{(topic, number): 7 for topic in TopicNames("", "app").inputs for number in range(4)}]
