"""Counts: of occurrences up to a sanction, in each week, or of each order."""
