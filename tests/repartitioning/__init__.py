"""State moved into topics with more partitions."""
