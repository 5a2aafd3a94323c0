"""What every test may ask for: a real broker, and names of its own on it."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.brokers import started
from tests.support.kafka import Kafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One real broker for the whole run. Without one the test skips, or fails where SHIPCLOCK_REQUIRE=1."""
    with started(Kafka) as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topic names that no other test uses, such as ``t3f9a1c-``."""
    return f"t{uuid.uuid4().hex[:6]}-"
