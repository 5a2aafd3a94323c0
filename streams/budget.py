"""The share of the worker's time for what can wait."""

BACKLOG_BUDGET = 0.01
"""While a backlog is read: for each of standings, the shops' statistics, and the console's views."""
