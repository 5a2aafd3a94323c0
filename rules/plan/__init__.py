"""Which rules a shop has, ready to evaluate."""
