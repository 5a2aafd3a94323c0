"""Packs as text: reading, checking, overriding."""
