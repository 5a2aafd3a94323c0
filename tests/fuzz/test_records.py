"""No record stops decode, the engine, or what is written: each is applied or becomes a dead letter, exactly once."""

import gc
import logging
import tracemalloc
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

import pytest
from prometheus_client import REGISTRY

from rules.calendar.instants import HOUR_MS
from rules.messages.alerts import decode
from streams import pack_files
from streams.kafka.topics import INPUTS
from streams.runtime.changelog import fact_records
from streams.runtime.partition import Batch, Partition
from tests.fuzz.good_records import TYPES, Record, good_records
from tests.fuzz.mutations import mutated_records
from tests.runtime.support import START_MS, record

RECORDS = 10_000
SEED = 18
BATCH = 100
END_MS = START_MS + 1_000 * HOUR_MS


@pytest.fixture(scope="module")
def book() -> object:
    return pack_files.load([])


@pytest.fixture
def unlogged() -> Iterator[None]:
    """pytest keeps every log record, and with it what it was about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Site:
    """One partition that takes whatever comes, and judges and writes after each batch as the worker does."""

    def __init__(self, book: object, clock: Literal["wall", "event"]) -> None:
        self.partition = Partition(0, 1, book, clock)  # type: ignore[arg-type]
        self.dead: list[tuple[str, int]] = []
        self.alerts = 0
        self._offsets: defaultdict[str, int] = defaultdict(int)

    def take(self, records: Iterable[Record]) -> None:
        batch: dict[str, list[Record]] = defaultdict(list)
        for each in records:
            batch[each.topic].append(each)
            if len(batch[each.topic]) == BATCH:
                self._apply(each.topic, batch.pop(each.topic))
        for topic, rest in batch.items():
            self._apply(topic, rest)

    def _apply(self, topic: str, records: list[Record]) -> None:
        first = self._offsets[topic]
        self._offsets[topic] += len(records)
        read = [
            record(topic, each.value, partition=0, offset=first + n, key=each.key) for n, each in enumerate(records)
        ]
        self.partition.apply(Batch(topic, 0, read))
        engine = self.partition.engine
        while not engine.advance(END_MS, limit=5_000):
            pass
        for _, value in self.partition.drain_alerts():
            decode(value)
            self.alerts += 1
        fact_records(engine.drain())
        self.partition.reasons.count()
        self.dead += [
            (topic, int(dict(letter.headers)["offset"]))
            for letter in self.partition.dead
            if "kept" not in dict(letter.headers)
        ]
        self.partition.dead = []


def counted() -> tuple[int, int]:
    """Events applied and dead letters, over all topics, as Prometheus is told."""
    applied = sum(
        REGISTRY.get_sample_value("shipclock_events_total", {"topic": topic, "type": kind}) or 0
        for topic in INPUTS
        for kind in [*(kind for _, kind in TYPES), "clock.tick"]
    )
    dead = sum(REGISTRY.get_sample_value("shipclock_dead_letters_total", {"topic": topic}) or 0 for topic in INPUTS)
    return int(applied), int(dead)


def test_every_good_record_is_applied(book: object) -> None:
    site = Site(book, "wall")
    site.take(good_records(2 * len(TYPES)))
    assert site.dead == []


@pytest.mark.parametrize("clock", ["wall", "event"])
def test_each_record_is_applied_or_becomes_a_dead_letter(
    book: object, share: float, clock: Literal["wall", "event"]
) -> None:
    number, site, before = int(RECORDS * share), Site(book, clock), counted()
    site.take(mutated_records(number, SEED))
    applied, dead = (now - then for now, then in zip(counted(), before, strict=True))
    assert applied + dead == number
    assert len(site.dead) == len(set(site.dead)) == dead
    assert applied > number / 5, "too few mutations are still events for this to test the engine"
    assert dead > number / 5, "too few mutations are bad for this to test decode"
    assert site.alerts > 0


@pytest.mark.no_cover  # what is measured of it would be memory, too
def test_the_corpus_a_second_time_takes_no_more_memory(book: object, share: float, unlogged: None) -> None:
    number, site = int(RECORDS * share), Site(book, "wall")

    def taken_bytes() -> int:
        site.take(mutated_records(number, SEED))
        site.dead.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first, second = taken_bytes(), taken_bytes()
    finally:
        tracemalloc.stop()
    assert second < first * 1.01
