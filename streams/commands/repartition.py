"""`shipclock repartition`: a worker's state into topics with more partitions."""

import asyncio
import os

import click
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException

from rules.messages.text import visible
from streams import logs
from streams.commands.common import Failed
from streams.kafka.topics import BadTopicsError
from streams.repartitioning.moving import CannotMoveError, Move
from streams.settings import BadSettingError, from_environment


@click.command()
@click.argument("partitions", type=click.IntRange(min=2))
@click.option("--to-prefix", required=True, help="SHIPCLOCK_TOPIC_PREFIX of the new topics.")
@click.option("--rest", is_flag=True, help="Only what was written to the old inputs after an earlier run.")
def repartition(partitions: int, to_prefix: str, rest: bool) -> None:
    """Copy a worker's state into topics with more PARTITIONS, under another prefix.

    Of the worker that SHIPCLOCK_BROKER points to, with the worker's other settings. Stop all workers first.
    deploy/docs/scaling.md has the steps before and after it.
    """
    logs.protect()
    try:
        move = Move(from_environment(os.environ), to_prefix, partitions)
        copied = asyncio.run(move.rest() if rest else move.run())
    except (BadSettingError, BadTopicsError, CannotMoveError) as error:
        raise Failed(visible(f"shipclock repartition: {error}"), 2) from None
    except (KafkaError, KafkaException) as error:
        raise Failed(visible(f"shipclock repartition: Kafka: {error}"), 1) from None
    for topic, records in copied.items():
        click.echo(visible(f"{topic}: {records:,} records"))
