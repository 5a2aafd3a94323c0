"""Kafka: topics, record keys, access, outbox, dead letters, the embedded broker."""
