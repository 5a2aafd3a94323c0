"""What this process tells Prometheus, on prometheus_client's default registry.

`work` counts what the worker does, `partitions` reads where each partition stands, `worker_stats` looks through the
shops now and then (`shops` tells of the worst of them, `totals` of all together), `recovery` hears from Faust, and
`sinks` takes the counters that sinks keep. `watching` sets all of it up for an app.
"""

from prometheus_client import disable_created_metrics

# A second series for each counter would say nothing that a restart does not.
disable_created_metrics()  # type: ignore[no-untyped-call]
