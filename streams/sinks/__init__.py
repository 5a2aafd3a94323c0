"""Sinks: where alerts are delivered. Each reads the topic `alerts` in a consumer group of its own, apart from the
engine."""
