"""The embedded broker, whose groups are there at once.

librdkafka's mock cluster has the first member of a group wait 3 s for others, as a real broker does. Its settings can
be changed from C only, so the broker is made by `ctypes` here.
"""

import ctypes
from functools import cache
from pathlib import Path

import confluent_kafka

from streams.kafka.embedded import EmbeddedBroker

_PRODUCER = 0


class QuickBroker(EmbeddedBroker):
    """Where librdkafka isn't the one that confluent-kafka brings along, groups take their 3 s."""

    def __init__(self) -> None:
        super().__init__()
        self._library = _library()
        self._client = self._cluster = ctypes.c_void_p()

    def start(self) -> None:
        if (library := self._library) is None:
            super().start()
            return
        why = ctypes.create_string_buffer(256)
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        library.rd_kafka_conf_set(settings, b"log_level", b"0", why, len(why))
        client = library.rd_kafka_new(_PRODUCER, settings, why, len(why))
        assert client, why.value
        cluster = library.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1)
        self._client, self._cluster = ctypes.c_void_p(client), ctypes.c_void_p(cluster)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def stop(self) -> None:
        super().stop()
        if self._library is not None and self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._client = self._cluster = ctypes.c_void_p()


@cache
def _library() -> ctypes.CDLL | None:
    beside = Path(confluent_kafka.__file__).parent.with_suffix(".libs")
    found = sorted(beside.glob("librdkafka*.so*"))
    if not found:
        return None
    library = ctypes.CDLL(str(found[0]))
    for make in (library.rd_kafka_conf_new, library.rd_kafka_new, library.rd_kafka_mock_cluster_new):
        make.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library
