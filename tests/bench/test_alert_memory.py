"""The measure of what an alert takes still measures what is there."""

import re

import pytest

from tests.bench import alert_memory


def test_an_alert_takes_more_than_its_records(capsys: pytest.CaptureFixture[str]) -> None:
    alert_memory.main(500)
    found = re.fullmatch(r"(.+) alerts, .+ each: (\d+), (\d+) of them of records\n", capsys.readouterr().out)
    assert found is not None
    assert int(found[1].replace(",", "")) >= 500
    assert 4_000 > int(found[2]) > int(found[3]) > 1_000
