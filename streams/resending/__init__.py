"""Dead letters: read, and sent again to the topics they came from."""
