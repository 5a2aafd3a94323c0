"""`shipclock schema`: the JSON Schema of rule packs, for editors."""

import click
import orjson

from rules.dsl.schema import schema as schema_of_packs


@click.command()
def schema() -> None:
    """Print the JSON Schema of rule packs and overrides. Editors take it from a pack's first line:

    # yaml-language-server: $schema=pack.schema.json
    """
    click.echo(orjson.dumps(schema_of_packs()).decode())
