"""Settings, all `SHIPCLOCK_…` variables of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, cast

from yarl import URL


class BadSettingError(ValueError):
    """A variable that can't be used; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """An empty `topic_prefix` and no packs named are the defaults; `partitions` holds for topics it creates.

    Without a `token` the web is open, but only to this machine.
    """

    broker: str
    app_id: str = "shipclock"
    topic_prefix: str = ""
    partitions: int = 4
    packs: tuple[str, ...] = ()
    clock: Literal["wall", "event"] = "wall"
    datadir: Path = Path("shipclock-data")
    web_host: str = "127.0.0.1"
    web_port: int = 6066
    token: str | None = field(default=None, repr=False)
    log_level: str = "info"
    embedded: bool = False


DESCRIPTIONS: Mapping[str, str] = {
    "broker": "where Kafka is: kafka://host:9092, several after commas (required)",
    "app_id": "consumer group, and prefix of internal topics (default shipclock)",
    "topic_prefix": "stands before the name of every topic (default none)",
    "partitions": "partitions of the topics it creates (default 4)",
    "packs": "rule packs, comma-separated: names, files or folders (default all built-in ones)",
    "clock": "wall or event: what decides that a deadline has passed (default wall)",
    "datadir": "where local snapshots of state are kept (default shipclock-data)",
    "web_host": "address of the console and the API (default 127.0.0.1); any other than localhost needs a token",
    "web_port": "their port; 0 takes a free one (default 6066)",
    "token": "what the console and the API ask for, 16 characters or more (default none)",
    "token_file": "a file with the token, in place of SHIPCLOCK_TOKEN",
    "log_level": "debug, info, warning or error (default info)",
}

_PREFIX = "SHIPCLOCK_"

SHORTEST_TOKEN = 16
"""Characters."""


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Reads the variables. Raises BadSettingError, naming the one that is wrong."""
    given: dict[str, Any] = {}
    for name in DESCRIPTIONS:
        text = environment.get(_PREFIX + name.upper(), "").strip()
        if text:
            given[name] = _read(name, text)
    if "broker" not in given:
        raise BadSettingError("SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092")
    if "token_file" in given:
        if "token" in given:
            raise BadSettingError("SHIPCLOCK_TOKEN and SHIPCLOCK_TOKEN_FILE are both set; which one holds?")
        given["token"] = given.pop("token_file")
    settings = Settings(**given)
    if settings.token is None and not is_local(settings.web_host):
        raise BadSettingError(
            f"SHIPCLOCK_WEB_HOST={settings.web_host} opens the console to the network: set SHIPCLOCK_TOKEN or "
            "SHIPCLOCK_TOKEN_FILE"
        )
    return settings


def _read(name: str, text: str) -> Any:
    match name:
        case "broker":
            return _broker(text)
        case "partitions":
            return _count(name, text)
        case "packs":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case "clock":
            return _one_of(name, text, ("wall", "event"))
        case "log_level":
            return _one_of(name, text, ("debug", "info", "warning", "error"))
        case "datadir":
            return Path(text)
        case "web_port":
            return _port(name, text)
        case "token":
            return _token(name, text)
        case "token_file":
            return _token(name, _contents(name, text))
    return text


def _broker(text: str) -> str:
    for each in text.split(","):
        try:
            url = _url(each)
        except ValueError:
            url = URL()
        if url.scheme != "kafka" or not url.host:
            raise BadSettingError(f"SHIPCLOCK_BROKER={text} is no broker; write it like kafka://localhost:9092")
    return text


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10_000:
        raise BadSettingError(f"{_PREFIX}{name.upper()}={text} is no count from 1 to 10000")
    return int(text)


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise BadSettingError(f"{_PREFIX}{name.upper()}={text} is no port from 0 to 65535")
    return int(text)


def _token(name: str, text: str) -> str:
    """Never shows it."""
    if len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise BadSettingError(
            f"{_PREFIX}{name.upper()} holds no good token: {SHORTEST_TOKEN} or more ASCII characters and no spaces are "
            "wanted, as from `openssl rand -hex 32`"
        )
    return text


def _contents(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettingError(f"{_PREFIX}{name.upper()}={file} can't be read: {error}") from None


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text.lower() not in choices:
        raise BadSettingError(f"{_PREFIX}{name.upper()}={text} is none of {', '.join(choices)}")
    return text.lower()


def bootstrap_servers(settings: Settings) -> list[str]:
    """`host:port` of each broker."""
    urls = [_url(each) for each in settings.broker.split(",")]
    return [f"{url.host_subcomponent}:{url.port or 9092}" for url in urls]


def _url(broker: str) -> URL:
    """Raises ValueError for what is none."""
    broker = broker.strip()
    return URL(broker if "://" in broker else f"kafka://{broker}")


def describe() -> str:
    """The list of variables that `--help` shows."""
    width = max(len(name) for name in DESCRIPTIONS) + len(_PREFIX)
    return "\n".join(f"{_PREFIX + name.upper():<{width}}  {text}" for name, text in DESCRIPTIONS.items())


assert set(DESCRIPTIONS) == {field.name for field in fields(cast(Any, Settings))} - {"embedded"} | {"token_file"}
