"""Questions about single orders: each is answered by the worker that has the order's shop, whichever was asked."""
