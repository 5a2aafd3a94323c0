"""Events in, time moved on, alerts out."""
