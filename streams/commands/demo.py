"""`shipclock demo`: everything in one process, with no server installed."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import click

from rules.dsl.yaml_source import BadPack
from streams import logs, pack_files
from streams.commands.common import Failed
from streams.demo import show

A_DAY_IN_FOUR_SECONDS = 21_600.0


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="End by itself after so many seconds.")
@click.option(
    "--speed",
    type=click.FloatRange(min=1, max=500_000),
    default=A_DAY_IN_FOUR_SECONDS,
    show_default=True,
    help="Times faster than life.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other orders.")
@click.option(
    "--feed",
    is_flag=True,
    help="Two shops at an emulated Shopee instead, whose pushes the real receiver, mapper and poller take.",
)
def demo(seconds: float | None, speed: float, seed: int, feed: bool) -> None:
    """Watch a dozen shops get into trouble: embedded broker, the real worker, a seeded feed.

    Nothing is kept after it ends.
    """
    logs.protect()
    try:
        book = pack_files.load((), says_unwatched=True)
    except BadPack as error:
        raise Failed(str(error), 2) from None
    try:
        asyncio.run(
            _until_stopped(show.run(book, speed=speed, seconds=seconds, seed=seed, out=sys.stdout, pushed=feed))
        )
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped", err=True)


async def _until_stopped(running: Coroutine[Any, Any, None]) -> None:
    """SIGTERM ends it as Ctrl-C does, so that nothing stays behind."""
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
