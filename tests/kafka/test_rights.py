"""What Kafka says of the worker's group is waited for until its coordinator is there."""

from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka import rights, topics


class Asked:
    """An admin client that gives these answers about a group one after the other, and then the last one always."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.timeouts_s: list[float] = []

    def describe_consumer_groups(self, names: list[str], request_timeout: float, **_: Any) -> "dict[str, Future[Any]]":
        self.timeouts_s.append(request_timeout)
        answer: Future[Any] = Future()
        given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(given, Exception):
            answer.set_exception(given)
        else:
            answer.set_result(given)
        return dict.fromkeys(names, answer)


def fails(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@pytest.fixture(autouse=True)
def _asks_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "ASK_AGAIN_S", 0.0)


def told(asked: Asked) -> "Future[Any]":
    return rights.describe_group(cast(AdminClient, asked), "app")


def test_a_group_is_asked_about_again_while_its_coordinator_comes_up() -> None:
    asked = Asked(
        fails(KafkaError._TIMED_OUT),
        fails(KafkaError.COORDINATOR_NOT_AVAILABLE),
        fails(KafkaError.COORDINATOR_LOAD_IN_PROGRESS),
        "described",
    )
    assert told(asked).result() == "described"


def test_no_answer_is_waited_for_as_long_as_all_of_them_may_take() -> None:
    """librdkafka finds out early that there is no coordinator, but says so only when the request has timed out."""
    asked = Asked(fails(KafkaError._TIMED_OUT), "described")
    told(asked)
    assert asked.timeouts_s[0] < topics.ANSWER_S / 10


def test_a_kafka_far_away_is_given_longer_each_time() -> None:
    asked = Asked(*[fails(KafkaError._TIMED_OUT)] * 3, "described")
    told(asked)
    assert asked.timeouts_s == sorted(set(asked.timeouts_s))


def test_an_answer_that_never_comes_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "ANSWER_S", 0.0)
    error = told(Asked(fails(KafkaError._TIMED_OUT))).exception()
    assert isinstance(error, KafkaException) and error.args[0].code() == KafkaError._TIMED_OUT


def test_a_refusal_is_no_reason_to_ask_again() -> None:
    asked = Asked(fails(KafkaError.GROUP_AUTHORIZATION_FAILED), "described")
    error = told(asked).exception()
    assert isinstance(error, KafkaException) and len(asked.timeouts_s) == 1
