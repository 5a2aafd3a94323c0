"""Reports on a shop: its standing, its forecast, and its orders' next deadlines."""
