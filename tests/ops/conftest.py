"""The demo's worker with a real Prometheus that scrapes it."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.ops.support import Prometheus, free_port, prometheus, running, until

SPEED = 40_000.0
"""A day in two seconds: what the demo's stories come to is there soon."""

PATIENCE_S = 240.0
"""Half a minute does on a machine with nothing else to do."""

IN_TROUBLE = 'platform="joom",shop="s17"'
"""A shop that the demo brings past its threshold and into a sanction."""


@pytest.fixture(scope="session")
def scraped_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Asked once a shop is in trouble, so that there is something to see."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    config = folder / "prometheus.yml"
    scraped = {"job_name": "shipclock", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}))
    command = [sys.executable, "-m", "tests.ops.demo_worker", str(port), str(SPEED)]
    with prometheus(config, folder) as server, running(command, folder / "worker.log") as lives:
        for series in ("exposure", "sanctions"):

            def told(series: str = series) -> list[dict[str, Any]]:
                lives()
                return server.now(f"shipclock_shop_{series}{{{IN_TROUBLE}}}")

            until(told, f"{series} is told of", PATIENCE_S)
        yield server
