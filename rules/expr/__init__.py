"""A pack's small language of conditions and moments, and its compiler."""
