"""How much of the worker's time goes to what can wait."""

BUSY_SHARE = 0.01
"""While a backlog is read: to each of the shops' standings, the survey behind the metrics, and the console's view."""
