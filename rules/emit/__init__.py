"""Compares what should be open with what was last emitted, and renders the difference as alert records."""
