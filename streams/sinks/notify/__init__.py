"""Digests for people, through Apprise."""
