"""Waits at a start until Kafka answers."""

import os
import signal
import time
from collections.abc import Callable
from threading import Thread

from streams.kafka.topics import NoBrokerError

LOG_EVERY_S = 60.0
AGAIN_S = 1.0

ASK_S = 0.1
"""How often to check whether Kafka has answered."""


def until_kafka_answers(ask: Callable[[], int], report: Callable[[str], None]) -> int:
    """Calls `ask` until it no longer raises NoBrokerError, and returns its result; passes the error to `report` once a
    minute."""
    try:
        return ask()
    except NoBrokerError as error:
        away = f"{error}; the worker waits for it"
    return _wait(ask, lambda: report(away))


def _wait(ask: Callable[[], int], report: Callable[[], None]) -> int:
    """SIGTERM and SIGINT end the process at once with 0, as nothing has begun yet."""
    kept = {each: signal.signal(each, lambda *_: os._exit(0)) for each in (signal.SIGTERM, signal.SIGINT)}
    report_again_s = time.monotonic()
    try:
        while True:
            if time.monotonic() >= report_again_s:
                report()
                report_again_s = time.monotonic() + LOG_EVERY_S
            time.sleep(AGAIN_S)
            try:
                return _in_thread(ask)
            except NoBrokerError:
                continue
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


def _in_thread(ask: Callable[[], int]) -> int:
    """In a thread, as librdkafka blocks for seconds, during which no signal is handled."""
    answers: list[int] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(ask())
        except BaseException as error:
            errors.append(error)

    asking = Thread(target=run, daemon=True)
    asking.start()
    while asking.is_alive():
        time.sleep(ASK_S)
    if errors:
        raise errors[0]
    return answers[0]
