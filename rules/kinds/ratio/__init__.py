"""Bad orders of all orders in a window."""
