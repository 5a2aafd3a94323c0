"""Occurrences: things that happened at an instant, which counts, events, tasks and ledgers look at."""
