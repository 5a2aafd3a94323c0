"""The worker: its partitions' state, and the commit cycle."""
