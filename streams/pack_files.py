"""Finds packs: the built-in ones by name, a user's own by file or folder."""

import hashlib
import zoneinfo
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

from rules.dsl.model import Pack
from rules.dsl.overrides import is_override, lay_over
from rules.dsl.reader import pack_of
from rules.dsl.yaml_source import BadPack, Diagnostic, Source
from rules.plan.rule_book import RuleBook

CALENDARS: Final = "chinesecalendar", "holidays", "tzdata"
"""Libraries whose newer versions know other holidays, or other time zones."""


class NoSuchPack(ValueError):
    """Not the name of a built-in pack, nor a readable file or folder of packs."""


class PackFile(NamedTuple):
    """A pack, and the text it was read from, with the line of each of its parts."""

    pack: Pack
    source: Source


def built_in() -> dict[str, Path]:
    """The packs that come with shipclock, by name."""
    folder = Path(str(resources.files("rules"))) / "packs"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def files(wanted: Iterable[str]) -> list[Path]:
    """The files behind names, files and folders, each once; all built-in packs when nothing is named. Raises
    NoSuchPack."""
    wanted = list(wanted)
    own = built_in()
    if not wanted:
        return list(own.values())
    found: list[Path] = []
    for name in wanted:
        path = Path(name)
        if name in own:
            found.append(own[name])
        elif path.is_dir():
            inside = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
            if not inside:
                raise NoSuchPack(f"{name} holds no pack (*.yaml)")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise NoSuchPack(f"{name} is no file, no folder and no built-in pack ({', '.join(own)})")
    return list({file.resolve(): file for file in found}.values())


def read_source(file: Path) -> Source:
    """A file's text. Raises NoSuchPack if it can't be read, BadPack if it isn't YAML."""
    shown = _shown(file)
    try:
        return Source(file.read_text(encoding="utf-8-sig"), shown)
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise NoSuchPack(f"{shown}:{line}: is not UTF-8") from None
    except OSError as error:
        raise NoSuchPack(f"{shown}: {error.strerror}") from None


def _shown(file: Path) -> str:
    """A path as the user gave it; for a built-in pack relative to the current folder, if it lies below."""
    here = Path.cwd()
    return str(file.relative_to(here) if file in built_in().values() and file.is_relative_to(here) else file)


def read_all(wanted: Iterable[str]) -> list[PackFile]:
    """The packs named, with overrides among the files laid over them. Raises NoSuchPack, or BadPack with everything
    that is wrong."""
    packs: list[PackFile] = []
    overrides: list[Source] = []
    diagnostics: list[Diagnostic] = []
    for file in files(wanted):
        try:
            source = read_source(file)
            if is_override(source):
                overrides.append(source)
            else:
                packs.append(PackFile(pack_of(source), source))
        except BadPack as bad:
            diagnostics += bad.diagnostics
    diagnostics += _defined_twice(packs)
    for source in overrides if not diagnostics else ():
        try:
            lay_over([file.pack for file in packs], source)
        except BadPack as bad:
            diagnostics += bad.diagnostics
    if diagnostics:
        raise BadPack(diagnostics)
    return packs


def _defined_twice(packs: Sequence[PackFile]) -> list[Diagnostic]:
    diagnostics = []
    first: dict[str, Diagnostic] = {}
    for pack, source in packs:
        for n, rule in enumerate(pack.rules):
            here = source.diagnose(f"{rule.id} is defined here", f"$.rules[{n}].id")
            there = first.setdefault(rule.id, here)
            if there is not here:
                diagnostics.append(
                    Diagnostic(here.file, here.line, f"{rule.id} is already defined at {there.file}:{there.line}")
                )
    return diagnostics


def load(wanted: Iterable[str], *, says_unwatched: bool = False, with_digest: bool = False) -> RuleBook:
    """A rule book of the packs named; with the digest where checkpoints are kept, as only a worker does. Raises
    NoSuchPack or BadPack."""
    wanted = list(wanted)
    digest = _digest(wanted, says_unwatched) if with_digest else ""
    return RuleBook((pack for pack, _ in read_all(wanted)), says_unwatched=says_unwatched, digest=digest)


def _digest(wanted: Iterable[str], says_unwatched: bool) -> str:
    """Of all that decides what is derived from orders: the packs' texts, the code that derives it, holidays, and the
    time zones, which are the system's where it has any."""
    calendars = [version(library) for library in CALENDARS]
    digest = hashlib.blake2b(f"{says_unwatched} {calendars}".encode(), digest_size=16)
    rules = Path(str(resources.files("rules")))
    zones = [file for folder in zoneinfo.TZPATH if (file := Path(folder) / "tzdata.zi").is_file()]
    for file in (*files(wanted), *sorted(rules.rglob("*.py")), *zones):
        digest.update(f"\n{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
