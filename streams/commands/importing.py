"""`shipclock import`: history files into events, as JSONL or straight into Kafka."""

import asyncio
import logging
import os
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache, wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rules.calendar.instants import from_rfc3339
from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams.importing import mapped_csv, mapping, olist, to_jsonl, to_kafka
from streams.importing.history import Timeline
from streams.importing.report import Report, UnreadableError
from streams.kafka import access as kafka_access
from streams.pack_files import NoSuchPack, read_all
from streams.settings import BadSettingError, from_environment, packs_named

# A file in the wrong form has a bad row on every line; the first few tell what is wrong.
_BAD_ROWS_SHOWN = 20
_BROKER = re.compile(r"kafka://([^\s/:,]+:\d+(?:,[^\s/:,]+:\d+)*)/?")

_FILE = click.Path(path_type=Path)


class ImportFailedError(click.ClickException):
    """One clear line on stderr and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(visible(self.format_message()), file=file, err=file is None)


class _Broker(click.ParamType):
    """kafka://host:port as the host:port that clients want."""

    name = "kafka://host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        matched = _BROKER.fullmatch(value)
        if matched is None:
            self.fail(f"{value!r} is not like kafka://host:9092", param, ctx)
        return matched[1]


class _Instant(click.ParamType):
    """RFC 3339 with a zone, as epoch ms."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return from_rfc3339(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not like 2026-01-31T18:30:00Z", param, ctx)


@click.group("import")
def import_() -> None:
    """Turn history files into events."""


def _with_outputs(read: Callable[..., Timeline]) -> Callable[..., None]:
    """Give a command that reads files the options for where its events go."""

    @click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write JSONL there; default is stdout.")
    @click.option("--to-kafka", "bootstrap", type=_Broker(), help="Send to the input topics of this broker.")
    @click.option(
        "--topic-prefix",
        default="",
        envvar="SHIPCLOCK_TOPIC_PREFIX",
        metavar="P",
        help="In front of the topics' names.",
    )
    @click.option(
        "--tick",
        "tick_ms",
        type=_Instant(),
        help="With --to-kafka: end each partition with a clock.tick of this time, so that a worker on the "
        "event clock goes on to it.",
    )
    @wraps(read)
    def command(
        output: Path | None, bootstrap: str | None, topic_prefix: str, tick_ms: int | None, **files: Any
    ) -> None:
        if output is not None and bootstrap is not None:
            raise click.UsageError("--output and --to-kafka exclude each other")
        if tick_ms is not None and bootstrap is None:
            raise click.UsageError("--tick needs --to-kafka")
        report = Report()
        try:
            timeline = read(report=report, **files)
        except UnreadableError as error:
            raise ImportFailedError(str(error)) from error
        watched = _watched(os.environ.get("SHIPCLOCK_PACKS", ""))
        if bootstrap is None:
            _write(timeline, output)
        else:
            _send(timeline, bootstrap, topic_prefix, tick_ms)
        _warn_of_unwatched(timeline.platforms(), watched)
        _print_report(report, len(timeline))

    return command


@import_.command("olist")
@click.argument("orders_csv", metavar="ORDERS.csv", type=_FILE)
@click.argument("items_csv", metavar="ITEMS.csv", type=_FILE)
@_with_outputs
def import_olist(orders_csv: Path, items_csv: Path, report: Report) -> Timeline:
    """The public Olist files: olist_orders_dataset.csv and olist_order_items_dataset.csv."""
    return olist.events(orders_csv, items_csv, report)


@import_.command("csv")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--map", "map_yaml", required=True, type=_FILE, metavar="MAP.yaml", help="Says what its columns mean.")
@_with_outputs
def import_csv(file: Path, map_yaml: Path, report: Report) -> Timeline:
    """A CSV or workbook (.xlsx, .xls, .ods) of one's own, an order or an order line a row."""
    return mapped_csv.events(file, mapping.read(map_yaml), report)


def _write(timeline: Timeline, output: Path | None) -> None:
    if output is None:
        to_jsonl.write(timeline, sys.stdout.buffer)
        return
    try:
        with output.open("wb") as out:
            to_jsonl.write(timeline, out)
    except OSError as error:
        raise ImportFailedError(f"{output}: {error.strerror}") from error


def _send(timeline: Timeline, bootstrap: str, topic_prefix: str, tick_ms: int | None) -> None:
    # What the client logs on the way to a failure, the failure's own line says.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    access = _access(bootstrap)
    console = Console(stderr=True)
    columns = (TextColumn("to Kafka"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=len(timeline))

            def on_sent(more: int) -> None:
                progress.advance(task, more)

            asyncio.run(to_kafka.send(timeline, bootstrap, topic_prefix, tick_ms, on_sent, access))
    except to_kafka.NotSentError as error:
        raise ImportFailedError(str(error)) from error


def _access(bootstrap: str) -> dict[str, Any]:
    """How to log in, from the variables that the worker goes by."""
    given = {name: value for name, value in os.environ.items() if name.startswith("SHIPCLOCK_KAFKA_")}
    try:
        return kafka_access.for_aiokafka(from_environment(given | {"SHIPCLOCK_BROKER": f"kafka://{bootstrap}"}))
    except (BadSettingError, OSError) as error:
        raise ImportFailedError(str(error)) from error


@cache
def _watched(packs: str) -> frozenset[str]:
    """The platforms of the packs in SHIPCLOCK_PACKS; of all built-in ones where it is empty."""
    try:
        return frozenset(file.pack.platform for file in read_all(packs_named(packs)))
    except (NoSuchPack, BadPack) as error:
        raise ImportFailedError(str(error)) from None


def _warn_of_unwatched(platforms: set[str], watched: frozenset[str]) -> None:
    """No error, but having no alerts would look as if all were well."""
    for platform in sorted(platforms - watched) if "*" not in watched else ():
        (like, *_) = (*get_close_matches(platform.lower(), watched, 1), None)
        hint = f"; did you mean {like}?" if like else ""
        click.echo(visible(f"no pack watches the platform {platform}: nothing of it raises an alert{hint}"), err=True)


def _print_report(report: Report, events: int) -> None:
    """Say on stderr what became of the input; bad rows end with exit code 2."""
    for line in report.bad_rows[:_BAD_ROWS_SHOWN]:
        click.echo(visible(line), err=True)
    hidden = len(report.bad_rows) - _BAD_ROWS_SHOWN
    if hidden > 0:
        click.echo(f"… and {hidden} more bad rows", err=True)
    for line in report.timeless[:_BAD_ROWS_SHOWN]:
        click.echo(visible(line), err=True)
    for note in report.notes:
        click.echo(visible(note), err=True)
    summary = f"{events} events, {len(report.bad_rows)} bad rows"
    if report.timeless:
        summary += f", {len(report.timeless)} orders without any time"
    if report.bad_rows:
        raise ImportFailedError(f"{summary} (their orders are left out)")
    click.echo(summary, err=True)
