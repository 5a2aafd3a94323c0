"""A shop's standing, its forecast, and when its orders are due."""
