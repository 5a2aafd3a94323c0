"""A start while Kafka is away: who asks, and how often that is said."""

import signal

import pytest

from streams.commands import waiting
from streams.commands.waiting import until_kafka_answers
from streams.kafka.topics import BadTopicsError, NoBrokerError


class Kafka:
    """Answers after so many questions."""

    def __init__(self, away: int) -> None:
        self.away = away

    def ask(self) -> int:
        self.away -= 1
        if self.away >= 0:
            raise NoBrokerError("no Kafka broker answers")
        return 4


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AGAIN_S", 0.0)
    monkeypatch.setattr(waiting, "ASK_S", 0.0)


@pytest.mark.parametrize(("away", "times"), [(0, 0), (1, 1), (20, 1)])
def test_it_is_asked_until_it_answers_and_its_absence_is_not_said_each_time(away: int, times: int) -> None:
    reported: list[str] = []
    assert until_kafka_answers(Kafka(away).ask, reported.append) == 4
    assert reported == ["no Kafka broker answers; the worker waits for it"] * times


def test_it_is_said_again_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[str] = []
    monkeypatch.setattr(waiting, "LOG_EVERY_S", 0.0)
    until_kafka_answers(Kafka(5).ask, reported.append)
    assert len(reported) == 5


@pytest.mark.parametrize("away", [0, 1])
def test_what_waiting_does_not_mend_is_raised_and_the_signals_are_as_before(away: int) -> None:
    kafka, before = Kafka(away), signal.getsignal(signal.SIGTERM)

    def ask() -> int:
        kafka.ask()
        raise BadTopicsError("partition counts differ")

    with pytest.raises(BadTopicsError, match="partition counts differ"):
        until_kafka_answers(ask, lambda text: None)
    assert signal.getsignal(signal.SIGTERM) is before
