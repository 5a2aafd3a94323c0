"""Text in aligned columns."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

GAP = "  "


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of equally wide columns, those numbered in `right` flush right."""
    lines = [head, *rows]
    widths = [max(cell_len(line[n]) for line in lines) for n in range(len(head))]
    return [GAP.join(_cell(text, widths[n], n in right) for n, text in enumerate(line)).rstrip() for line in lines]


def _cell(text: str, width: int, right: bool) -> str:
    """`text` padded to `width` terminal cells; a Chinese character takes two."""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding
