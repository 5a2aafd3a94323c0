"""Inputs from what people report in public, each with its right value: `tests/cases/` (names and numbers invented).

What must be said is written as `time change rule stage order`, for the rules that a case is about. Cases of what a
shop's figures and times come to are in the tests of those.
"""

from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from tests.commands.support import run

CASES = Path(__file__).with_name("cases")


class Case(NamedTuple):
    """`rules` are the only ones looked at; `stderr` is what must be in it."""

    pack: str
    until: str
    rules: tuple[str, ...]
    alerts: tuple[str, ...] = ()
    exit_code: int = 0
    stderr: tuple[str, ...] = ()


def late(
    order: str, due: str, last: str = "2026-01-07T18:00:00Z", soon: str = "2026-01-07T00:00:00Z"
) -> tuple[str, ...]:
    """An order of Joom that nobody ships."""
    return (
        f"{soon} opened joom.late_ship due_soon {order}",
        f"{last} updated joom.late_ship due_soon {order}",
        f"{due} updated joom.late_ship overdue {order}",
    )


SHIP = ("joom.late_ship",)
FOUR = "2026-01-08T00:00:00Z"
FAR = "2026-11-04T07:00:00Z"
WEIGHED = ("w-qty", "w-neg", "w-mode", "w-empty", "w-comma", "w-skunum", "w-ship", "w-num")

RIGHT: dict[str, Case] = {
    "01-two-parcels": Case(
        "joom",
        "2026-01-20T00:00:00Z",
        ("joom.late_ship", "joom.pickup_timeout", "joom.tracking_stalled"),
        (
            "2026-01-07T00:00:00Z opened joom.pickup_timeout due_soon 7001",
            "2026-01-07T12:00:00Z updated joom.pickup_timeout overdue 7001",
        ),
    ),
    "02-part-shipped": Case("joom", "2026-01-20T00:00:00Z", (*SHIP, "joom.pickup_timeout"), late("7002", FOUR)),
    "03b-number-replaced": Case(
        "joom",
        FOUR,
        ("joom.late_ship", "joom.pickup_timeout"),
        (
            "2026-01-06T22:00:00Z opened joom.pickup_timeout due_soon 7003",
            "2026-01-07T02:00:00Z resolved joom.pickup_timeout due_soon 7003",
        ),
    ),
    "04-cancel-taken-back": Case("joom", "2026-01-20T00:00:00Z", SHIP, late("7004", FOUR)),
    "05-orders-merged": Case("joom", "2026-01-09T00:00:00Z", ()),
    "06-combined-parcel": Case("douyin", "2026-01-20T00:00:00Z", ()),
    "07-recycled-number": Case(
        "douyin",
        "2026-01-20T00:00:00Z",
        ("douyin.pickup_timeout", "douyin.fake_shipment"),
        (
            "2026-01-06T04:00:00Z opened douyin.pickup_timeout due_soon 7007",
            "2026-01-06T10:00:00Z updated douyin.pickup_timeout overdue 7007",
            "2026-01-07T10:00:00Z opened douyin.fake_shipment due_soon 7007",
            "2026-01-08T10:00:00Z updated douyin.fake_shipment overdue 7007",
        ),
    ),
    "08-thin-then-full": Case("joom", "2026-01-09T06:00:00Z", ()),
    "08b-full-wins-by-name": Case("joom", "2026-01-09T06:00:00Z", ()),
    "09-wrong-clock": Case("joom", "2026-01-20T00:00:00Z", SHIP, (), 2, ("09-wrong-clock.jsonl:2: ", "366 days")),
    "10-instants": Case(
        "joom",
        "2026-01-05T00:00:00Z",
        SHIP,
        (),
        2,
        tuple(f"10-instants.jsonl:{n}: " for n in (5, 6, 7, 8, 9, 10, 11, 16)),
    ),
    "17-business-day-end": Case("tiktok", "2026-01-14T12:00:00Z", ("tiktok.late_dispatch_rate",)),
    "18-ship-by-text": Case(
        "joom",
        "2026-01-16T00:00:00Z",
        SHIP,
        late("7018", "2026-01-15T00:00:00Z", "2026-01-14T18:00:00Z", "2026-01-14T00:00:00Z"),
    ),
    "20-ship-by-null": Case(
        "joom",
        "2026-01-12T12:00:00Z",
        SHIP,
        (
            "2026-01-11T00:00:00Z opened joom.late_ship due_soon 7020",
            "2026-01-11T06:00:00Z resolved joom.late_ship due_soon 7020",
        ),
        2,
        ("20-ship-by-null.jsonl:2: ", "ship_by"),
    ),
    "21-ship-by-past": Case(
        "joom",
        "2026-01-10T00:00:00Z",
        SHIP,
        (
            "2026-01-09T04:00:00Z opened joom.late_ship overdue 7021",
            "2026-01-09T05:00:00Z resolved joom.late_ship overdue 7021",
        ),
    ),
    "22-shipped-before-placed": Case("joom", "2026-01-10T08:00:00Z", SHIP),
    "23-paid-later": Case("joom", "2026-01-10T00:00:00Z", ()),
    "26-detail-out-of-line": Case(
        "joom",
        "2026-01-12T00:00:00Z",
        SHIP,
        tuple(line for order in WEIGHED for line in late(order, FOUR)),
        0,
        ("26-detail-out-of-line.jsonl:2: kept without data.amount: ", ":10: kept without data.status: "),
    ),
    "27-far-ship-by": Case(
        "joom", "2026-01-12T00:00:00Z", SHIP, tuple(line for n in (7, 8, 9) for line in late(f"702{n}", FOUR))
    ),
    "28-pickup-failed": Case(
        "joom",
        FOUR,
        ("joom.pickup_timeout",),
        (
            "2026-01-06T22:00:00Z opened joom.pickup_timeout due_soon 7030",
            "2026-01-07T10:00:00Z updated joom.pickup_timeout overdue 7030",
        ),
    ),
    "29-part-refund": Case(
        "douyin",
        "2026-01-18T00:00:00Z",
        ("douyin.closure",),
        (
            "2026-01-09T00:00:00Z opened douyin.closure due_soon 7031",
            "2026-01-10T00:00:00Z updated douyin.closure overdue 7031",
        ),
    ),
    "30-returned-then-delivered": Case("joom", "2026-01-28T00:00:00Z", ()),
    "36-number-again-next-year": Case(
        "joom", "2026-01-12T00:00:00Z", SHIP, (), 0, (":5: kept without time: the order had been placed before",)
    ),
    "39-thin-earlier": Case("joom", "2026-01-09T06:00:00Z", ()),
    "forgotten_order": Case("douyin", "2026-03-25T00:00:00Z", ()),
    "reused_after_long": Case(
        "douyin",
        "2026-04-30T00:00:00Z",
        ("douyin.reused_number",),
        (
            "2026-03-17T01:00:00Z opened douyin.reused_number crossed o2",
            "2026-04-16T01:00:00Z resolved douyin.reused_number crossed o2",
        ),
    ),
    "preorder_forgotten": Case(
        "shopee", "2027-03-20T00:00:00Z", (), ("2026-01-01T00:00:00Z opened shopee.preorder_share crossed -",)
    ),
    "reviewed_quarter_changes": Case(
        "joom",
        "2026-04-20T00:00:00Z",
        ("joom.quarter_ship_rate",),
        (
            "2026-01-04T03:00:00Z opened joom.quarter_ship_rate missed -",
            "2026-04-08T00:00:00Z resolved joom.quarter_ship_rate missed -",
        ),
    ),
    "reviewed_quarter_forgets": Case("joom", "2026-06-20T00:00:00Z", ("joom.quarter_ship_rate",)),
    "near_on_the_day_of_the_switch": Case("shopee", "2024-01-15T15:00:00Z", ()),
    "streak": Case(
        "joom",
        "2026-11-04T07:00:00Z",
        ("joom.top_seller",),
        ("2026-11-04T01:25:00Z opened joom.top_seller crossed -",),
    ),
    "streak_lost_after_late": Case(
        "joom",
        "2026-01-04T12:00:00Z",
        ("joom.top_seller",),
        ("2026-01-04T08:00:00Z opened joom.top_seller near -",),
    ),
    "streak_lost_before_late": Case(
        "joom",
        "2026-01-04T12:00:00Z",
        ("joom.top_seller",),
        ("2026-01-03T22:00:00Z opened joom.top_seller near -",),
    ),
    "chat_count": Case(
        "shopee",
        "2026-01-27T00:00:00Z",
        (),
        tuple(
            f"{at}Z {change} shopee.abusive_chat {stage} -"
            for at, change, stage in (
                ("2026-01-11T18:00:00", "opened", "near"),
                ("2026-01-11T19:00:00", "updated", "crossed"),
                ("2026-01-18T16:00:00", "resolved", "crossed"),
                ("2026-01-18T18:00:00", "opened", "near"),
                ("2026-01-18T19:00:00", "updated", "crossed"),
                ("2026-01-25T16:00:00", "resolved", "crossed"),
            )
        ),
    ),
    "poison-number": Case("joom", "2026-01-09T00:00:00Z", SHIP, late("7100", FOUR), 2, ("poison-number.jsonl:1: ",)),
}
"""Where no rules are named, nothing at all must be said."""


def alerts(name: str) -> tuple[Any, list[dict[str, Any]]]:
    case = RIGHT[name]
    result = run("replay", str(CASES / f"{name}.jsonl"), "--pack", case.pack, "--until", case.until)
    return result, [orjson.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_said_is_right(name: str) -> None:
    case = RIGHT[name]
    result, emitted = alerts(name)
    lines = [
        f"{alert['time']} {alert['type'].removeprefix('alert.')} {alert['data']['rule']} {alert['data']['stage']} "
        f"{alert.get('order', '-')}"
        for alert in emitted
        if not case.rules or alert["data"]["rule"] in case.rules
    ]
    assert sorted(lines) == sorted(case.alerts)
    assert result.exit_code == case.exit_code
    for text in case.stderr:
        assert text in result.stderr


def test_every_case_has_its_right_value() -> None:
    assert {file.stem for file in CASES.iterdir()} == set(RIGHT)


def stood(name: str, tmp_path: Path) -> Any:
    """The standing of a case's shop at its end."""
    case, file = RIGHT[name], tmp_path / "standing"
    run("replay", str(CASES / f"{name}.jsonl"), "--pack", case.pack, "--until", case.until, "--state", str(file))
    return orjson.loads(file.read_bytes())


def test_an_order_that_is_said_again_long_after_costs_no_points(tmp_path: Path) -> None:
    assert stood("forgotten_order", tmp_path)["ledgers"]["A"]["points"] == 0


@pytest.mark.parametrize("platform", ["ozon", "tiktok", "aliexpress", "lazada", "shopee", "joom"])
def test_an_order_that_expired_and_is_said_again_is_set_aside(platform: str, tmp_path: Path) -> None:
    *life, again = (CASES / "forgotten_order.jsonl").read_text().replace("douyin", platform).splitlines()
    later = [line.replace("17741", "17911").replace("17742", "17912").replace("17766", "17912") for line in life[-2:]]
    file = tmp_path / "history"
    file.write_text("\n".join([*life[:-2], *later, again]))
    result = run("replay", str(file), "--pack", platform)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "older than the " in result.stderr and " days kept" in result.stderr


@pytest.mark.parametrize("name", ["reviewed_quarter_changes", "reviewed_quarter_forgets"])
def test_a_quarter_that_was_reviewed_keeps_the_figures_it_was_reviewed_with(name: str, tmp_path: Path) -> None:
    found = stood(name, tmp_path)["metrics"]["joom-10"]
    good, total = found["computed"]["numerator"], found["computed"]["denominator"]
    assert (found["numerator"], found["denominator"], found["value"]) == (good, total, good / total)


def test_a_level_is_not_forgotten(tmp_path: Path) -> None:
    assert stood("preorder_forgotten", tmp_path)["metrics"]["sho-7"]["value"] == 0.3


def test_what_comes_next_goes_by_the_version_that_holds_then(tmp_path: Path) -> None:
    found = stood("near_on_the_day_of_the_switch", tmp_path)["metrics"]["sho-1"]
    assert (found["next"]["denominator"], found["next"]["window"]["from"]) == (0, "2024-01-14T16:00:00Z")
    assert (found["forecast"]["denominator"], found["forecast"]["window"]["from"]) == (0, "2024-01-14T16:00:00Z")


def test_the_evidence_that_a_threshold_is_near_goes_by_the_version_that_holds_then(tmp_path: Path) -> None:
    placed = {"type": "order.placed", "source": "erp", "platform": "shopee", "shop": "s1", "data": {}}
    cancelled = {**placed, "type": "order.cancelled", "data": {"by": "seller", "reason": "stock"}}
    day = "2024-01-15T0"
    more = [{**placed, "id": f"m{n}", "order": f"m{n}", "time": f"{day}4:0{n}:00Z"} for n in range(10)]
    more.append({**cancelled, "id": "c", "order": "m0", "time": f"{day}5:00:00Z"})
    shipped = {**placed, "type": "order.shipped"}
    more += [{**shipped, "id": f"s{n}", "order": f"m{n}", "time": f"{day}4:3{n}:00Z"} for n in range(1, 10)]
    file = tmp_path / "history"
    before = (CASES / "near_on_the_day_of_the_switch.jsonl").read_bytes()
    file.write_bytes(before + b"\n".join(map(orjson.dumps, more)))
    output = run("replay", str(file), "--pack", "shopee", "--until", "2024-01-15T15:00:00Z").stdout.splitlines()
    near = [alert["data"] for alert in map(orjson.loads, output) if alert["data"]["rule"] == "shopee.non_fulfilment"][
        -1
    ]
    assert near["stage"] == "near"
    assert (near["evidence"]["denominator"], near["evidence"]["numerator"]) == (10, 1)
    assert near["evidence"]["window"]["from"] == "2024-01-14T16:00:00Z"


def test_what_is_lost_is_lost_in_any_order_of_arrival() -> None:
    file = str(CASES / "streak.jsonl")
    output = [run("replay", file, "--pack", "joom", "--until", FAR, *sort).stdout for sort in ((), ("--sort",))]
    assert ['"joom.top_seller:joom/s3134:-:2026-Q4"' in each for each in output] == [True, True]


def test_three_buyers_in_a_week_cost_one_point_however_often_each_was_offended(tmp_path: Path) -> None:
    found = stood("chat_count", tmp_path)
    assert (found["ledgers"]["points"]["points"], found["sanctions"]) == (1.0, [])


def test_a_number_used_again_after_75_days_costs_points(tmp_path: Path) -> None:
    assert stood("reused_after_long", tmp_path)["ledgers"]["B"]["points"] == 0.1


def test_the_alert_of_a_parcel_names_it_and_the_others() -> None:
    evidence = alerts("01-two-parcels")[1][0]["data"]["evidence"]
    assert (evidence["parcel"], [each["parcel"] for each in evidence["parcels"]]) == ("P2", ["P1", "P2"])


def test_a_parcel_that_was_given_up_is_left_out_with_the_reason() -> None:
    evidence = alerts("03b-number-replaced")[1][-1]["data"]["evidence"]
    assert evidence["left_out"] == {"P1": "pickup failed, and P2 was shipped after that"}


def test_the_deadline_that_counted_is_named() -> None:
    assert alerts("18-ship-by-text")[1][2]["data"]["summary"] == (
        "Order 7018 is past its ship deadline of 2026-01-15T00:00:00Z"
    )


def test_a_part_refund_is_evidence() -> None:
    evidence = alerts("29-part-refund")[1][-1]["data"]["evidence"]
    assert [each["amount"] for each in evidence["part_refunds"]] == ["20.00"]


def test_lines_are_evidence() -> None:
    evidence = alerts("02-part-shipped")[1][0]["data"]["evidence"]
    assert evidence["lines"][0] == {"line": "A", "ordered": "3", "cancelled": "0", "shipped": "1"}


def test_a_working_day_deadline_of_friday_or_saturday_ends_with_tuesday() -> None:
    emitted = [alert["data"] for alert in alerts("17-business-day-end")[1]]
    assert {each["due_at"] for each in emitted} == {"2026-01-14T08:00:00Z"}
    assert {each["stage"] for each in emitted} == {"due_soon"}
    assert [each["reason"] for each in emitted if each["state"] == "resolved"] == ["fulfilled", "fulfilled"]
