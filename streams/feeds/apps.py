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
      poll:                             # read its API, too
        shops:
          "910044217": {credentials: {refresh_token: {file: /run/secrets/shopee-jakarta}}}
  track17:
    main:
      credentials: {key: {file: /run/secrets/17track}}
      register: {platforms: [shopee]}   # have it follow the parcels of these; of all by default
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from yarl import URL

from rules.dsl.yaml_source import BadPack, Diagnostic, Source
from streams.feeds import library, setting
from streams.feeds.expressions import convert
from streams.feeds.language import SourceFile
from streams.feeds.placing import diagnostic
from streams.feeds.signatures import credentials_of, key_problem, secrets_of
from streams.settings import is_local

EVERY_MIN, PUSHED_EVERY_MIN = 5, 15
"""How often an API is read, and how often where pushes come as well."""

SHORTEST_UNGUESSED = 16
"""Characters of an app's name where nothing else proves that a push is genuine but the sender's address."""


class Listen(Struct, forbid_unknown_fields=True, frozen=True):
    host: str = "127.0.0.1"
    port: int = 6067


class Elsewhere(Struct, forbid_unknown_fields=True, frozen=True):
    """Where a secret is."""

    file: str | None = None
    env: str | None = None


Credentials = dict[str, str | Elsewhere]


class ShopWritten(Struct, forbid_unknown_fields=True, frozen=True):
    credentials: Credentials = {}
    setting: dict[str, Any] = {}


class PollWritten(Struct, forbid_unknown_fields=True, frozen=True):
    """`every_min` is 15 by default where the app takes pushes, else 5. `history_days` is how far back a shop is read at
    first. `enrich: false` lets pushes count as they are. `host` stands for the platform's."""

    shops: dict[str, ShopWritten]
    every_min: Annotated[int, Meta(ge=1, le=1_440)] | None = None
    overlap_min: Annotated[int, Meta(ge=1, le=1_440)] = 10
    history_days: Annotated[int, Meta(ge=1, le=365)] = 15
    enrich: bool = True
    host: str | None = None


class RegisterWritten(Struct, forbid_unknown_fields=True, frozen=True):
    """`platforms` whose parcels this service follows; of all by default. `carriers` are the service's words for those
    that the platforms use, beside those of its source file."""

    platforms: tuple[str, ...] = ()
    carriers: dict[str, str] = {}
    host: str | None = None


class AppWritten(Struct, forbid_unknown_fields=True, frozen=True):
    """`push: false` where it is only polled."""

    credentials: Credentials = {}
    setting: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    push: bool = True
    poll: PollWritten | None = None
    register: RegisterWritten | None = None


class Written(Struct, forbid_unknown_fields=True, frozen=True):
    """The file as it is written."""

    apps: dict[str, dict[str, AppWritten]]
    listen: Listen = Listen()
    trusted_proxies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class PolledShop:
    """A shop that is read. Both are the app's and its own together."""

    credentials: Mapping[str, str] = field(repr=False)
    setting: Mapping[str, Any]


@dataclass(frozen=True)
class Polling:
    """What is read of an app, by the shops' names at the platform."""

    shops: Mapping[str, PolledShop]
    every_min: int
    overlap_min: int
    history_days: int
    host: str | None
    enrich: bool = True


@dataclass(frozen=True)
class Registering:
    """What a tracking service is told of. Without `platforms`, of all."""

    platforms: frozenset[str]
    carriers: Mapping[str, str]
    host: str | None


@dataclass(frozen=True)
class App:
    """One app at one source."""

    source: SourceFile
    name: str
    credentials: Mapping[str, str] = field(repr=False)
    setting: Mapping[str, Any] = field(default_factory=dict)
    takes_pushes: bool = True
    polling: Polling | None = None
    registering: Registering | None = None


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
        raise BadPack([diagnostic(error, text, Written)]) from None
    reader = _Reader(text, file.parent, environment)
    settings = reader.settings(written)
    if reader.diagnostics:
        raise BadPack(reader.diagnostics)
    return settings


class _Reader:
    def __init__(self, text: Source, folder: Path, environment: Mapping[str, str]) -> None:
        self._text, self._folder, self._environment = text, folder, environment
        self.diagnostics: list[Diagnostic] = []

    def _complain(self, message: str, path: str) -> None:
        self.diagnostics.append(self._text.diagnose(message, path))

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
                self.diagnostics += bad.diagnostics
                continue
            for app, each in of_source.items():
                apps[name, app] = self._app(source, app, each, f"{at}.{app}")
        return FeedSettings(apps, written.listen, written.trusted_proxies, folders)

    def _app(self, source: SourceFile, name: str, written: AppWritten, at: str) -> App:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            self._complain("an app's name is part of a path: letters, digits, - and _, at most 64", at)
        signature = source.signature if written.push else None
        if signature is not None and signature.method == "none" and len(name) < SHORTEST_UNGUESSED:
            least = f"{SHORTEST_UNGUESSED} or more characters that nobody guesses"
            self._complain(f"nothing is signed at {source.source}: the app's name must be {least}", at)
        settings = self._setting(source, written.setting, f"{at}.setting") | {"app": name, "aliases": written.aliases}
        wanted = credentials_of(signature) if signature is not None else set()
        secret = secrets_of(signature) if signature is not None else set()
        optional: set[str] = set()
        if (written.poll or written.register) and source.api is not None:
            wanted, secret = wanted | {*source.api.credentials}, secret | {*source.api.secrets}
            optional = {*source.api.optional}
        credentials = self._credentials(source, written.credentials, wanted, secret, f"{at}.credentials", optional)
        if signature is not None and signature.key in credentials and (wrong := key_problem(signature, credentials)):
            self._complain(wrong, f"{at}.credentials.{signature.key}")
        polling = None
        if written.poll is not None:
            polling = self._polling(source, written, credentials, settings, f"{at}.poll")
        registering = None
        if written.register is not None:
            registering = self._registering(source, written.register, f"{at}.register")
        takes_pushes = written.push and source.signature is not None
        return App(source, name, credentials, settings, takes_pushes, polling, registering)

    def _registering(self, source: SourceFile, written: RegisterWritten, at: str) -> Registering | None:
        if source.api is None or source.api.registration is None:
            self._complain(f"{source.source} follows no parcels by their numbers", at)
            return None
        self._host(written.host, at)
        return Registering(frozenset(written.platforms), written.carriers, written.host)

    def _host(self, host: str | None, at: str) -> None:
        if host is not None and not _is_safe(host):
            self._complain("write the host like https://example.net; http only where it is this machine", f"{at}.host")

    def _setting(self, source: SourceFile, written: dict[str, Any], at: str) -> dict[str, Any]:
        known = {*setting.OF_EVERY_SOURCE, *source.settings}
        for unknown in sorted(written.keys() - known):
            message = f"{unknown} is no setting of {source.source}; they are {', '.join(sorted(known))}"
            self._complain(message, f"{at}.{unknown}")
        try:
            return setting.checked(dict(written), source)
        except ValueError as error:
            self._complain(str(error), at)
            return {}

    def _credentials(
        self,
        source: SourceFile,
        written: Credentials,
        wanted: set[str],
        secret: set[str],
        at: str,
        optional: Collection[str] = (),
    ) -> dict[str, str]:
        credentials = {}
        for credential in sorted(wanted - written.keys() - {*optional}):
            self._complain(f"the credential {credential} is missing", at)
        for credential, value in written.items():
            place = f"{at}.{credential}"
            if credential not in wanted:
                theirs = ", ".join(sorted(wanted)) or "none"
                self._complain(f"{credential} is no credential of {source.source}; they are {theirs}", place)
            elif isinstance(value, str) and credential in secret:
                self._complain(f"{credential} is a secret: write where it is, {{file: …}} or {{env: …}}", place)
            elif (found := self._found(value, place)) is not None:
                credentials[credential] = found
        return credentials

    def _polling(
        self,
        source: SourceFile,
        app: AppWritten,
        credentials: dict[str, str],
        settings: dict[str, Any],
        at: str,
    ) -> Polling | None:
        api, written = source.api, app.poll
        if api is None or not api.polls or written is None:
            self._complain(f"nothing is known of an API of {source.source}", at)
            return None
        self._host(written.host, at)
        wanted = {*api.shop_credentials} | ({"refresh_token"} if api.token is not None else set())
        shops = {}
        for shop, each in written.shops.items():
            place = f"{at}.shops.{shop}"
            own = self._credentials(
                source, each.credentials, wanted, {*api.secrets, "refresh_token"}, f"{place}.credentials"
            )
            of_shop = self._setting(source, each.setting, f"{place}.setting")
            shops[shop] = PolledShop(credentials | own, settings | of_shop | {"shop": shop})
        every_min = written.every_min or (PUSHED_EVERY_MIN if app.push and source.signature is not None else EVERY_MIN)
        return Polling(shops, every_min, written.overlap_min, written.history_days, written.host, written.enrich)

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


def _is_safe(host: str) -> bool:
    """Whether secrets may be sent there."""
    try:
        url = URL(host)
    except ValueError:
        return False
    return (
        bool(url.host)
        and url.path in ("", "/")
        and (url.scheme == "https" or (url.scheme == "http" and is_local(url.host or "")))
    )


def _is_network(network: str) -> bool:
    try:
        ip_network(network)
    except ValueError:
        return False
    return True
