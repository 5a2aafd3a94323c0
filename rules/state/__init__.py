"""The state of shops and orders: their facts, what is derived from these, and what has changed."""
