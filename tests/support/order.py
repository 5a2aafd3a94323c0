"""The order in which files of tests are given to the processes that run them: those that take longest first, so that
none is left with a long one at the end."""

from collections import defaultdict

import pytest

SLOW_S = 20.0
KAFKA_S = 6.0
BROKER_S = 3.0
PROPERTY_S = 2.0
OTHER_S = 0.05
BROKERS = {"browser", "broker", "site", "scraped_demo", "stack"}
"""What a test takes, roughly: one that is marked `slow`, one on a real Kafka, one that starts another server or a
browser (the fixtures that do), one of hypothesis, any other."""


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts the files, and leaves each file's tests as they are."""
    takes_s: dict[str, float] = defaultdict(float)
    for item in items:
        takes_s[_file(item)] += _takes_s(item)
    items.sort(key=lambda item: -takes_s[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _takes_s(item: pytest.Item) -> float:
    if item.get_closest_marker("slow"):
        return SLOW_S
    if item.get_closest_marker("kafka"):
        return KAFKA_S
    if BROKERS & set(getattr(item, "fixturenames", ())):
        return BROKER_S
    return PROPERTY_S if is_property(item) else OTHER_S


def is_property(item: pytest.Item) -> bool:
    """Whether hypothesis makes up what is tested."""
    return hasattr(getattr(item, "obj", None), "hypothesis")
