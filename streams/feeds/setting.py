"""The settings of a shop that mapping asks for: `shop`, `received_at`, `zone`, `app`, `path`, `aliases`, and those that
its source names (`deadline_field`, `shipped_at`)."""

from typing import Any
from zoneinfo import ZoneInfo

from rules.calendar.instants import rfc3339
from rules.dsl.model import zone_problem
from streams.feeds.decoding import UnreadableBody, of_json
from streams.feeds.language import SourceFile
from streams.feeds.values import time_ms

OF_EVERY_SOURCE = ("shop", "zone")
"""What an app may have beside what its source names."""


def read(text: str, source: SourceFile) -> dict[str, Any]:
    """Settings given as JSON. Raises ValueError, saying what is wrong."""
    try:
        setting = of_json(text)
    except UnreadableBody as error:
        raise ValueError(str(error).replace("the body", "it")) from None
    if not isinstance(setting, dict):
        raise ValueError('it is no object like {"shop": "s1"}')
    return checked(setting, source)


def checked(setting: dict[str, Any], source: SourceFile) -> dict[str, Any]:
    """Names of other sources' settings are let be. Raises ValueError, saying what is wrong."""
    if isinstance(setting.get("shop"), int):
        setting["shop"] = str(setting["shop"])
    for name in ("shop", "path"):
        if not isinstance(setting.get(name, ""), str):
            raise ValueError(f"{name} is no text")
    for name, choices in source.settings.items():
        if setting.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} is one of {', '.join(choices)}")
    if not all(isinstance(alias, str) for alias in _object(setting, "aliases").values()):
        raise ValueError("aliases are names of shops by their ids")
    zone = setting.get("zone", "UTC")
    if wrong := zone_problem(zone) if isinstance(zone, str) else "zone is no text":
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
