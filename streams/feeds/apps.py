"""The settings file of the feeds (`SHIPCLOCK_FEEDS`): which apps there are, and what proves that a push is theirs.

listen: {host: 0.0.0.0, port: 6067}     # default 127.0.0.1:6067
trusted_proxies: [10.0.0.0/8]           # whose X-Forwarded-For is believed
sources: [my-sources]                   # folders of source files of one's own, from this file
apps:
  shopee:
    main:                               # POST /feeds/shopee/main
      credentials:
        callback_url: https://hooks.example.net/feeds/shopee/main
        partner_key: {file: /run/secrets/shopee}     # or {env: SHOPEE_KEY}; never the secret itself
      setting: {shipped_at: rts}        # what its source asks for: zone, deadline_field and so on
      aliases: {"910044217": jakarta}   # what a shop is called in events
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rules.yaml_source import BadPack, Complaint, Source
from streams.feeds import library, setting
from streams.feeds.language import SourceFile, convert
from streams.feeds.placing import complaint
from streams.feeds.signatures import credentials_of, key_complaint, secrets_of

SHORTEST_UNGUESSED = 16
"""Characters of an app's name where nothing else proves that a push is genuine but the sender's address."""


class Listen(Struct, forbid_unknown_fields=True, frozen=True):
    host: str = "127.0.0.1"
    port: int = 6067


class Elsewhere(Struct, forbid_unknown_fields=True, frozen=True):
    """Where a secret is."""

    file: str | None = None
    env: str | None = None


class AppWritten(Struct, forbid_unknown_fields=True, frozen=True):
    credentials: dict[str, str | Elsewhere] = {}
    setting: dict[str, Any] = {}
    aliases: dict[str, str] = {}


class Written(Struct, forbid_unknown_fields=True, frozen=True):
    """The file as it is written."""

    apps: dict[str, dict[str, AppWritten]]
    listen: Listen = Listen()
    trusted_proxies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class App:
    """One app at one source."""

    source: SourceFile
    name: str
    credentials: Mapping[str, str] = field(repr=False)
    setting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FeedSettings:
    """`apps` by source and name."""

    apps: Mapping[tuple[str, str], App]
    listen: Listen
    trusted_proxies: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()


def load(file: Path, environment: Mapping[str, str]) -> FeedSettings:
    """Raises BadPack with everything that is wrong in it or in a source it names, NoSuchSource where a file or a folder
    can't be read."""
    text = library.text_of(file)
    try:
        written = convert(text.value, Written)
    except msgspec.ValidationError as error:
        raise BadPack([complaint(error, text, Written)]) from None
    reader = _Reader(text, file.parent, environment)
    settings = reader.settings(written)
    if reader.complaints:
        raise BadPack(reader.complaints)
    return settings


class _Reader:
    def __init__(self, text: Source, folder: Path, environment: Mapping[str, str]) -> None:
        self._text, self._folder, self._environment = text, folder, environment
        self.complaints: list[Complaint] = []

    def _complain(self, message: str, path: str) -> None:
        self.complaints.append(self._text.complain(message, path))

    def settings(self, written: Written) -> FeedSettings:
        for n, network in enumerate(written.trusted_proxies):
            if not _is_network(network):
                self._complain(f"{network} is no network; write it like 10.0.0.0/8", f"$.trusted_proxies[{n}]")
        if not 0 <= written.listen.port <= 65_535:
            self._complain(f"{written.listen.port} is no port from 0 to 65535", "$.listen.port")
        folders = tuple(self._folder / each for each in written.sources)
        files = library.files(folders)
        apps: dict[tuple[str, str], App] = {}
        for name, of_source in written.apps.items():
            at = f"$.apps.{name}"
            if name not in files:
                self._complain(f"{name} is no source; known are {', '.join(sorted(files))}", at)
                continue
            try:
                source = library.read(files[name]).source
            except BadPack as bad:
                self.complaints += bad.complaints
                continue
            for app, each in of_source.items():
                apps[name, app] = self._app(source, app, each, f"{at}.{app}")
        return FeedSettings(apps, written.listen, written.trusted_proxies, folders)

    def _app(self, source: SourceFile, name: str, written: AppWritten, at: str) -> App:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            self._complain("an app's name is part of a path: letters, digits, - and _, at most 64", at)
        signature = source.signature
        if signature is not None and signature.method == "none" and len(name) < SHORTEST_UNGUESSED:
            least = f"{SHORTEST_UNGUESSED} or more characters that nobody guesses"
            self._complain(f"nothing is signed at {source.source}: the app's name must be {least}", at)
        known = {*setting.OF_EVERY_SOURCE, *source.settings}
        for unknown in sorted(written.setting.keys() - known):
            message = f"{unknown} is no setting of {source.source}; they are {', '.join(sorted(known))}"
            self._complain(message, f"{at}.setting.{unknown}")
        try:
            settings = setting.checked(dict(written.setting), source)
        except ValueError as error:
            self._complain(str(error), f"{at}.setting")
            settings = {}
        credentials = {}
        wanted = credentials_of(signature) if signature is not None else set()
        secret = secrets_of(signature) if signature is not None else set()
        for credential in sorted(wanted - written.credentials.keys()):
            self._complain(f"the credential {credential} is missing", f"{at}.credentials")
        for credential, value in written.credentials.items():
            place = f"{at}.credentials.{credential}"
            if credential not in wanted:
                theirs = ", ".join(sorted(wanted)) or "none"
                self._complain(f"{credential} is no credential of {source.source}; they are {theirs}", place)
            elif isinstance(value, str) and credential in secret:
                self._complain(f"{credential} is a secret: write where it is, {{file: …}} or {{env: …}}", place)
            elif (found := self._found(value, place)) is not None:
                credentials[credential] = found
        if signature is not None and signature.key in credentials and (wrong := key_complaint(signature, credentials)):
            self._complain(wrong, f"{at}.credentials.{signature.key}")
        return App(source, name, credentials, settings | {"app": name, "aliases": written.aliases})

    def _found(self, value: str | Elsewhere, place: str) -> str | None:
        """What a credential is. What is in a file or a variable is never shown."""
        if isinstance(value, str):
            return value
        if (value.file is None) == (value.env is None):
            self._complain("a secret has a place: either {file: …} or {env: …}", place)
            return None
        if value.env is not None:
            found = self._environment.get(value.env, "").strip()
            if not found:
                self._complain(f"the variable {value.env} is not set", place)
            return found or None
        return self._in_file(self._folder / str(value.file), place)

    def _in_file(self, file: Path, place: str) -> str | None:
        try:
            found = file.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            self._complain(f"{file} is not UTF-8", place)
            return None
        except OSError as error:
            self._complain(f"{file}: {error.strerror}", place)
            return None
        if not found:
            self._complain(f"{file} is empty", place)
        return found or None


def _is_network(network: str) -> bool:
    try:
        ip_network(network)
    except ValueError:
        return False
    return True
