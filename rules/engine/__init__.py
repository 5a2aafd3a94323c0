"""The engine: events in, alerts out, under a clock that its caller advances."""
