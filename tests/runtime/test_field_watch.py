"""The worker says once which fields of events nothing reads."""

import pytest

from streams.runtime.field_watch import FieldWatch
from tests.runtime.support import START_MS, event, record


def test_the_first_and_the_last_record_of_a_batch_are_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    names = ("amout", "amont", "amunt")
    values = [event("order.placed", START_MS, str(n), data={name: 1}) for n, name in enumerate(names)]
    watch = FieldWatch()
    for _ in range(2):
        watch.check([record("orders", value) for value in values])
    assert [message.split(" ")[0] for message in caplog.messages] == ["data.amout", "data.amunt"]
    watch.check([record("orders", None)])
    assert len(caplog.messages) == 2
