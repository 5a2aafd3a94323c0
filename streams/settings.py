"""Settings, all `SHIPCLOCK_…` variables of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from yarl import URL


class BadSettingError(ValueError):
    """A variable that can't be used; the text names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """An empty `topic_prefix` and no packs named are the defaults; `partitions` holds for topics it creates."""

    broker: str
    app_id: str = "shipclock"
    topic_prefix: str = ""
    partitions: int = 4
    packs: tuple[str, ...] = ()
    clock: Literal["wall", "event"] = "wall"
    datadir: Path = Path("shipclock-data")
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
    "log_level": "debug, info, warning or error (default info)",
}

_PREFIX = "SHIPCLOCK_"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Reads the variables. Raises BadSettingError, naming the one that is wrong."""
    given: dict[str, Any] = {}
    for name in DESCRIPTIONS:
        text = environment.get(_PREFIX + name.upper(), "").strip()
        if text:
            given[name] = _read(name, text)
    if "broker" not in given:
        raise BadSettingError("SHIPCLOCK_BROKER is not set; write it like kafka://localhost:9092")
    return Settings(**given)


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


assert set(DESCRIPTIONS) == {field.name for field in fields(cast(Any, Settings))} - {"embedded"}
