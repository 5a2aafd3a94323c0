"""Alerts and ship-next lists in Redis."""
