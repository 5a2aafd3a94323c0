"""The demo's terminal view: plain data in, rich renderables out. Knows nothing of Kafka or the rules."""
