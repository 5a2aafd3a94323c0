"""The demo with a real Prometheus that scrapes it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.support import Prometheus, prometheus, running, until
from tests.support.ports import free_port

SPEED = 40_000.0
"""A day in two seconds: what the demo's stories come to is there soon."""

PATIENCE_S = 240.0
"""Half a minute does on a machine with nothing else to do."""

IN_TROUBLE = 'platform="joom",shop="s17"'
"""A shop that the demo brings past its threshold and into a sanction."""


FEEDS_SPEED = 10_000.0
"""Slower: each push goes through the receiver, the inbox and the mapper."""


@contextmanager
def scraping(folder: Path, *demo: str) -> Iterator[tuple[Prometheus, Callable[[], None]]]:
    """A Prometheus that scrapes the demo, and a check that the demo lives."""
    port = free_port()
    config = folder / "prometheus.yml"
    scraped = {"job_name": "shipclock", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}))
    command = [sys.executable, "-m", "tests.ops.demo_worker", str(port), *demo]
    with prometheus(config, folder) as server, running(command, folder / "worker.log") as lives:
        yield server, lives


@pytest.fixture(scope="module")
def scraped_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Asked once a shop is in trouble, so that there is something to see. A demo at this speed takes a core: those who
    ask it are in one file."""
    with scraping(tmp_path_factory.mktemp("demo"), str(SPEED)) as (server, lives):
        for series in ("exposure", "sanctions"):

            def shops_in_trouble(series: str = series) -> list[dict[str, Any]]:
                lives()
                return server.now(f"shipclock_shop_{series}{{{IN_TROUBLE}}}")

            until(shops_in_trouble, f"{series} is scraped", PATIENCE_S)
        yield server


@pytest.fixture(scope="module")
def scraped_feeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Likewise of the demo whose events are pushed, once pushes, answers and tokens have come."""
    with scraping(tmp_path_factory.mktemp("feeds"), str(FEEDS_SPEED), "feed") as (server, lives):
        for series in (
            "shipclock_feed_newest_seconds",
            "shipclock_feed_token_end_seconds",
            "shipclock_feed_poll_mark_seconds",
            'shipclock_feed_shops{state="healthy"} > 0',
            'rate(shipclock_feed_polls_total{outcome="read"}[10s]) > 0',
        ):

            def shops_in_trouble(series: str = series) -> list[dict[str, Any]]:
                lives()
                return server.now(series)

            until(shops_in_trouble, f"{series} is scraped", PATIENCE_S)
        yield server
