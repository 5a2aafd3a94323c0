"""Writes the dashboards where Grafana is told to look for them."""

from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.source import feeds, one_shop, shops_at_risk, the_worker

FOLDER = Path(__file__).parents[1] / "dashboards"


def written() -> Iterator[tuple[Path, str]]:
    """Each dashboard's file and its JSON."""
    for module in (shops_at_risk, one_shop, the_worker, feeds):
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        text = JSONEncoder(sort_keys=True, indent=2).encode(module.dashboard().build())
        yield FOLDER / f"{name}.json", text + "\n"


if __name__ == "__main__":
    for file, text in written():
        file.write_text(text)
