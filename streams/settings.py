"""Settings, all from `SHIPCLOCK_…` environment variables."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast

from yarl import URL


class BadSettingError(ValueError):
    """A variable with a bad value; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """An empty `topic_prefix` and no packs named are the defaults; `partitions` holds for topics it creates.

    Without a `token` the web is open, but only to this machine. A sink whose setting is None (or empty) is off. What
    holds a secret, or an address that may, is not shown by `repr`. `embedded` and `skip_unreadable` are no variables.
    """

    broker: str
    app_id: str = "shipclock"
    topic_prefix: str = ""
    partitions: int = 4
    max_shops: int = 100_000
    max_orders: int = 2_000_000
    packs: tuple[str, ...] = ()
    clock: Literal["wall", "event"] = "wall"
    datadir: Path = Path("shipclock-data")
    web_host: str = "127.0.0.1"
    web_port: int = 6066
    public_url: str | None = None
    token: str | None = field(default=None, repr=False)
    tokens: Path | None = None
    log_level: str = "info"
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_username: str | None = None
    kafka_password: str | None = field(default=None, repr=False)
    kafka_ca: Path | None = None
    alertmanager: str | None = field(default=None, repr=False)
    webhook: str | None = field(default=None, repr=False)
    webhook_secret: bytes | None = field(default=None, repr=False)
    notify: tuple[str, ...] = field(default=(), repr=False)
    notify_every: int = 15
    notify_routes: Path | None = None
    redis: str | None = field(default=None, repr=False)
    warehouses: Path | None = None
    feeds: Path | None = None
    embedded: bool = False
    skip_unreadable: bool = False


DESCRIPTIONS: Mapping[str, str] = {
    "broker": "where Kafka is: kafka://host:9092, several after commas (required)",
    "app_id": "consumer group, and prefix of internal topics (default shipclock)",
    "topic_prefix": "stands before the name of every topic (default none)",
    "partitions": "partitions of the topics it creates (default 4)",
    "max_shops": "shops a partition may know; events of further ones become dead letters (default 100000)",
    "max_orders": "orders a partition may know; events of further ones become dead letters (default 2000000)",
    "packs": "rule packs, comma-separated: names, files or folders (default all built-in ones)",
    "clock": "wall or event: what decides that a deadline has passed (default wall)",
    "datadir": "where local snapshots of state are kept (default shipclock-data)",
    "web_host": "address of the console and the API (default 127.0.0.1); any other than localhost needs a token",
    "web_port": "their port; 0 takes a free one (default 6066)",
    "public_url": "where people reach the console, for links (default its own address; in alert records a path)",
    "token": "what the console and the API ask for, 16 characters or more, with all rights (default none) *",
    "tokens": "YAML file of tokens by name and role, read or act (deploy/docs/people.md)",
    "log_level": "debug, info, warning or error (default info)",
    "kafka_security": "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL (default PLAINTEXT)",
    "kafka_mechanism": "of SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (default PLAIN)",
    "kafka_username": "of SASL",
    "kafka_password": "of SASL *",
    "kafka_ca": "file of the certificates to trust (PEM; default the system's)",
    "alertmanager": "where to send alerts: http://host:9093 *",
    "webhook": "where to post alerts as CloudEvents: https://host/path *",
    "webhook_secret": "signs them, by Standard Webhooks: whsec_ and 24 to 64 bytes in base64 *",
    "notify": "whom to send digests, as Apprise URLs: mailto://…, slack://…, tgram://…, feishu://…, dingtalk://… *",
    "notify_every": "minutes between two digests of one shop (default 15)",
    "notify_routes": "YAML file of who is sent digests of what, notify.yaml (deploy/docs/people.md)",
    "redis": "where services read alerts and the ship-next list: redis://host:6379/0 or rediss://… *",
    "warehouses": "YAML file that says which warehouse a shop's orders belong to (default all in one)",
    "feeds": "YAML file of the apps whose pushes shipclock receive takes (deploy/docs/feeds.md)",
}
"""Each variable with its description. A `*` at the end marks those that may be in a file, named by the variable with
`_FILE`."""

_PREFIX = "SHIPCLOCK_"

SHORTEST_TOKEN = 16
"""The fewest characters of a token."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Reads the variables. Raises BadSettingError, naming the one that is wrong or that is none of them."""
    _refuse_unknown(environment)
    given: dict[str, Any] = {}
    for name, description in DESCRIPTIONS.items():
        text = environment.get(_variable(name), "").strip()
        if description.endswith("*"):
            text = _or_file(name, text, environment)
        if text:
            given[name] = _read(name, text)
    if "broker" not in given:
        raise BadSettingError("SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092")
    _belong_together(given)
    settings = Settings(**given)
    if settings.token is None and settings.tokens is None and not is_local(settings.web_host):
        raise BadSettingError(
            f"SHIPCLOCK_WEB_HOST={settings.web_host} opens the console to the network: set SHIPCLOCK_TOKEN or "
            "SHIPCLOCK_TOKEN_FILE, or SHIPCLOCK_TOKENS"
        )
    return settings


_SERVICE_LINK = re.compile(
    r"SHIPCLOCK(_\w+)?_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))\w*|SHIPCLOCK(_\w+)?_PORT=\w+://.*"
)
"""Kubernetes sets these in every container for each service whose name begins with `shipclock`."""


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = [_variable(name) for name in DESCRIPTIONS]
    known += [f"{_variable(name)}_FILE" for name, description in DESCRIPTIONS.items() if description.endswith("*")]
    for variable in sorted(set(environment) - set(known)):
        if not variable.startswith(_PREFIX):
            continue
        if _SERVICE_LINK.fullmatch(variable) or _SERVICE_LINK.fullmatch(f"{variable}={environment[variable]}"):
            continue
        near = get_close_matches(variable.removeprefix(_PREFIX), (each.removeprefix(_PREFIX) for each in known), 1, 0.8)
        hint = f"; did you mean {_variable(near[0])}?" if near else ";"
        raise BadSettingError(f"{variable} is no setting{hint} `shipclock worker --help` lists them all")


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _or_file(name: str, text: str, environment: Mapping[str, str]) -> str:
    """A secret: the variable's value, or the contents of the file that its `_FILE` names."""
    variable = f"{_variable(name)}_FILE"
    file = environment.get(variable, "").strip()
    if not file:
        return text
    if text:
        raise BadSettingError(f"{_variable(name)} and {variable} are both set")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise BadSettingError(f"{variable}={file} is not UTF-8") from None
    except OSError as error:
        raise BadSettingError(f"{variable}={file}: {error.strerror}") from None


def _read(name: str, text: str) -> Any:
    match name:
        case "broker":
            return _broker(text)
        case "partitions" | "notify_every":
            return _count(name, text, 10_000)
        case "max_shops" | "max_orders":
            return _count(name, text, 1_000_000_000)
        case "packs":
            return packs_named(text)
        case "notify":
            return tuple(text.split())
        case "clock":
            return _one_of(name, text, ("wall", "event"))
        case "log_level":
            return _one_of(name, text, ("debug", "info", "warning", "error"))
        case "kafka_security":
            return _one_of(name, text, ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))
        case "kafka_mechanism":
            return _one_of(name, text, ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"))
        case "alertmanager" | "webhook":
            return _address(name, text, ("http", "https"))
        case "public_url":
            return _address(name, text, ("http", "https")).rstrip("/")
        case "redis":
            return _address(name, text, ("redis", "rediss"))
        case "webhook_secret":
            return _signing_key(text)
        case "datadir":
            return Path(text)
        case "web_port":
            return _port(name, text)
        case "token":
            return _token(name, text)
        case "kafka_ca" | "warehouses" | "feeds" | "tokens" | "notify_routes":
            return _file(name, text)
    return text


def packs_named(text: str) -> tuple[str, ...]:
    """The names in SHIPCLOCK_PACKS."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _belong_together(given: Mapping[str, Any]) -> None:
    if given.get("kafka_security", "").startswith("SASL") and not {"kafka_username", "kafka_password"} <= given.keys():
        raise BadSettingError("SASL needs SHIPCLOCK_KAFKA_USERNAME, and SHIPCLOCK_KAFKA_PASSWORD or its _FILE")
    if "webhook" in given and "webhook_secret" not in given:
        raise BadSettingError("SHIPCLOCK_WEBHOOK needs SHIPCLOCK_WEBHOOK_SECRET, or its _FILE: what is sent is signed")


def _address(name: str, text: str, schemes: tuple[str, ...]) -> str:
    """Checks a URL. The message doesn't show it, as it may contain a password."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in schemes or not url.host:
        raise BadSettingError(
            f"{_variable(name)} is no address that begins with {' or '.join(f'{each}://' for each in schemes)}"
        )
    return text


def _signing_key(text: str) -> bytes:
    try:
        key = b64decode(text.removeprefix("whsec_"), validate=True)
    except (NotBase64, ValueError):
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise BadSettingError(f"{_variable('webhook_secret')} is not whsec_ and 24 to 64 bytes in base64")
    return key


def _file(name: str, text: str) -> Path:
    try:
        found = Path(text).is_file()
    except OSError:  # longer than a path can be
        found = False
    if not found:
        raise BadSettingError(f"{_variable(name)}={text} is no file")
    return Path(text)


def _broker(text: str) -> str:
    for each in text.split(","):
        try:
            url = _url(each)
        except ValueError:
            url = URL()
        if url.scheme != "kafka" or not url.host:
            raise BadSettingError(f"SHIPCLOCK_BROKER={text} is no broker; write it like kafka://localhost:9092")
    return text


def _count(name: str, text: str, most: int) -> int:
    if not _is_number(text) or not 0 < int(text) <= most:
        raise BadSettingError(f"{_variable(name)}={text} is no count from 1 to {most}")
    return int(text)


def _is_number(text: str) -> bool:
    """Python refuses to convert numbers of thousands of digits, so these are no number."""
    return text.isdecimal() and len(text) <= 10


def _port(name: str, text: str) -> int:
    if not _is_number(text) or int(text) > 65_535:
        raise BadSettingError(f"{_variable(name)}={text} is no port from 0 to 65535")
    return int(text)


def _token(name: str, text: str) -> str:
    """Checks a token. The message never shows it."""
    if wrong := check_token(text):
        raise BadSettingError(f"{_variable(name)} {wrong}")
    return text


def check_token(text: str) -> str | None:
    """What is wrong with a token, without showing it."""
    if len(text) >= SHORTEST_TOKEN and text.isascii() and text.isprintable() and " " not in text:
        return None
    return (
        f"holds no good token: {SHORTEST_TOKEN} or more ASCII characters and no spaces are wanted, as from "
        "`openssl rand -hex 32`"
    )


def is_local(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if choice.lower() == text.lower():
            return choice
    raise BadSettingError(f"{_variable(name)}={text} is none of {', '.join(choices)}")


def bootstrap_servers(settings: Settings) -> list[str]:
    """`host:port` of each broker."""
    urls = [_url(each) for each in settings.broker.split(",")]
    return [f"{url.host_subcomponent}:{url.port or 9092}" for url in urls]


def _url(broker: str) -> URL:
    """Raises ValueError for what is none."""
    broker = broker.strip()
    return URL(broker if "://" in broker else f"kafka://{broker}")


def describe() -> str:
    """The list of variables shown by `--help`."""
    width = max(len(_variable(name)) for name in DESCRIPTIONS)
    listed = [f"{_variable(name):<{width}}  {text}" for name, text in DESCRIPTIONS.items()]
    return "\n".join([*listed, "* or its name with _FILE: a file that holds it"])


assert set(DESCRIPTIONS) == {field.name for field in fields(cast(Any, Settings))} - {"embedded", "skip_unreadable"}
