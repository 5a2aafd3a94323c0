"""Ratios: bad orders among all orders in a window."""
