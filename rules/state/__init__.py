"""What is held of shops and orders, and what has changed of it."""
