"""Questions between workers."""
