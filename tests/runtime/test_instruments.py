"""What the worker's metrics say of the alerts it has emitted."""

from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.registry import Collector

from streams.clock import wall_ms
from streams.runtime.instruments import ManyHistogram
from streams.runtime.partition import Batch, Partition
from tests.runtime.support import LATE_MS, PARTITIONS, book, event, record


def lateness() -> tuple[float, float]:
    """How many alerts were observed, and how late they were in all (s). The sum has those of earlier tests, too, and
    isn't exact: it is told to the millisecond, which clocks go by."""
    found = [REGISTRY.get_sample_value(f"shipclock_firing_lateness_seconds_{each}") for each in ("count", "sum")]
    return found[0] or 0.0, round(found[1] or 0.0, 3)


def test_each_of_many_alerts_of_one_instant_is_counted_with_how_late_it_was() -> None:
    partition = Partition(2, PARTITIONS, book(), "wall")
    placed_ms = wall_ms() - 2 * LATE_MS
    values = [event("order.placed", placed_ms, str(n)) for n in range(3)]
    partition.apply(Batch("orders", 2, [record("orders", value, offset=n) for n, value in enumerate(values)]))
    while not partition.evaluate(placed_ms + LATE_MS + 5_000, 500):
        pass
    count, total_s = lateness()
    partition.reasons.count()
    assert lateness() == (count + 3, round(total_s + 15.0, 3))
    partition.reasons.count()
    assert lateness() == (count + 3, round(total_s + 15.0, 3)), "counted once"


def test_many_observations_at_once_are_shown_as_one_by_one() -> None:
    one_by_one = Histogram("one_by_one", "", buckets=(0.001, 0.5, 30, 300), registry=CollectorRegistry())
    at_once = ManyHistogram("at_once", "", (0.001, 0.5, 30, 300), CollectorRegistry())
    for value, number in ((0.0, 3), (0.5, 2), (0.75, 1), (1_000, 4)):
        at_once.observe(value, number)
        for _ in range(number):
            one_by_one.observe(value)
    assert samples(at_once) == samples(one_by_one)


def samples(histogram: Collector) -> dict[tuple[str, str | None], float]:
    (family,) = histogram.collect()
    found = {(each.name.removeprefix(family.name), each.labels.get("le")): each.value for each in family.samples}
    return {key: value for key, value in found.items() if key[0] != "_created"}
