"""How much of the worker's time goes to what can wait."""

BACKLOG_BUDGET = 0.01
"""While a backlog is read: to each of the shops' standings, the survey behind the metrics, and the console's view."""
