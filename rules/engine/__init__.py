"""The engine: events in, alerts out, the clock moved on."""
