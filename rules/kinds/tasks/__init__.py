"""Tasks with a deadline, and topping up the deposit."""
