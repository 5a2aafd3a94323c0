"""The messages: events in, alerts out, their bounds and names."""
