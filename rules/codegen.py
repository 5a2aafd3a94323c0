"""What is asked for every order is written as one expression and made into one function, because a function for each
part of it takes several times as long. What a pack's author wrote is in one only as names and words that are known, as
numbers, and quoted."""

from typing import Any, NamedTuple


class Written(NamedTuple):
    """An expression, and what it names beside the arguments of its function."""

    expression: str
    names: dict[str, Any] = {}


def function(of: str, written: Written) -> Any:
    """The function `of` these arguments."""
    return eval(f"lambda {of}: {written.expression}", written.names.copy())
