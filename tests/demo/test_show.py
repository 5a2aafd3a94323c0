"""What the demo's board shows."""

import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import orjson

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.engine.engine import Engine
from rules.messages.events import decode
from streams.demo.show import START_MS, Show
from tests.runtime.support import LATE_MS, book, event


def show(*clocks_ms: int) -> Show:
    """A partition for each clock, with one open order each."""
    partitions = {}
    for number, clock_ms in enumerate(clocks_ms):
        engine = Engine(book(), stepping=True)
        engine.apply(*decode(event("order.placed", START_MS, shop=f"s{number}")))
        engine.advance(clock_ms)
        partitions[number] = SimpleNamespace(engine=engine)
    worker: Any = SimpleNamespace(partitions=partitions, on_alerts=[], events=len(partitions))
    app: Any = SimpleNamespace(worker=worker)
    return Show(app, book(), 1.0, "http://localhost")


def test_countdowns_go_by_the_clock_that_the_board_shows() -> None:
    board = show(START_MS + 5 * HOUR_MS, START_MS + 2 * HOUR_MS).board()
    assert board.at_ms == START_MS + 2 * HOUR_MS
    assert [due.left_ms(board.at_ms) for due in board.due] == [LATE_MS - 2 * HOUR_MS] * 2


def test_its_clock_never_goes_back() -> None:
    ahead = show(START_MS + 5 * HOUR_MS)
    assert ahead.board().at_ms == START_MS + 5 * HOUR_MS
    ahead.app.worker.partitions |= show(START_MS + HOUR_MS).app.worker.partitions
    assert ahead.board().at_ms == START_MS + 5 * HOUR_MS


def test_alerts_stand_in_the_order_of_their_time() -> None:
    seen = show(START_MS)
    for at_ms in (START_MS + 500, START_MS, START_MS + 1_000):
        data = {"alert": str(at_ms), "clause": "joom-1", "severity": "info", "state": "open"}
        alert = {"id": str(at_ms), "type": "alert.opened", "platform": "joom", "shop": "a", "time": rfc3339(at_ms)}
        seen.on_alerts([orjson.dumps(alert | {"data": data})])
    assert [each["id"] for each in seen.board().alerts] == [str(START_MS + n) for n in (0, 500, 1_000)]


def test_rules_are_called_what_people_call_them() -> None:
    board = show(START_MS + HOUR_MS).board()
    assert board.titles == {"late-1": "Ship"}
    assert [due.rule for due in board.due] == ["Ship"]


def test_ctrl_c_ends_it_with_the_summary() -> None:
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("console: ")
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert (running.returncode, err) == (0, "stopped\n")
    assert "still open" in out and "events of" in out
