"""`shipclock replay`: history through the same rules as the worker's, with no broker."""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson

from rules.calendar.instants import DAY_MS, LONGEST_LEAP_MS
from rules.engine.engine import Engine
from rules.harness.replay import replay as alerts_of
from rules.messages.alerts import Alert, encode
from rules.messages.text import visible
from rules.plan.rule_book import RuleBook
from rules.reports.forecast import with_forecast
from rules.reports.standing import standing
from streams.commands.common import Failed
from streams.commands.instant import Instant
from streams.commands.named_packs import named_packs
from streams.replaying.history import History, UnreadableError
from streams.replaying.progress import progress
from streams.replaying.summary import summary
from streams.replaying.table import table


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--pack", "packs", multiple=True, metavar="NAME_OR_FILE", help="Rules to use; default all built-in packs."
)
@click.option("--sort", is_flag=True, help="Order the events by their time first; keeps them all in memory.")
@click.option(
    "--until",
    "until_ms",
    type=Instant(ends=True),
    help="Let the clock run on to then, or to the end of that day (UTC); default is the last event's time.",
)
@click.option(
    "--max-leap",
    "max_leap_days",
    type=click.IntRange(1, 36_500),
    default=LONGEST_LEAP_MS // DAY_MS,
    show_default=True,
    metavar="DAYS",
    help="Leave out an event that is further than this past everything before it: its clock is wrong.",
)
@click.option("--format", "form", type=click.Choice(["jsonl", "table", "summary"]), default="jsonl", show_default=True)
@click.option(
    "--state", metavar="FILE", type=click.Path(path_type=Path), help="Write each shop's standing there, as JSONL."
)
def replay(
    files: tuple[str, ...],
    packs: tuple[str, ...],
    sort: bool,
    until_ms: int | None,
    max_leap_days: int,
    form: str,
    state: Path | None,
) -> None:
    """Run history through the rules; alerts to stdout.

    FILE holds one event a line, in order of arrival; - is stdin, and what ends in .gz is unpacked. Several files are
    read one after the other.
    """
    engine = Engine(RuleBook(file.pack for file in named_packs(packs)), stepping=True)
    history = History(files, on_bad=lambda message: click.echo(visible(message), err=True))
    try:
        size = history.size()
        _check_state(state, files)
        with progress(size, quiet=form == "jsonl" and sys.stdout.isatty()) as history.on_read, _uncollected():
            events = history.events_by_time() if sort else history.events()
            alerts = alerts_of(engine, events, until_ms, history.set_aside, max_leap_days * DAY_MS, history.note)
            lines = _shown(alerts, engine, form)
    except UnreadableError as error:
        raise Failed(str(error), 2) from None
    for line in lines:
        click.echo(line)
    _warn_of_unwatched(engine)
    if state is not None:
        _write_state(state, engine)
    if history.too_old > 1:  # nothing is wrong with them, so the exit code stays 0
        hint = "" if sort else "; --sort has each come in its time"
        click.echo(f"events too old to begin an order: {history.too_old}{hint}", err=True)
    if history.bad_lines == 1:
        click.get_current_context().exit(2)  # its line has said it all
    if history.bad_lines:
        raise Failed(f"lines left out as they are no events: {history.bad_lines}", 2)


def _shown(alerts: Iterable[Alert], engine: Engine, form: str) -> list[str]:
    """Runs the replay. Alerts as JSONL go straight out; the other forms are lines to print when all is known."""
    if form == "table":
        return table(alerts)
    if form == "summary":
        return summary(alerts, engine)
    write = sys.stdout.buffer.write
    for alert in alerts:
        write(encode(alert) + b"\n")
    return []


def _warn_of_unwatched(engine: Engine) -> None:
    """Warns of platforms without a pack: no error, but having no alerts would look as if all were well."""
    watched = {pack.platform for pack in engine.book.packs}
    shops = sorted({shop.platform for shop in engine.shops.values()} - watched)
    if shops and "*" not in watched:
        click.echo(f"no pack watches these platforms: {', '.join(visible(each) for each in shops)}", err=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Turns off the garbage collector, which takes a tenth of the time: a replay's objects form no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check_state(state: Path | None, files: tuple[str, ...]) -> None:
    """Checks the output file first, so that a long run doesn't fail at its end."""
    if state is None:
        return
    if str(state) == "-":
        raise click.UsageError("--state wants a file; stdout is for the alerts")
    if state.is_dir() or not state.parent.is_dir():
        raise Failed(f"{state}: {'is a directory' if state.is_dir() else 'No such directory'}", 2)
    if state.exists() and any(Path(name).exists() and state.samefile(name) for name in files):
        raise click.UsageError(f"--state would overwrite {state}, which is to be read")


def _write_state(state: Path, engine: Engine) -> None:
    try:
        with state.open("wb") as out:
            for key in sorted(engine.shops):
                shop = engine.shops[key]
                line = with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms)
                out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise Failed(f"{state}: {error.strerror}", 2) from None
