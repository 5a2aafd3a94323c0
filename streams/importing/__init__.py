"""History files turned into canonical events."""
