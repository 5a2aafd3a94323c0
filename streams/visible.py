"""Text from outside, made safe to print: what a terminal would obey, or nobody would see, is shown as an escape."""

from rules.text import visible

__all__ = ["visible"]
