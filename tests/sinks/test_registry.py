"""Which sinks there are."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.topics import TopicNames
from streams.settings import BadSettingError, Settings
from streams.sinks.registry import Sinks, runners_of
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from streams.warehouses import Warehouses
from tests.runtime.support import book


def names(**settings: object) -> list[str]:
    given = Settings(broker="kafka://localhost", **settings)  # type: ignore[arg-type]
    return [counters.sink for counters in made(given).counters]


def made(settings: Settings) -> Sinks:
    names, console_url = TopicNames("", "app"), "http://localhost:6066"
    return Sinks(runners_of(settings, names, book(), Warehouses(), console_url, Mutes(), Zones({})))


async def test_a_sink_that_is_not_set_is_off() -> None:
    assert names() == []
    await made(Settings(broker="kafka://localhost")).run()


async def test_each_route_is_a_sink_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "notify.yaml"
    file.write_text("- {name: night, to: 'json://localhost', parties: [boss]}")
    with pytest.raises(BadSettingError, match=r"notify\.yaml:1"):
        names(notify_routes=file)
    file.write_text("- {name: night, to: 'bogus://secret'}")
    with pytest.raises(BadSettingError, match=r"notify\.yaml:1: the address of night is none that Apprise knows"):
        names(notify_routes=file)
    file.write_text("- {name: night, to: 'json://localhost', parties: [finance]}")
    assert names(notify=("json://localhost",), notify_routes=file) == ["notify-1", "notify-night"]
    assert "route night fits no alert" in caplog.text


async def test_each_setting_turns_its_sinks_on() -> None:
    assert names(alertmanager="http://am:9093") == ["alertmanager"]
    assert names(webhook="http://example.org", webhook_secret=b"0" * 24) == ["webhook"]
    assert names(notify=("json://localhost",)) == ["notify-1"]
    assert names(redis="redis://localhost") == ["redis", "redis-due"]


async def test_each_address_reads_on_its_own_so_that_one_that_is_away_keeps_no_other_waiting() -> None:
    assert names(notify=("json://localhost", "json://localhost:1")) == ["notify-1", "notify-2"]


def test_a_worker_without_redis_and_people_to_notify_imports_no_client_of_theirs() -> None:
    code = "import sys, streams.commands.worker; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "streams.sinks.registry" in imported
    assert not {"redis", "apprise"} & {*imported}
