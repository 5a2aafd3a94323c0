"""Where alerts go: each sink reads the topic `alerts` in a consumer group of its own, apart from the engine."""
