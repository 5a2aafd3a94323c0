"""The worker's state and its commit cycle."""
