"""The benchmarks beside the job: what they send is what they say, and what they find is counted right."""

import orjson
import pytest

from rules.engine.engine import Engine
from rules.harness.replay import apply_event
from rules.messages.alerts import Alert
from rules.messages.events import decode
from streams import pack_files
from streams.kafka.topics import topic_of
from tests.bench import burst, latency
from tests.bench.figure import Figure, shown
from tests.bench.live import FIRST_DEADLINE_MS, first_alerts_ms, placed
from tests.bench.made_orders import Orders, finished_orders, open_orders, passing_orders
from tests.bench.parts import others_than, sizes
from tests.bench.systems import PACK

NOW_MS = 1_800_000_000_000


def engine(*, stepping: bool) -> Engine:
    return Engine(pack_files.load([str(PACK)]), stepping=stepping)


def alerts_of(*some: Orders) -> list[Alert]:
    """What the job's pack says of orders, one lot after the other, each with its tick at the end."""
    watching, alerts = engine(stepping=True), list[Alert]()
    for orders in some:
        for _, _, _, value in orders.made():
            apply_event(watching, *decode(value))
            alerts += watching.drain().alerts
        watching.advance(orders.end_ms)
        alerts += watching.drain().alerts
    return alerts


@pytest.mark.parametrize("orders", [open_orders(50), finished_orders(50, 7), passing_orders(50, 100, NOW_MS)])
def test_made_orders_are_events_in_the_order_they_happened_on_their_topics(orders: Orders) -> None:
    made = list(orders.made())
    assert len(made) == orders.events
    assert [each[0] for each in made] == sorted(each[0] for each in made)
    for at_ms, topic, shop, value in made:
        event, decoded_ms = decode(value)
        assert decoded_ms == at_ms
        assert orjson.loads(value)["shop"] == f"s{shop}" == event.shop  # type: ignore[union-attr]
        assert topic_of(orjson.loads(value)["type"]) == topic
        assert orders.begin_ms <= at_ms <= orders.end_ms


def test_lots_that_follow_one_another_are_of_different_orders() -> None:
    first = open_orders(20)
    second = open_orders(20, 20, first.end_ms)
    ids = [orjson.loads(value)["order"] for orders in (first, second) for _, _, _, value in orders.made()]
    assert len(set(ids)) == 40


def test_no_alert_disturbs_the_measure_of_what_orders_cost() -> None:
    first = open_orders(20)
    held = open_orders(50, 20, first.end_ms)
    assert alerts_of(first, held, passing_orders(50, 70, held.end_ms)) == []
    done = finished_orders(50)
    assert alerts_of(done, passing_orders(50, 50, done.end_ms)) == []


def test_an_order_placed_for_a_deadline_is_late_at_that_instant_and_not_before() -> None:
    watching = engine(stepping=False)
    watching.apply(*decode(placed("1", NOW_MS - FIRST_DEADLINE_MS, "s1")))
    watching.advance(NOW_MS - 1)
    assert watching.drain().alerts == []
    watching.advance(NOW_MS)
    assert [alert.order for alert in watching.drain().alerts] == ["1"]


def test_an_orders_first_alert_counts_and_a_shops_does_not() -> None:
    records = [({"order": "1"}, 20), ({"order": "1"}, 10), ({"shop": "s1"}, 5), ({"order": "2"}, 30)]
    assert first_alerts_ms(records) == {"1": 10, "2": 30}


def test_latency_is_from_each_event_to_its_own_alert() -> None:
    sent = {f"{n}": 1_000 * n for n in range(101)}
    found = latency.latency(sent, {order: at_ms + int(order) for order, at_ms in sent.items()})
    assert (found.median_ms, found.p99_ms, found.longest_ms) == (50, 99, 100)


def test_an_event_without_an_alert_is_no_latency_at_all() -> None:
    with pytest.raises(KeyError):
        latency.latency({"1": 0, "2": 0}, {"1": 5})


def burst_alerts(count: int, after_ms: int) -> dict[str, int]:
    return {f"due-{n}": burst.due_of(f"due-{n}", NOW_MS, count) + after_ms for n in range(count)}


def test_a_burst_ends_with_its_last_alert_counted_from_the_end_of_its_second() -> None:
    alerts = burst_alerts(10, 0) | {"due-3": NOW_MS + 2_500, "beside-0": NOW_MS + 9_000}
    last, beside = burst.found(NOW_MS, {"beside-0": NOW_MS + 8_990, "beside-1": NOW_MS}, alerts, 10)
    assert (last.value, beside.value) == (1.5, 10)


@pytest.mark.parametrize(("after_ms", "lost", "message"), [(0, "due-3", "1 of 10"), (-1, "", "10 alerts came before")])
def test_a_burst_of_which_alerts_are_missing_or_early_is_no_figure(after_ms: int, lost: str, message: str) -> None:
    alerts = burst_alerts(10, after_ms)
    alerts.pop(lost, None)
    with pytest.raises(ValueError, match=message):
        burst.found(NOW_MS, {}, alerts, 10)


def test_the_deadlines_of_a_burst_fill_one_second() -> None:
    dues = [burst.due_of(f"due-{n}", NOW_MS, 1_000) for n in range(1_000)]
    assert (dues[0], dues[-1]) == (NOW_MS, NOW_MS + 999)
    assert dues == sorted(dues)


def test_figures_are_shown_with_three_digits_and_their_unit() -> None:
    assert [shown(value) for value in (1_234.5, 99.96, 0.0123)] == ["1,234", "100", "0.0123"]
    assert str(Figure("ready", 8.25, "s", "python -m x")) == "ready: 8.25 s"


def test_sizes_are_read_and_none_is_none() -> None:
    assert (sizes("10000,1000000"), sizes("")) == ((10_000, 1_000_000), ())


def test_workers_have_the_cores_that_the_broker_has_not_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert (others_than({3}), others_than({0, 1, 2, 3})) == ([0, 1, 2], [0, 1, 2, 3])
