"""`shipclock feeds`: what platforms and carriers send, as events; the source files that say how, and their samples."""

import asyncio
import os
from pathlib import Path

import click
import orjson

from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams.clock import wall_ms
from streams.commands.common import Failed
from streams.feeds import apps, library, samples, setting
from streams.feeds.apps import FeedSettings
from streams.feeds.library import Found, NoSuchSource
from streams.feeds.mapping import Transport, map_request
from streams.feeds.schema import schema as schema_of_sources

_folders = click.option(
    "--sources",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A folder of source files of your own.",
)
_named = click.argument("names", nargs=-1, metavar="[SOURCE]...")


@click.group()
def feeds() -> None:
    """What platforms and tracking services send, and the events it means."""


@feeds.command("map")
@click.argument("name", metavar="SOURCE")
@click.argument("file", type=click.File("rb"))
@click.option("--transport", type=click.Choice(["push", "poll"]), default="push", help="Pushed, or an API's answer.")
@click.option("--context", default="{}", metavar="JSON", help='The shop\'s settings, like {"shop": "s1"}.')
@_folders
def map_(name: str, file: click.utils.LazyFile, transport: Transport, context: str, folders: tuple[Path, ...]) -> None:
    """Print one body, as received, as events (JSONL). What can't be mapped is said on stderr and ends with 1.

    A push with a form may also be given as {"url": …, "content_type": …, "form": {…}}.
    """
    (found,) = _read([name], folders)
    try:
        settings = setting.read(context, found.source)
    except ValueError as error:
        raise Failed(f"--context: {error}", 2) from None
    request = samples.request_of(file.read(), str(settings.get("path", "")))
    mapped = map_request(found.source, request, transport, settings)
    for event in mapped.events:
        click.echo(orjson.dumps(event).decode())
    for problem in mapped.problems:
        click.echo(visible(f"{name}: {problem}"), err=True)
    if mapped.problems:
        click.get_current_context().exit(1)


@feeds.command()
@_named
@_folders
@click.option(
    "--settings",
    "file",
    envvar="SHIPCLOCK_FEEDS",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The settings file of the feeds, to be read as well (default SHIPCLOCK_FEEDS).",
)
@click.option("--live", is_flag=True, help="Ask each platform that is polled, and say what it answers.")
def check(names: tuple[str, ...], folders: tuple[Path, ...], file: Path | None, live: bool) -> None:
    """Read source files, and the settings file where there is one, and say what is wrong with them, each thing as
    `file:line: message`.

    Without SOURCE, all that are known are read. With --live, the tokens are those that `shipclock poll` keeps in
    SHIPCLOCK_DATADIR.
    """
    read = len(_read(names, folders))
    if live and file is None:
        raise Failed("--live needs the settings file: --settings, or SHIPCLOCK_FEEDS", 2)
    if file is not None:
        try:
            feeds = apps.load(file, os.environ)
        except NoSuchSource as error:
            raise Failed(str(error), 2) from None
        except BadPack as bad:
            click.echo(visible(str(bad), keep="\n"))
            raise Failed(f"mistakes in settings: {len(bad.diagnostics)}", 1) from None
        click.echo(f"apps without a mistake: {len(feeds.apps)}")
    click.echo(f"sources without a mistake: {read}")
    if file is not None and live and (failed := asyncio.run(_ask(feeds))):
        raise Failed(f"shops whose platform does not answer as it should: {failed}", 1)


async def _ask(feeds: FeedSettings) -> int:
    """Prints what each platform answers; how many don't as they should."""
    from streams.feeds.polling.client import Time
    from streams.feeds.polling.ledger import LEDGER, Ledger
    from streams.feeds.polling.live import ask_all

    ledger = Ledger(Path(os.environ.get("SHIPCLOCK_DATADIR") or "shipclock-data") / LEDGER)
    failed = 0
    try:
        async for answered in ask_all(feeds, ledger, Time(wall_ms)):
            click.echo(visible(answered.text))
            failed += not answered.is_good
    finally:
        ledger.close()
    return failed


@feeds.command("test")
@_named
@_folders
def run_tests(names: tuple[str, ...], folders: tuple[Path, ...]) -> None:
    """Map the samples of source files, and try the examples of their signatures.

    Those of SOURCE are the files samples/SOURCE/*.expected.json beside it, each naming its sample, and
    samples/SOURCE/signature.json.
    """
    outcomes = [outcome for found in _read(names, folders) for outcome in samples.run(found)]
    for file, faults in outcomes:
        for fault in faults:
            click.echo(visible(f"{library.shown(file)}: {fault}"))
    if failed := sum(bool(faults) for _, faults in outcomes):
        raise Failed(f"{failed} of {len(outcomes)} samples failed", 1)
    click.echo(f"{len(outcomes)} samples passed")


@feeds.command()
def schema() -> None:
    """Print the JSON Schema of source files. Editors take it from a file's first line:

    # yaml-language-server: $schema=source.schema.json
    """
    click.echo(orjson.dumps(schema_of_sources(), option=orjson.OPT_INDENT_2).decode())


def _read(names: tuple[str, ...] | list[str], folders: tuple[Path, ...]) -> list[Found]:
    """Prints what is wrong in any of them. Raises Failed."""
    try:
        files = library.named(names, folders)
    except NoSuchSource as error:
        raise Failed(str(error), 2) from None
    read, wrong = [], 0
    for file in files:
        try:
            read.append(library.read(file))
        except NoSuchSource as error:
            raise Failed(str(error), 2) from None
        except BadPack as bad:
            wrong += len(bad.diagnostics)
            for diagnostic in bad.diagnostics:
                click.echo(visible(str(diagnostic)))
    if wrong:
        raise Failed(f"mistakes in sources: {wrong}", 1)
    return read
