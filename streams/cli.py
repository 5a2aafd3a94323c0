"""The command `shipclock`: which subcommands there are, and how each of them ends."""

import errno
import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import click

from streams.commands.common import Failed, wrong_use_in_one_line

INTERRUPTED = 130
NOBODY_READS = 141
"""Exit codes that a shell expects of a program ended by Ctrl-C, and of one whose reader (`head`) has ended."""


class Place(NamedTuple):
    """Where a subcommand is (`module:attribute`), and a short description."""

    target: str
    does: str


COMMANDS = {
    "demo": Place("streams.commands.demo:demo", "Watch a dozen shops in one process, no server needed."),
    "feed": Place("streams.commands.feed:feed", "Write the demo's shops to a Kafka broker."),
    "worker": Place("streams.commands.worker:worker", "Watch the orders on a Kafka broker."),
    "feeds": Place("streams.commands.feeds:feeds", "What platforms and carriers send, as events."),
    "receive": Place("streams.commands.receive:receive", "Take the pushes of platforms and carriers."),
    "poll": Place("streams.commands.poll:poll", "Read the order and health APIs of platforms."),
    "feed-map": Place("streams.commands.feed_map:feed_map", "Turn what was received into events."),
    "replay": Place("streams.commands.replay:replay", "Run history through the rules; alerts to stdout."),
    "import": Place("streams.commands.importing:import_", "Turn history files into events."),
    "explain": Place("streams.commands.explain:explain", "Say how one alert came about."),
    "report": Place("streams.commands.report:report", "Say what a week was for each shop: text, HTML, CSV."),
    "dead-letters": Place("streams.commands.dead_letters:dead_letters", "What could not be read; send it again."),
    "repartition": Place("streams.commands.repartition:repartition", "Copy state into topics with more partitions."),
    "check": Place("streams.commands.check:check", "Read rule packs and say what is wrong with them."),
    "schema": Place("streams.commands.schema:schema", "Print the JSON Schema of rule packs, for editors."),
    "test": Place("streams.commands.pack_tests:run_tests", "Run the tests that rule packs carry."),
}


class Subcommands(click.Group):
    """Subcommands imported when they are used: `shipclock check` needs no Kafka client, and `--help` nothing at all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        place = COMMANDS.get(name)
        if place is None:
            return None
        module, _, attribute = place.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.does) for name, place in COMMANDS.items()])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with wrong_use_in_one_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                with wrong_use_in_one_line():
                    return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # here, as a failure while Python exits can't be reported any more
        except BrokenPipeError:
            _give_up_stdout()
            ctx.exit(NOBODY_READS)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _give_up_stdout()
            raise Failed(f"{error.filename or 'stdout'}: {error.strerror}", 2) from None
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


def _give_up_stdout() -> None:
    # Or Python itself would try again while it exits, fail, and print a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group("shipclock", cls=Subcommands)
@click.version_option(package_name="shipclock", message="%(prog)s %(version)s")
def main() -> None:
    """Warns marketplace sellers before late-shipment penalties fall due."""
