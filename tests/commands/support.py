"""Running the command, and small files for it to read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from streams.cli import main

JOB = "tests/bench/job.yaml"
HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""

PACK = """\
platform: joom
zone: UTC

rules:
  - id: joom.slow
    clause: joom-1
    kind: deadline
    source: a test
    confidence: ours
    from: placed
    until: [shipped]
    within: 72h
    severity: {overdue: critical}
    summary: {overdue: "Order {order} is late"}

tests:
  - name: an order is late after 72 hours
    events:
      - {at: 0h, type: order.placed, order: "1"}
      - {at: 80h, type: order.shipped, order: "1"}
    until: 90h
    expect:
      - {at: 72h, rule: joom.slow, order: "1", change: opened, stage: overdue}
      - {at: 80h, rule: joom.slow, order: "1", change: resolved}
"""


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """`shipclock` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def shipclock(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """`shipclock` in a process of its own."""
    command = [sys.executable, "-c", "from streams.cli import main; main(prog_name='shipclock')", *map(str, arguments)]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)


def written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def pack(folder: Path, old: str = "", new: str = "", name: str = "own.yaml") -> Path:
    """A small good pack with `old` in it replaced by `new`."""
    assert old in PACK
    return written(folder / name, PACK.replace(old, new, 1))


def event(kind: str, hours: float, order: str = "1", **others: Any) -> str:
    """A line of history, `hours` after the start."""
    attributes = {
        "id": f"{kind}-{order}-{hours}",
        "source": "test",
        "type": kind,
        "time": START_MS + round(hours * HOUR_MS),
        "platform": "joom",
        "shop": "s1",
        "order": order,
    }
    return json.dumps(attributes | others)


def history(folder: Path, *lines: str, name: str = "history.jsonl") -> Path:
    return written(folder / name, "".join(f"{line}\n" for line in lines))
