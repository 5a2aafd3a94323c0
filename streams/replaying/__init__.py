"""History read from files, and what replaying it brought."""
