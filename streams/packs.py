"""Finding packs: the built-in ones by name, a user's own by file or folder."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from rules.book import RuleBook
from rules.packs import BadPack, Complaint, Pack, parse


class NoSuchPack(ValueError):
    """Neither a built-in pack's name nor a file or folder."""


def built_in() -> dict[str, Path]:
    """The packs that come with shipclock, by name."""
    folder = Path(str(resources.files("rules"))) / "packs"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def files(wanted: Iterable[str]) -> list[Path]:
    """The files behind names, files and folders; all built-in packs when nothing is named. Raises NoSuchPack."""
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
            found += sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
        elif path.is_file():
            found.append(path)
        else:
            raise NoSuchPack(f"{name} is no file, no folder and no built-in pack ({', '.join(own)})")
    return found


def read(file: Path) -> Pack:
    """One pack. Raises BadPack."""
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadPack([Complaint(str(file), 1, f"can't be read: {error}")]) from None


def load(wanted: Iterable[str]) -> RuleBook:
    """A rule book of the packs named. Raises NoSuchPack, BadPack, or ValueError for a rule defined twice."""
    return RuleBook(read(file) for file in files(wanted))
