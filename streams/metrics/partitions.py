"""The state of each partition of this worker, read when Prometheus asks."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from rules.calendar.instants import MIN_MS
from streams.runtime.partition import Partition


def families(worker: Any) -> Iterator[Metric]:
    """`worker` is a `streams.runtime.worker.Worker`."""
    clock = GaugeMetricFamily(
        "shipclock_watermark_timestamp_seconds",
        "The instant up to which a partition has been evaluated (epoch s)",
        labels=["partition"],
    )
    lag = GaugeMetricFamily(
        "shipclock_watermark_lag_seconds",
        "How far a partition's clock is behind: the wall clock, or in event time its most advanced input",
        labels=["partition"],
    )
    records = GaugeMetricFamily(
        "shipclock_input_lag_records", "Records of an input not applied yet", labels=["topic", "partition"]
    )
    used = GaugeMetricFamily(
        "shipclock_ceiling_used",
        "How much of the shops or orders that a partition may know are known (0 to 1)",
        labels=["partition", "of"],
    )
    orders = GaugeMetricFamily(
        "shipclock_orders",
        "Orders that a partition knows: in memory, and finished ones on the disk alone",
        labels=["partition", "where"],
    )
    not_checkpointed = GaugeMetricFamily(
        "shipclock_orders_not_checkpointed",
        "Orders that have left or come back to memory since their shop's checkpoint; a start restores them one by one",
        labels=["partition"],
    )
    held = dict(worker.partitions)
    for number, partition in held.items():
        if partition.engine.clock_ms > MIN_MS:
            clock.add_metric([str(number)], partition.engine.clock_ms / 1000)
            lag.add_metric([str(number)], watermark_lag_ms(partition, worker.wall_clock.now_ms()) / 1000)
        for of, known, most in partition.ceiling_watch.used():
            used.add_metric([str(number), of], known / most)
        evicted = len(partition.engine.ledger)
        orders.add_metric([str(number), "memory"], partition.engine.order_count - evicted)
        orders.add_metric([str(number), "disk"], evicted)
        not_checkpointed.add_metric([str(number)], sum(shop.moved for shop in list(partition.engine.shops.values())))
    if not worker.kafka.is_away:  # else it isn't known, and the last figures would look as if all were well
        for (topic, number), behind in worker.behind().items():
            records.add_metric([topic, str(number)], behind)
    yield clock
    yield lag
    yield records
    yield used
    yield orders
    yield not_checkpointed
    yield GaugeMetricFamily(
        "shipclock_kafka_silent_seconds",
        "How long the oldest question to Kafka has been without an answer",
        value=worker.kafka.silent_s,
    )
    yield GaugeMetricFamily("shipclock_partitions", "Partitions this worker has", value=len(held))


def watermark_lag_ms(partition: Partition, now_ms: int) -> int:
    """How far the partition's clock is behind: in wall time behind `now_ms`, in event time behind its most advanced
    input."""
    newest_ms = now_ms if partition.wall else max(partition.clock.ticked_ms, *partition.clock.through_ms.values())
    return max(0, newest_ms - partition.engine.clock_ms)
