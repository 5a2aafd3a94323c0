"""The shell around the rules: Kafka and the worker, sinks, web, feeds and commands."""
