"""A real broker for tests, or a word why there is none."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest

from tests.support.kafka import KafkaUnavailableError

_Broker = TypeVar("_Broker", bound=AbstractContextManager)


@contextmanager
def started(make: Callable[[], _Broker]) -> Iterator[_Broker]:
    """A broker for as long as it is needed. Without one the test skips, or fails where TEST_REQUIRE=1."""
    try:
        broker = make()
    except KafkaUnavailableError as unavailable:
        if os.environ.get("TEST_REQUIRE") == "1":
            pytest.fail(str(unavailable))
        pytest.skip(str(unavailable))
    with broker:
        yield broker
