"""Runs histories, packs' own tests and tests in Python through the engine."""
