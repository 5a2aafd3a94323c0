"""What every test may ask for: a real broker, and names of its own on it."""

import gc
import logging
import os
import signal
import uuid
from collections.abc import Generator, Iterator

import pytest

from streams.paced_log import PacedLog
from tests.support.brokers import started
from tests.support.kafka import Kafka
from tests.support.left_out import LeftOut
from tests.support.measured import leave_out_long_tests, stop_the_second_measurement
from tests.support.order import longest_first
from tests.support.servers import missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-all", action="store_true", help="run the whole fuzz corpus instead of a tenth of it")


def pytest_configure(config: pytest.Config) -> None:
    """Takes Ctrl-C even where the shell has it ignored, as for `make test &`: what the tests start would inherit that
    and wait for ever for a SIGINT that a test sends it (`test_the_tests_end_where_sigint_is_ignored`)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(LeftOut())
    stop_the_second_measurement(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two processes a core and two more: half of the time a test waits, for a broker or a browser that starts."""
    return 2 * len(os.sched_getaffinity(0)) + 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the garbage collector: it would go through six thousand tests again and again and find nothing, for an
    eighth of the time that each process takes to collect them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        longest_first(items)
    leave_out_long_tests(items)


def pytest_runtest_setup() -> None:
    """Each test hears the first message of a kind, also where the one before it heard such a message just now."""
    for logger in logging.root.manager.loggerDict.values():
        for paced in getattr(logger, "filters", ()):
            if isinstance(paced, PacedLog):
                paced.__init__()  # type: ignore[misc]


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One real broker for the whole run. Without one the test skips, or fails where TEST_REQUIRE=1."""
    with started(Kafka) as broker:
        yield broker


@pytest.fixture
def own_kafka() -> Iterator[Kafka]:
    """A real broker for one test, which may stop it: others share the run's one."""
    with started(Kafka) as broker:
        if broker.pid is None:
            missing("a Kafka of one test's own", "openjdk-17-jre-headless and maven")
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topic names that no other test uses, such as ``t3f9a1c-``."""
    return f"t{uuid.uuid4().hex[:6]}-"
