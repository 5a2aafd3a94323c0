"""Prometheus metrics of this process, on prometheus_client's default registry.

`streams.runtime.instruments` counts what the worker does. Here, `partitions` reads each partition's state; `collector`
collects `shop_stats` now and then, of which `shops` shows the worst shops by name and `totals` all together; `recovery`
is fed by Faust, `sinks` by the sinks' counters, `feeds` and `web` by what they are named after.
"""

from prometheus_client import disable_created_metrics

# The series with each counter's creation time shows nothing that the worker's start time doesn't.
disable_created_metrics()  # type: ignore[no-untyped-call]
