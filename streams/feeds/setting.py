"""The settings of a shop that mapping asks for, given as JSON: `shop`, `received_at`, `zone`, `deadline_field`,
`shipped_at`, `app`, `path`, `aliases`. A source of one's own may ask for others."""

from typing import Any
from zoneinfo import ZoneInfo

from rules.instants import rfc3339
from rules.packs import zone_complaint
from streams.feeds.decoding import UnreadableBody, of_json
from streams.feeds.values import time_ms

TEXTS = ("shop", "deadline_field", "shipped_at", "app", "path")


def read(text: str) -> dict[str, Any]:
    """Raises ValueError, saying what is wrong."""
    try:
        setting = of_json(text)
    except UnreadableBody as error:
        raise ValueError(str(error).replace("the body", "it")) from None
    if not isinstance(setting, dict):
        raise ValueError('it is no object like {"shop": "s1"}')
    return checked(setting)


def checked(setting: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError, saying what is wrong."""
    for name in TEXTS:
        if name in setting and not isinstance(setting[name], str):
            raise ValueError(f"{name} is no text")
    if not all(isinstance(alias, str) for alias in _object(setting, "aliases").values()):
        raise ValueError("aliases are names of shops by their ids")
    zone = setting.get("zone", "UTC")
    if wrong := zone_complaint(zone) if isinstance(zone, str) else "zone is no text":
        raise ValueError(wrong)
    if "received_at" in setting:
        at_ms = time_ms(setting["received_at"], ZoneInfo("UTC"))
        if at_ms is None:
            raise ValueError("received_at is no time between 2001 and 2100")
        setting["received_at"] = rfc3339(at_ms)
    return setting


def _object(setting: dict[str, Any], name: str) -> dict[str, Any]:
    found = setting.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no object")
    return found
