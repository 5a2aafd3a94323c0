"""Which sinks there are."""

from pathlib import Path

import pytest

from streams.settings import Settings
from streams.sinks.start import Sinks
from streams.sinks.warehouses import BadWarehousesError
from streams.topics import TopicNames
from tests.worker.support import book


def names(**settings: object) -> list[str]:
    given = Settings(broker="kafka://localhost", **settings)  # type: ignore[arg-type]
    return [counters.sink for counters in made(given).counters]


def made(settings: Settings) -> Sinks:
    return Sinks(settings, TopicNames("", "app"), book(), "http://localhost:6066")


async def test_a_sink_that_is_not_set_is_off() -> None:
    assert names() == []
    await made(Settings(broker="kafka://localhost")).run()


async def test_each_setting_turns_its_sinks_on() -> None:
    assert names(alertmanager="http://am:9093") == ["alertmanager"]
    assert names(webhook="http://example.org", webhook_secret=b"0" * 24) == ["webhook"]
    assert names(notify=("json://localhost",)) == ["notify"]
    assert names(redis="redis://localhost") == ["redis", "redis-due"]


async def test_a_mapping_that_is_wrong_is_told_before_anything_starts(tmp_path: Path) -> None:
    mapping = tmp_path / "w.yaml"
    mapping.write_text("- {shop: s17}\n")
    with pytest.raises(BadWarehousesError, match=r"w\.yaml:1: warehouse is missing"):
        names(redis="redis://localhost", warehouses=mapping)
