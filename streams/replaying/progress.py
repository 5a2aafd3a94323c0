"""How far reading a long history has come, for somebody who waits."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONG = 8 << 20
"""Bytes from which on one waits long enough to ask."""


@contextmanager
def progress(size: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if that is a terminal and there are many of `size` bytes to read. The function counts bytes
    read."""
    if quiet or size < LONG or not sys.stderr.isatty():
        yield lambda _: None
        return
    # Not needed for most runs, and the slowest of all imports.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("replay"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Stdout stays what it is: alerts go there, and not up through the bar to stderr.
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False, transient=True) as bar:
        task = bar.add_task("", total=size)
        yield lambda count: bar.advance(task, count)
