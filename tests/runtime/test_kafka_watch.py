"""What is said of a Kafka that doesn't answer, and what is kept off the log."""

import logging
from collections.abc import Iterator

import pytest

from streams.runtime.kafka_watch import SILENT_S, KafkaWatch, RetryErrors


class Time:
    def __init__(self) -> None:
        self.s = 0.0

    def now_s(self) -> float:
        return self.s


@pytest.fixture
def time() -> Time:
    return Time()


class Log(logging.Handler):
    """What reaches the process' log; caplog sees more than that."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def printed() -> Iterator[list[str]]:
    log = Log()
    logging.getLogger().addHandler(log)
    yield log.lines
    logging.getLogger().removeHandler(log)


@pytest.fixture
def retry_errors() -> Iterator[RetryErrors]:
    """As `shipclock worker` has them taken over. Commands run in this process may have turned the log down."""
    logger = logging.getLogger("aiokafka")
    level, kept = logger.level, (logger.propagate, list(logger.handlers))
    logger.setLevel(logging.NOTSET)
    yield RetryErrors().take_over()
    logger.setLevel(level)
    logger.propagate, logger.handlers[:] = kept


def watching(time: Time, retry_errors: RetryErrors | None = None) -> KafkaWatch:
    return KafkaWatch(retry_errors, time.now_s)


def test_a_question_without_an_answer_is_silence_and_an_answer_ends_it(time: Time) -> None:
    watch = watching(time)
    time.s = 100
    assert (watch.silent_s, watch.problem) == (0, None), "who asks nothing gets no answer"
    with watch.asking():
        time.s += SILENT_S - 1
        assert not watch.is_away
        with watch.asking():
            time.s += 1
            assert watch.is_away
        assert watch.silent_s == SILENT_S, "an answer to another question"
    assert (watch.silent_s, watch.is_away) == (0, False)


def test_a_question_that_fails_is_no_longer_open(time: Time) -> None:
    watch = watching(time)
    with pytest.raises(ZeroDivisionError), watch.asking():
        raise ZeroDivisionError
    time.s += 100
    assert not watch.is_away


def test_it_is_said_once_a_minute_and_once_when_kafka_is_back(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    watch = watching(time)
    with watch.asking():
        for _ in range(150):
            time.s += 1
            watch.check()
        assert len(caplog.records) == 3
        assert caplog.messages[0].startswith("Kafka has not answered for 5 s;")
    for _ in range(150):
        time.s += 1
        watch.check()
    assert caplog.messages[3:] == ["Kafka answers again"]


def test_what_aiokafka_tries_again_is_off_the_log_and_the_last_of_it_says_why(
    time: Time, retry_errors: RetryErrors, printed: list[str]
) -> None:
    aiokafka = logging.getLogger("aiokafka.client")
    for node in range(1_000):
        aiokafka.error("Unable connect to node with id %s: %s", node, "refused")
    assert printed == []
    watch = watching(time, retry_errors)
    with watch.asking():
        time.s += 10
        assert watch.problem == "Kafka has not answered for 10 s (Unable connect to node with id 999: refused)"


def test_what_else_aiokafka_says_is_passed_on_a_warning_once_a_minute(
    retry_errors: RetryErrors, printed: list[str]
) -> None:
    aiokafka = logging.getLogger("aiokafka.consumer.fetcher")
    for _ in range(3):
        aiokafka.warning("Not authorized to read from topic %s.", "orders")
    assert printed == ["Not authorized to read from topic orders."]
