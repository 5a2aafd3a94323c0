"""`shipclock check`: what is wrong with rule packs."""

import click

from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams.commands.common import Failed
from streams.explaining import in_force
from streams.pack_files import NoSuchPack, read_all


@click.command()
@click.argument("packs", nargs=-1, metavar="[PACK]...")
def check(packs: tuple[str, ...]) -> None:
    """Read rule packs and say what is wrong with them, each thing as `file:line: message`; else what is in force: each
    rule's parameters, where they hold, and the file and line they come from.

    PACK is the name of a built-in pack, a file or a folder; without any, all built-in packs are read.
    """
    try:
        read = read_all(packs)
    except NoSuchPack as error:
        raise Failed(str(error), 2) from None
    except BadPack as bad:
        for diagnostic in bad.diagnostics:
            click.echo(visible(str(diagnostic)))
        raise Failed(f"mistakes in packs: {len(bad.diagnostics)}", 1) from None
    for file in read:
        for line in in_force.lines(file):
            click.echo(visible(line))
