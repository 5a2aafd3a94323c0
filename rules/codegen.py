"""The one place that evaluates generated code.

What is asked for every order is written as one expression and made into one function, because a function for each part
would take several times as long. Of a pack's own text an expression only has known names and words, numbers, and quoted
strings.
"""

from typing import Any, NamedTuple


class Written(NamedTuple):
    """An expression, and the names it uses beside the arguments of its function."""

    expression: str
    names: dict[str, Any] = {}


def function(of: str, written: Written) -> Any:
    """A function with the arguments `of` (`"facts, at_ms"`) that returns the expression's value."""
    return eval(f"lambda {of}: {written.expression}", written.names.copy())
