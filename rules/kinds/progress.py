"""How far an evaluator has gone through what happened."""

from typing import Generic, TypeVar

_T = TypeVar("_T")


class Progress(Generic[_T]):
    """The state of an evaluator that goes through what happened once, and starts anew where something comes late. None
    before it has begun."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept: _T | None = None
