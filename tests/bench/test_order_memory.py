"""The measure of what an order takes still measures what is there."""

from dataclasses import replace

import pytest

from rules.messages import alerts
from tests.bench import order_memory
from tests.bench.made_orders import finished_orders


def test_open_orders_and_such_as_were_heard_of_lately_are_in_memory_and_finished_ones_have_left_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_memory, "FIRST", 20)
    monkeypatch.setattr(order_memory, "PER_DAY", 240)
    lots = (("finished", "0 40"), ("late", "0 40"), ("lived", "0 40"), ("done", "20 0"), ("open", "20 0"))
    for part, expected in lots:
        order_memory.main(20, 0, part)
        assert capsys.readouterr().out.rstrip().endswith(f" {expected}")


def test_all_kinds_are_measured_where_none_is_named() -> None:
    assert vars(order_memory.parser().parse_args(["20", "10"])) == {"finished": 20, "opened": 10, "part": None}


def test_late_orders_have_an_alert_each_that_is_over() -> None:
    [raw] = order_memory.alerts_of(replace(finished_orders(1), stages=order_memory.LATE_STAGES))
    alert = alerts.decode(raw)
    assert (alert.order, alert.data.state) == ("order-00000000", "resolved")
    other = alerts.decode(order_memory.renamed(raw, "s7", "order-00000001"))
    assert (other.shop, other.order) == ("s7", "order-00000001")
    assert other.data.alert == alert.data.alert.replace("s0:order-00000000", "s7:order-00000001")
