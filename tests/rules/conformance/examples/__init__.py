"""The kinds of rule in use, a file for each kind: its `EXAMPLES`."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from tests.rules.conformance.example import Example


def examples() -> Iterator[Example]:
    """Those of all files here."""
    for module in sorted(iter_modules(__path__), key=lambda each: each.name):
        yield from import_module(f"{__name__}.{module.name}").EXAMPLES
