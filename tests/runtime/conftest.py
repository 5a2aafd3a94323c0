"""What the worker's tests on the embedded broker may ask for."""

from collections.abc import Iterator

import pytest

from streams.kafka.embedded import EmbeddedBroker
from streams.runtime import snapshot, store
from tests.support.embedded import QuickBroker


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with QuickBroker() as started:
        yield started


@pytest.fixture
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every change is written to the disk at once, and a disk that failed is tried again soon."""
    monkeypatch.setattr(snapshot, "WRITE_AFTER_KEYS", 1)
    monkeypatch.setattr(store, "TRY_AGAIN_S", 0.2)
