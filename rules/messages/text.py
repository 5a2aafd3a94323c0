"""Text from outside: which characters a name may have, and how others are printed."""

import re
from typing import Final
from unicodedata import category

HIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f\u2028\u2029"  # control characters, line and paragraph separators
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the direction of what is beside them
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff"  # have no width, or are blank like these
    "]"
)
"""Invisible characters: two names that differ only by them look the same."""


def has_hidden(text: str) -> bool:
    """Whether there are control, bidirectional or zero-width characters in a text."""
    return not (text.isascii() and text.isprintable()) and HIDDEN.search(text) is not None


def visible(text: str, keep: str = "") -> str:
    """`text` with control, bidirectional, zero-width and other unprintable characters as `\x1b` or `\u202e`.

    Spaces of any width stay, and so does what is in `keep`, such as the line breaks of a message.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or _is_seen(char) else _escaped(char) for char in text)


def _is_seen(char: str) -> bool:
    return (char.isprintable() or category(char) == "Zs") and not has_hidden(char)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
