"""Whether the workers keep up."""

from functools import partial
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.prometheus import Dataquery

from deploy.grafana.source.panels import GOOD_AT_NONE, board, lines, number, query

RATE = "[$__rate_interval]"
third = partial(lines, width=8)

STEPS = ("evaluate", "flush", "commit")


def dashboard() -> Dashboard:
    made = board("shipclock-worker", "The worker", "Whether the workers keep up with Kafka and the clock")
    for panel in (*_numbers(), *_input(), *_commit_cycle(), *_time(), *_process(), *_web(), *_sinks()):
        made = made.with_panel(panel)
    return made


def _numbers() -> list[Any]:
    return [
        number("Workers", 'sum(up{job="shipclock"})', colours=[(None, "red"), (1, "green")], width=3),
        number("Partitions", "sum(shipclock_partitions)", width=3),
        number("Recovering", "sum(shipclock_recovering)", colours=[(None, "green"), (1, "orange")], width=3),
        number("Events a second", f"sum(rate(shipclock_events_total{RATE}))", width=3),
        number("Open orders", "sum(shipclock_open_orders)", width=3),
        number("Open alerts", "sum(shipclock_open_alerts)", width=3),
        number("Dead letters, 1 h", "sum(increase(shipclock_dead_letters_total[1h]))", colours=GOOD_AT_NONE, width=3),
        number("Last commit, ago", "time() - max(shipclock_last_commit_timestamp_seconds)", unit="s", width=3),
    ]


def _input() -> list[Any]:
    return [
        third("Events, by type", query(f"sum by (type) (rate(shipclock_events_total{RATE}))", "{{type}}"), unit="ops"),
        third("Records not applied yet", query("sum by (topic) (shipclock_input_lag_records)", "{{topic}}")),
        third(
            "Events a batch",
            query(
                f"sum(rate(shipclock_events_total{RATE})) / sum(rate(shipclock_batches_total{RATE}))", "events a batch"
            ),
        ),
        third("Batches", query(f"sum by (topic) (rate(shipclock_batches_total{RATE}))", "{{topic}}"), unit="ops"),
        third(
            "Dead letters",
            query(f"sum by (topic) (rate(shipclock_dead_letters_total{RATE}))", "{{topic}}"),
            query(f"sum by (topic) (rate(shipclock_events_too_old_total{RATE}))", "{{topic}}, too old"),
            unit="ops",
        ),
        third(
            "Records too large, not readable, or foreign",
            query(f"sum(increase(shipclock_records_left_out_total{RATE}))", "too large to write"),
            query(f"sum(increase(shipclock_records_skipped_total{RATE}))", "passed over", ref="B"),
            query(f"sum(increase(shipclock_foreign_alert_records_total{RATE}))", "foreign, in alerts", ref="C"),
        ),
        third(
            "Shops that nothing would be said of",
            query("sum(shipclock_unwatched_shops)", "no rule watches them"),
            query("sum(shipclock_silent_shops)", "no news for longer than usual", ref="B"),
        ),
    ]


def _commit_cycle() -> list[Any]:
    means = [
        query(
            f"sum(rate(shipclock_{step}_seconds_sum{RATE})) / sum(rate(shipclock_{step}_seconds_count{RATE}))",
            step,
            ref=chr(ord("A") + n),
        )
        for n, step in enumerate((*STEPS, "commit_cycle"))
    ]
    slowest = [_quantile(0.95, step, step, chr(ord("A") + n)) for n, step in enumerate((*STEPS, "apply"))]
    return [
        third("A commit cycle's steps, mean", *means, unit="s"),
        third("Steps, 95th percentile", *slowest, unit="s"),
    ]


def _quantile(share: float, histogram: str, legend: str, ref: str) -> Dataquery:
    buckets = f"sum by (le) (rate(shipclock_{histogram}_seconds_bucket{RATE}))"
    return query(f"histogram_quantile({share}, {buckets})", legend, ref=ref)


def _time() -> list[Any]:
    lateness = [
        _quantile(share, "firing_lateness", f"{share:.0%}", ref)
        for share, ref in ((0.5, "A"), (0.95, "B"), (0.99, "C"))
    ]
    return [
        third("Clock behind", query("shipclock_watermark_lag_seconds", "partition {{partition}}"), unit="s"),
        third("Lateness of firing", *lateness, unit="s", says="From a deadline until its alert"),
        third("Deadlines waited for", query("sum by (state) (shipclock_timers)", "{{state}}")),
        third(
            "Alert records, by clause",
            query(f"sum by (clause) (rate(shipclock_alerts_total{RATE}))", "{{clause}}"),
            unit="ops",
            stacked=True,
        ),
    ]


def _process() -> list[Any]:
    return [
        third(
            "CPU",
            query(f'rate(process_cpu_seconds_total{{job="shipclock"}}{RATE})', "{{instance}}"),
            unit="percentunit",
        ),
        third(
            "Ceilings used",
            query("max by (of) (shipclock_ceiling_used)", "{{of}}"),
            unit="percentunit",
            says="Shops and orders known by the fullest partition, of those it may know",
        ),
        third(
            "Orders known",
            query("sum by (where) (shipclock_orders)", "{{where}}"),
            query("sum(shipclock_orders_not_checkpointed)", "not checkpointed", ref="B"),
            says="Finished ones leave memory once silent for three days; a start restores those not checkpointed, too",
        ),
        third("Memory", query('process_resident_memory_bytes{job="shipclock"}', "{{instance}}"), unit="bytes"),
        third(
            "Recovery",
            query("shipclock_recovery_seconds_sum / (shipclock_recovery_seconds_count > 0)", "mean {{instance}}"),
            unit="s",
            says="From a rebalance until state was back",
        ),
        third(
            "Keys written to snapshots", query(f"sum(rate(shipclock_snapshot_keys_total{RATE}))", "keys"), unit="ops"
        ),
        third("Kafka silent for", query("shipclock_kafka_silent_seconds", "{{instance}}"), unit="s"),
        third(
            "Machine's clock off",
            query("shipclock_clock_off_seconds", "{{instance}}"),
            unit="s",
            says="0 unless it jumped: ahead of the clock that deadlines go by, or behind",
        ),
        third("Snapshots that fail", query("shipclock_snapshots_failed", "{{instance}}")),
    ]


def _web() -> list[Any]:
    return [
        third(
            "HTTP connections",
            query("sum(shipclock_web_connections)", "open"),
            query("sum(shipclock_web_listeners)", "readers of /api/events", ref="B"),
        ),
        third(
            "HTTP, turned away",
            query(f"sum by (why) (rate(shipclock_web_refusals_total{RATE}))", "{{why}}"),
            unit="ops",
            says="Wrong tokens, too many connections or listeners, peers too slow",
        ),
    ]


def _sinks() -> list[Any]:
    counters = (("delivered", "Sinks: delivered"), ("failed", "Sinks: attempts that failed"))
    rates = [third(title, _sink_rate(counter, "{{sink}}"), unit="ops") for counter, title in counters]
    lag = "sum by (sink) (shipclock_sink_lag_records) or on () vector(0)"
    refilled = "sum by (sink) (increase(shipclock_sink_refilled_total[1h])) or on () vector(0)"
    return [
        *rates,
        third(
            "Sinks: given up, yet to deliver, and refilled after a loss",
            _sink_rate("given_up", "given up {{sink}}"),
            query(lag, "to deliver {{sink}}", ref="B"),
            query(refilled, "refilled in an hour {{sink}}", ref="C"),
        ),
    ]


def _sink_rate(counter: str, legend: str) -> Dataquery:
    """0 where there are no sinks."""
    return query(f"sum by (sink) (rate(shipclock_sink_{counter}_total{RATE})) or on () vector(0)", legend)
