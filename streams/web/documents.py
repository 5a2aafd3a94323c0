"""`python -m streams.web.documents FOLDER` writes openapi.json and asyncapi.json there."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from streams.web.asyncapi import asyncapi
from streams.web.openapi import openapi

DOCUMENTS: Mapping[str, Callable[[], bytes]] = {"openapi.json": openapi, "asyncapi.json": asyncapi}


def write(folder: Path) -> None:
    for name, make in DOCUMENTS.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
