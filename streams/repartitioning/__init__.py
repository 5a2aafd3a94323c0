"""Moves a worker's state into topics with more partitions."""
