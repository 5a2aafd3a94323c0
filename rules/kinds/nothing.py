"""A shared empty dict, because most shops have few orders and many ratios."""

from typing import Any, Final

NOTHING: Final[dict[Any, Any]] = {}
"""Shared by all shops, each of which would hold dozens of empty dicts otherwise. It is never written to: code that adds
something makes a dict first (`self.x = self.x or {}`). `tests/rules/engine/test_properties.py` holds that it stays
empty."""
