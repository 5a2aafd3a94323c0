"""A worker in a process of its own that kills itself at a chosen instant, and may be given a disk that is full for a
while: the program that the chaos tests run. Its argument is an `Instant`, as JSON."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import msgspec

ROOM = 16 * 1024
"""No file can be made longer than so many bytes while the disk is full."""


class Instant(msgspec.Struct, frozen=True):
    """When a worker is killed: right `before` or `after` that call of a function (`module:name`). The disk is full from
    the write of the commit cycle `full_from` on until that of `full_to`; 0 is never."""

    place: str = ""
    when: str = "before"
    call: int = 0
    full_from: int = 0
    full_to: int = 0


def at_calls(place: str, when: str, do: Callable[[int], None]) -> None:
    """Has a function called with the number of each call of another, before or after it."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    called, calls = getattr(owner, name), 0

    @wraps(called)
    def watched(*arguments: Any, **others: Any) -> Any:
        nonlocal calls
        calls += 1
        n = calls
        if when == "before":
            do(n)
        answer = called(*arguments, **others)
        if when == "after":
            do(n)
        return answer

    setattr(owner, name, watched)


def _log_through_a_pipe() -> None:
    """What is logged must not stop at the end of a full disk's room."""
    log = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert log.stdin is not None
    for stream in (1, 2):
        os.dup2(log.stdin.fileno(), stream)


def main(instant: Instant) -> None:
    def kill(n: int) -> None:
        if n == instant.call:
            os.kill(os.getpid(), signal.SIGKILL)

    def fill(n: int) -> None:
        if n in (instant.full_from, instant.full_to):
            room = ROOM if n == instant.full_from else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    from rules.engine import intake, retention
    from rules.state import order_ledger
    from streams import cli
    from streams.runtime import checkpointing, snapshot

    snapshot.WRITE_AFTER_KEYS = 40
    intake.LOADED_AT_ONCE = 4
    retention.AT_ONCE = 10
    checkpointing.WORTH = checkpointing.WORTH_IN_BACKLOG = order_ledger.Worth(3, 4)
    if instant.place:
        at_calls(instant.place, instant.when, kill)
    if instant.full_from:
        _log_through_a_pipe()
        at_calls("streams.runtime.faust_broker:FaustBroker.outbox", "before", fill)
    from streams.runtime import store  # only now: it takes `restore_fact` as it is then

    store.TRY_AGAIN_S = 0.5
    sys.argv[1:] = ["worker"]
    cli.main()


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Instant))
