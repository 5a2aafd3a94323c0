"""Text from outside, made safe to print: what a terminal would obey, or nobody would see, is shown as an escape."""

from unicodedata import category


def visible(text: str, keep: str = "") -> str:
    r"""`text` with control, bidirectional, zero-width and other unprintable characters as `\x1b` or `\u202e`.

    Spaces of any width stay as they are, and so does what stands in `keep`, such as the line breaks of a message.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep or category(char) == "Zs" else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
