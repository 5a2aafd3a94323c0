"""What stands for a dict in which there is nothing yet: most shops have few orders, and more ratios than these."""

from typing import Any, Final

NOTHING: Final[dict[Any, Any]] = {}
"""One for all shops, where each would hold dozens of empty dicts of its own. It is never written to: whoever has
something to keep puts a dict of his own in its place (`self.x = self.x or {}`). `tests/rules/test_properties.py` holds
that it stays empty."""
