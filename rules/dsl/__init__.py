"""Packs as text: read, validate, override, and their JSON Schema."""
