"""The rules of each shop, compiled."""
