"""Topics, keys and connections of Kafka."""
