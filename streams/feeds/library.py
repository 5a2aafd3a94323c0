"""The known sources: those that come with shipclock, and a user's own in their folders."""

from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec

from rules.dsl.yaml_source import BadPack, Diagnostic, Source
from streams.feeds.expressions import convert
from streams.feeds.language import SourceFile
from streams.feeds.placing import diagnostic
from streams.feeds.validate import diagnostics


class NoSuchSource(ValueError):
    """A source that no file describes, or a folder that can't be read."""


class Found(NamedTuple):
    """A source, its text, which knows the line of each of its parts, and the folder of its samples."""

    source: SourceFile
    text: Source
    samples: Path


def built_in() -> Path:
    return Path(str(resources.files("streams"))) / "feeds" / "sources"


def files(folders: Iterable[Path] = ()) -> dict[str, Path]:
    """Source files by name; one of a user's own folder stands for a built-in one of that name. Raises NoSuchSource."""
    found: dict[str, Path] = {}
    for folder in (built_in(), *folders):
        if not folder.is_dir():
            raise NoSuchSource(f"{folder} is no folder")
        inside = {file.stem: file for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])}
        if not inside:
            raise NoSuchSource(f"{folder} holds no source (*.yaml)")
        found |= inside
    return found


def named(names: Iterable[str], folders: Iterable[Path] = ()) -> list[Path]:
    """The files of these sources; of all that are known when none is named. Raises NoSuchSource."""
    known = files(folders)
    for name in names:
        if name not in known:
            raise NoSuchSource(f"{name} is no source; known are {', '.join(sorted(known))}")
    return [known[name] for name in names or sorted(known)]


@cache
def read(file: Path) -> Found:
    """Raises NoSuchSource where it can't be read, BadPack with what is wrong in it."""
    text = text_of(file)
    try:
        source = convert(text.value, SourceFile)
    except msgspec.ValidationError as error:
        raise BadPack([diagnostic(error, text, SourceFile)]) from None
    if wrong := list(diagnostics(source, text, file.stem)):
        raise BadPack(wrong)
    return Found(source, text, file.parent / "samples" / file.stem)


def shown(file: Path) -> str:
    """A path relative to the working directory, if it is below it."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def text_of(file: Path) -> Source:
    """Raises NoSuchSource where a file can't be read, BadPack where it is no YAML."""
    name = shown(file)
    try:
        return Source(file.read_text(encoding="utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise BadPack([Diagnostic(name, line, "is not UTF-8")]) from None
    except OSError as error:
        raise NoSuchSource(f"{name}: {error.strerror}") from None
