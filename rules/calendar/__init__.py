"""Instants, durations, days and the windows that rules look at."""
