"""Small servers that behave as FEEDS says the platforms do; they share no code with the client."""
