"""`shipclock dead-letters`: what was set aside, and sending it again."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from aiokafka.errors import KafkaError, ProducerFenced

from rules.calendar.instants import rfc3339
from rules.messages.text import visible
from streams import logs
from streams.commands.common import Failed
from streams.commands.instant import Instant
from streams.kafka.topics import BadTopicsError, TopicNames
from streams.resending.again import Outcome, Resending, Selection
from streams.resending.letters import Letter, Place, kind_of, letters_of
from streams.settings import BadSettingError, Settings, from_environment

_Result = TypeVar("_Result")

reason_option = click.option("--reason", metavar="TEXT", help="Only those whose reason contains this.")
since_option = click.option("--since", "since_ms", type=Instant(), help="Only those set aside since then.")


class At(click.ParamType):
    """A letter's place in the topic, such as `2-17`."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        partition, _, offset = value.partition("-")
        if not (partition.isdecimal() and offset.isdecimal()) or len(value) > 30:
            self.fail(f"{value!r} is not like 2-17, a partition and an offset of dead-letters", param, ctx)
        return Place(int(partition), int(offset))


@click.group("dead-letters")
def dead_letters() -> None:
    """What could not be read: list it, show it, count it by reason, and send it again after a fix.

    Of the worker that SHIPCLOCK_BROKER points to, with the worker's other settings.
    """
    logs.protect()


@dead_letters.command("list")
@reason_option
@since_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Only so many, the newest.")
def list_(reason: str | None, since_ms: int | None, limit: int) -> None:
    """List them, the newest last: place, when set aside, where the record came from, its key, the reason."""
    found = sorted(_chosen(Selection(reason, since_ms)), key=lambda letter: (letter.at_ms, letter.place))
    if len(found) > limit:
        click.echo(f"{len(found) - limit:,} earlier ones are left out (--limit)", err=True)
    for letter in found[-limit:]:
        key = "-" if letter.key is None else letter.key.decode(errors="replace")
        click.echo(visible(f"{letter.place}  {rfc3339(letter.at_ms)}  {letter.origin}  {key}  {letter.reason}"))


@dead_letters.command()
@click.argument("place", type=At())
def show(place: Place) -> None:
    """Show one, at its PLACE in the topic such as 2-17: what is said of it, and the record as text."""
    settings = _settings()
    letter = _run(_at(settings, place))
    if letter is None:
        raise Failed(f"there is no dead letter {place}", 2)
    click.echo(f"set aside: {rfc3339(letter.at_ms)}")
    for name, text in letter.notes.items():
        click.echo(visible(f"{name}: {text}"))
    for name, value in letter.headers:
        click.echo(visible(f"header {name}: {value.decode(errors='replace')}"))
    click.echo(visible(f"key: {_text(letter.key)}"))
    click.echo(visible(f"value: {_text(letter.value)}"))


@dead_letters.command()
@reason_option
@since_option
def count(reason: str | None, since_ms: int | None) -> None:
    """Count them by topic and kind of reason, the most first."""
    found = Counter((letter.topic, kind_of(letter.reason)) for letter in _chosen(Selection(reason, since_ms)))
    for line in _lines(found):
        click.echo(line)
    click.echo(f"{found.total():,} dead letters")


@dead_letters.command()
@reason_option
@since_option
@click.option("--kept", is_flag=True, help="Also those whose event counts already, without a detail.")
@click.option("--yes", is_flag=True, help="Send them; without it, only say what would be sent.")
def resend(reason: str | None, since_ms: int | None, kept: bool, yes: bool) -> None:
    """Send them again to the topics they came from, with their own key and bytes, each once.

    Without --yes nothing is sent. What is still wrong is set aside again, as a new dead letter.
    """
    settings, selection = _settings(), Selection(reason, since_ms, kept)
    resending = Resending(settings)
    try:
        outcome = _run(resending.send(selection) if yes else resending.try_out(selection))
    except ProducerFenced:
        raise Failed("another run has begun to send dead letters again, so this one has ended", 1) from None
    _print_outcome(outcome, yes)


def _print_outcome(outcome: Outcome, is_sent: bool) -> None:
    click.echo(f"{'sent' if is_sent else 'would send'} {outcome.sent.total():,} dead letters again")
    for line in _lines(outcome.sent):
        click.echo(line)
    for why, number in outcome.left_out.most_common():
        click.echo(f"left out {number:,} {why}")
    if outcome.sent and not is_sent:
        click.echo("nothing has been sent: --yes sends them")


def _lines(counted: Counter[tuple[str, str]]) -> list[str]:
    width = max((len(topic) for topic, _ in counted), default=0)
    return [visible(f"{number:>9,}  {topic:<{width}}  {kind}") for (topic, kind), number in counted.most_common()]


def _chosen(selection: Selection) -> list[Letter]:
    """Without their values, which may be large."""
    settings = _settings()

    async def read() -> list[Letter]:
        topic = TopicNames(settings.topic_prefix, settings.app_id).dead_letters
        return [letter._replace(value=None) async for letter in letters_of(settings, topic) if selection.takes(letter)]

    return _run(read())


async def _at(settings: Settings, place: Place) -> Letter | None:
    topic = TopicNames(settings.topic_prefix, settings.app_id).dead_letters
    async for letter in letters_of(settings, topic):
        if letter.place == place:
            return letter
    return None


def _text(value: bytes | None) -> str:
    return "-" if value is None else value.decode(errors="backslashreplace")


def _settings() -> Settings:
    try:
        return from_environment(os.environ)
    except BadSettingError as error:
        raise Failed(f"shipclock dead-letters: {error}", 2) from None


def _run(reading: Coroutine[Any, Any, _Result]) -> _Result:
    try:
        with _only_our_line():
            return asyncio.run(reading)
    except BadTopicsError as error:
        raise Failed(f"shipclock dead-letters: {error}", 2) from None
    except ProducerFenced:
        raise
    except KafkaError as error:
        raise Failed(f"shipclock dead-letters: Kafka refuses: {type(error).__name__}: {error}", 2) from None


@contextmanager
def _only_our_line() -> Iterator[None]:
    """Keeps what aiokafka logs of a failure, which is raised as well, off stderr."""
    loggers = [logging.getLogger(name) for name in ("aiokafka", "asyncio")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
