"""`shipclock feed`: the demo's shops, written to a Kafka of one's own."""

import asyncio
import logging
import os
import signal

import click
from aiokafka.errors import KafkaError

from streams import logs
from streams.commands.common import Failed
from streams.demo import live
from streams.kafka import topics
from streams.settings import BadSettingError, Settings, from_environment


@click.command()
@click.option(
    "--days", type=click.FloatRange(min=0, max=60), default=10, show_default=True, help="Past days to begin with."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other orders.")
def feed(days: float, seed: int) -> None:
    """Write the demo's dozen shops to the broker in SHIPCLOCK_BROKER, until stopped.

    Some days of their past come at once, the rest as life goes, for a worker with SHIPCLOCK_CLOCK=wall.
    """
    logs.protect()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        settings = from_environment(os.environ)
        partitions = topics.prepare(settings, topics.TopicNames(settings.topic_prefix, settings.app_id))
    except (BadSettingError, topics.BadTopicsError, ValueError) as error:
        raise Failed(f"shipclock feed: {error}", 2) from None
    try:
        asyncio.run(_until_stopped(settings, partitions, days, seed))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped", err=True)
    except KafkaError as error:
        raise Failed(f"shipclock feed: Kafka took no more: {error}", 1) from None


async def _until_stopped(settings: Settings, partitions: int, days: float, seed: int) -> None:
    """SIGTERM ends it as Ctrl-C does."""
    feeding = asyncio.ensure_future(live.feed(settings, partitions, days=days, seed=seed))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, feeding.cancel)
    await feeding
