"""The tokens that let people in, each with a name and a role: a YAML list.

    - {name: Li Wei, role: act, token: 5f0c…}
    - {name: Grafana, role: read, token: 81d2…}

`read` sees everything, `act` may also acknowledge and mute. SHIPCLOCK_TOKEN is a token with all rights and no name.
"""

import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, get_args

from msgspec import Struct

from rules.dsl.reader import read
from rules.dsl.yaml_source import BadPack, Source
from rules.messages.text import has_hidden
from streams.settings import BadSettingError, check_token

Role = Literal["read", "act"]

LONGEST_NAME: Final = 200


class Person(Struct, frozen=True):
    """Whoever has a token. Without a `name` they say themselves who they are."""

    name: str | None = None
    role: Role = "act"


ANYBODY: Final = Person()
"""Who comes with SHIPCLOCK_TOKEN, or from this machine where no token is asked for."""


class _Entry(Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    role: str
    token: str


class Tokens:
    """Who each token belongs to. Empty: none is asked for."""

    def __init__(self, persons: Iterable[tuple[str, Person]] = ()) -> None:
        self._persons = [(token.encode(), person) for token, person in persons]

    def __bool__(self) -> bool:
        return bool(self._persons)

    def person(self, given: bytes) -> Person | None:
        """Whose token it is; None if nobody's. Takes as long for every wrong token: all are compared, each in constant
        time."""
        found = None
        for token, person in self._persons:
            if hmac.compare_digest(given, token):
                found = person
        return found


NO_TOKENS: Final = Tokens()


def load(token: str | None, file: Path | None) -> Tokens:
    """The single token and those of the file. Raises BadSettingError with `file:line: message`."""
    persons = [] if token is None else [(token, ANYBODY)]
    try:
        return Tokens(persons + ([] if file is None else _of_file(file, token)))
    except BadPack as error:
        raise BadSettingError(str(error)) from None


def _of_file(file: Path, single: str | None) -> list[tuple[str, Person]]:
    try:
        source = Source(file.read_text(encoding="utf-8-sig"), str(file))
    except UnicodeDecodeError:
        raise BadSettingError(f"{file}:1: is no YAML in UTF-8") from None
    except OSError as error:
        raise BadSettingError(f"{file}: {error.strerror}") from None
    persons: dict[str, Person] = {}
    names: set[str] = set()
    for n, entry in enumerate(read(list[_Entry], source.value, source)):
        if wrong := _diagnostic(entry, names, {*persons, single}):
            where, message = wrong
            raise BadPack([source.diagnose(message, f"$[{n}].{where}")])
        names.add(entry.name)
        persons[entry.token] = Person(entry.name, "act" if entry.role == "act" else "read")
    if not persons:
        raise BadPack([source.diagnose("lists no token", "$")])
    return list(persons.items())


def _diagnostic(entry: _Entry, names: set[str], tokens: set[str | None]) -> tuple[str, str] | None:
    """What is wrong with an entry, and where. The message never shows the token."""
    if not entry.name.strip() or len(entry.name) > LONGEST_NAME or has_hidden(entry.name):
        return "name", f"a name is visible text of at most {LONGEST_NAME} characters"
    if entry.name in names:
        return "name", f"{entry.name} has a token already"
    if entry.role not in get_args(Role):
        return "role", f"role is one of {', '.join(get_args(Role))}, not {entry.role!r}"
    if wrong := check_token(entry.token):
        return "token", f"the token of {entry.name} {wrong}"
    if entry.token in tokens:
        return "token", f"the token of {entry.name} is another's, too"
    return None
