"""A Kafka broker inside this process: librdkafka's mock cluster, a real listener that speaks the protocol.

It keeps nothing after exit and can't create topics by request: they appear on first use, with four partitions.
For the demo and quick tests only.
"""

from types import TracebackType

from confluent_kafka import Producer

PARTITIONS = 4
"""What every topic on it has."""


class EmbeddedBroker:
    """Listens on a free local port from `start` (or `with`) on; `bootstrap` is `host:port`."""

    bootstrap: str

    def __init__(self) -> None:
        self._owner: Producer | None = None

    def start(self) -> None:
        self._owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "localhost", "log_level": 0})
        (broker,) = self._owner.list_topics(timeout=10).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"

    def stop(self) -> None:
        self._owner = None

    def __enter__(self) -> "EmbeddedBroker":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
