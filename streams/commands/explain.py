"""`shipclock explain`: the trail behind one alert."""

import asyncio
import os
from pathlib import Path

import click
import msgspec

from rules.calendar.instants import LONGEST_LEAP_MS
from rules.engine.engine import Engine
from rules.harness.replay import replay
from rules.messages.alerts import Alert, decode
from rules.messages.text import visible
from rules.plan.rule_book import RuleBook
from streams.commands.common import Failed
from streams.commands.instant import Instant
from streams.commands.named_packs import named_packs
from streams.explaining.chosen import by_alert, is_chosen, listed
from streams.explaining.from_kafka import records_of
from streams.explaining.trail import trail
from streams.kafka.topics import BadTopicsError
from streams.pack_files import PackFile
from streams.replaying.history import STDIN, History, UnreadableError
from streams.settings import BadSettingError, from_environment


@click.command()
@click.argument("wanted", metavar="ALERT_OR_ORDER")
@click.option(
    "--alerts", "alert_files", multiple=True, metavar="FILE", help="Alerts as replay prints them; - is stdin."
)
@click.option("--history", "histories", multiple=True, metavar="FILE", help="Events to replay; - is stdin.")
@click.option(
    "--until",
    "until_ms",
    type=Instant(ends=True),
    help="With --history: how far its clock runs, or the end of that day (UTC); default is the last event's time.",
)
@click.option(
    "--pack", "packs", multiple=True, metavar="NAME_OR_FILE", help="Rules to use; default all built-in packs."
)
def explain(
    wanted: str,
    alert_files: tuple[str, ...],
    histories: tuple[str, ...],
    until_ms: int | None,
    packs: tuple[str, ...],
) -> None:
    """Say how an alert came about: its records in time, the facts that prove it, the rule and its parameters.

    ALERT_OR_ORDER is an alert's id, or an order's number: then its alerts are listed, and each is explained. The
    records come from the topic of the worker that SHIPCLOCK_BROKER points to (with the worker's other settings), or
    from files.
    """
    if alert_files and histories:
        raise click.UsageError("--alerts and --history exclude each other")
    if until_ms is not None and not histories:
        raise click.UsageError("--until goes with --history")
    files = named_packs(packs)
    if alert_files:
        records = [record for name in alert_files for record in _from_alerts(name, wanted)]
    elif histories:
        records = _from_history(histories, wanted, files, until_ms)
    else:
        records = _from_topic(wanted)
    if not records:
        raise Failed(f"there is no alert {wanted}" if ":" in wanted else f"there is no alert of an order {wanted}", 2)
    alerts = by_alert(records)
    of_order = wanted not in (record.data.alert for record in records)
    for line in listed(wanted, alerts) if of_order else ():
        click.echo(visible(line))
    for each in alerts:
        if of_order:
            click.echo()
        for line in trail(each, files):
            click.echo(visible(line))


def _from_alerts(name: str, wanted: str) -> list[Alert]:
    try:
        lines = click.get_binary_stream("stdin").readlines() if name == STDIN else Path(name).read_bytes().splitlines()
    except OSError as error:
        raise Failed(f"{name}: {error.strerror}", 2) from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            record = decode(line) if line.strip() else None
        except msgspec.DecodeError as error:
            raise Failed(f"{name}:{number}: is no alert: {error}", 2) from None
        if record is not None and is_chosen(record, wanted):
            found.append(record)
    return found


def _from_history(names: tuple[str, ...], wanted: str, packs: list[PackFile], until_ms: int | None) -> list[Alert]:
    engine = Engine(RuleBook(file.pack for file in packs), stepping=True)
    history = History(names, on_bad=lambda message: click.echo(visible(message), err=True))
    try:
        records = replay(engine, history.events(), until_ms, history.set_aside, LONGEST_LEAP_MS)
        return [record for record in records if is_chosen(record, wanted)]
    except UnreadableError as error:
        raise Failed(str(error), 2) from None


def _from_topic(wanted: str) -> list[Alert]:
    try:
        return asyncio.run(records_of(wanted, from_environment(os.environ)))
    except BadSettingError as error:
        raise Failed(f"{error} (or name files with --alerts or --history)", 2) from None
    except BadTopicsError as error:
        raise Failed(str(error), 2) from None
