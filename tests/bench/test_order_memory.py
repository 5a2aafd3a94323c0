"""The measure of what an order takes still measures what is there."""

import pytest

from tests.bench import order_memory


def test_open_orders_and_such_as_were_heard_of_lately_are_in_memory_and_finished_ones_have_left_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_memory, "FIRST", 20)
    monkeypatch.setattr(order_memory, "PER_DAY", 240)
    for part, expected in (("finished", "0 40"), ("done", "20 0"), ("open", "20 0")):
        order_memory.main(20, 0, part)
        assert capsys.readouterr().out.rstrip().endswith(f" {expected}")
