from pathlib import Path

import orjson
import pytest

from rules.messages.events import decode
from streams.importing import mapped_csv, mapping
from streams.importing.history import Event
from streams.importing.report import Report, UnreadableError
from tests.importing.support import written

MAP = """
platform: ozon
shop: s1
zone: Europe/Moscow
columns:
  order: No
  placed: Created
"""


def imported(folder: Path, map_yaml: str, *lines: str) -> tuple[list[Event], Report]:
    report = Report()
    mapped = mapping.read(written(folder, "map.yaml", map_yaml))
    file = folder / "orders.csv"
    file.write_text("\n".join(lines) + "\n", encoding=mapped.encoding)
    events = list(mapped_csv.events(file, mapped, report))
    for event in events:
        decode(orjson.dumps(event))
    return events, report


def types_and_times(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["type"], event["time"]) for event in events]


def test_their_name_of_a_platform_is_ours_by_a_word(tmp_path: Path) -> None:
    named = MAP.replace("platform: ozon", "platform: {column: Site}\nwords: {platform: {抖音: douyin, OZON: ozon}}")
    lines = ("No,Created,Site", "1,2026-01-01 12:00,抖音", "2,2026-01-01 12:00,Ozon", "3,2026-01-01 12:00,joom")
    events, report = imported(tmp_path, named, *lines)
    assert [event["platform"] for event in events] == ["douyin", "ozon", "joom"]
    assert not report.bad_rows
    others = named.replace("抖音", '"*"')
    assert [event["platform"] for event in imported(tmp_path, others, *lines)[0]] == ["douyin", "ozon", "douyin"]
    _, report = imported(tmp_path, others, "No,Created,Site", "1,2026-01-01 12:00,")
    assert report.bad_rows == [f"{tmp_path}/orders.csv:2: platform is empty"]


def test_rows_are_passed_over_by_what_a_column_says(tmp_path: Path) -> None:
    events, report = imported(
        tmp_path,
        f"leave_out: {{Status: [已取消, Closed]}}{MAP}",
        "No,Created,Status",
        "1,2026-01-01 12:00,已发货",
        "2,2026-01-01 12:00,已取消",
        "3,2026-01-01 12:00, closed",
        "4,2026-01-01 12:00,",
    )
    assert [event["order"] for event in events] == ["1", "4"]
    assert report.notes == ["rows passed over by leave_out: 2"]


def test_each_mapped_instant_makes_its_event(tmp_path: Path) -> None:
    whole = MAP + "  shipped: Sent\n  collected: Scan\n  delivered: Done\n  cancelled: Off\n"
    events, report = imported(
        tmp_path,
        whole,
        "No,Created,Sent,Scan,Done,Off",
        "1,2026-01-01 12:00,2026-01-02 12:00,2026-01-02 18:00,2026-01-05 12:00,",
        "2,2026-01-01 15:00,,,,2026-01-03 12:00",
    )
    assert types_and_times(events) == [
        ("order.placed", "2026-01-01T09:00:00Z"),
        ("order.placed", "2026-01-01T12:00:00Z"),
        ("order.shipped", "2026-01-02T09:00:00Z"),
        ("pickup.collected", "2026-01-02T15:00:00Z"),
        ("order.cancelled", "2026-01-03T09:00:00Z"),
        ("tracking.updated", "2026-01-05T09:00:00Z"),
    ]
    assert report == Report()


def test_a_whole_mapping_fills_the_events(tmp_path: Path) -> None:
    map_yaml = """
platform: {column: Market}
shop: {column: Store}
currency: {column: Cur}
source: erp/1
time: "%d.%m.%Y %H:%M"
zone: Asia/Shanghai
delimiter: ";"
encoding: cp1251
decimal: ","
columns:
  order: Номер
  placed: Created
  shipped: Sent
  ship_by: Limit
  amount: Sum
  sku: Article
  qty: Pieces
  carrier: Carrier
  tracking_no: Track
constants:
  placed: {mode: spot, sensitive: true, handling_h: 48}
  shipped: {logistics: platform}
"""
    events, _ = imported(
        tmp_path,
        map_yaml,
        "Номер;Market;Store;Cur;Created;Sent;Limit;Sum;Article;Pieces;Carrier;Track",
        "0042;douyin;s1;CNY;01.02.2026 08:00;02.02.2026 08:00;03.02.2026 08:00;10,50;A1;2;yto;T1",
    )
    placed, shipped = events
    assert (placed["platform"], placed["shop"], placed["order"], placed["source"]) == (
        "douyin",
        "s1",
        "0042",
        "erp/1",
    )
    assert placed["data"] == {
        "mode": "spot",
        "sensitive": True,
        "handling_h": 48,
        "amount": "10.50",
        "currency": "CNY",
        "items": [{"sku": "A1", "qty": 2}],
        "ship_by": "2026-02-03T00:00:00Z",
    }
    assert shipped["data"] == {"logistics": "platform", "carrier": "yto", "tracking_no": "T1"}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2026-01-01T12:00:00+03:00"),
        ("epoch_s", "1767258000"),
        ("epoch_ms", "1767258000000"),
        ("'%m/%d/%Y %H:%M'", "1/1/2026 12:00"),
    ],
)
def test_times_are_read_in_the_form_the_mapping_names(tmp_path: Path, form: str, text: str) -> None:
    events, _ = imported(tmp_path, f"time: {form}{MAP}", "No,Created", f"1,{text}")
    assert types_and_times(events) == [("order.placed", "2026-01-01T09:00:00Z")]


@pytest.mark.parametrize("text", ["", "2000-01-01", "2000-01-01 00:00:00", "0000-00-00", "0000-00-00T00:00:00"])
def test_what_stands_for_no_time_makes_no_event(tmp_path: Path, text: str) -> None:
    no_time = 'no_time: ["", 2000-01-01, "0000-00-00"]'
    events, report = imported(tmp_path, f"{no_time}{MAP}  shipped: Sent\n", "No,Created,Sent", f"1,2026-01-01,{text}")
    assert [event["type"] for event in events] == ["order.placed"]
    assert not report.bad_rows


def test_lines_of_one_order_become_its_items(tmp_path: Path) -> None:
    columns = "  sku: Sku\n  qty: Qty\n  amount: Sum\n"
    events, _ = imported(
        tmp_path,
        MAP + columns,
        "No,Created,Sku,Qty,Sum",
        "1,2026-01-01,A,2,10.00",
        "2,2026-01-01,C,1,3",
        "1,2026-01-01,B,,0.50",
    )
    data = {event["order"]: event["data"] for event in events}
    assert data["1"] == {"amount": "10.50", "items": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]}
    assert data["2"] == {"amount": "3", "items": [{"sku": "C", "qty": 1}]}


def test_an_amount_of_the_whole_order_counts_once(tmp_path: Path) -> None:
    events, report = imported(
        tmp_path,
        MAP + "  order_amount: Total\n",
        "No,Created,Total",
        "1,2026-01-01,10.00",
        "1,2026-01-01,10.00",
        "2,2026-01-01,5",
        "2,2026-01-01,6",
    )
    assert [event["data"] for event in events] == [{"amount": "10.00"}]
    assert report.bad_rows == [f"{tmp_path / 'orders.csv'}:5: order_amount: 6, but 5 on an earlier line of the order"]


LINES = MAP + "  shipped: Sent\n  cancelled: Off\n  ship_by: Limit\n"
LINES_HEADER = "No,Created,Sent,Off,Limit"


def test_an_order_ships_with_the_last_of_its_lines(tmp_path: Path) -> None:
    events, _ = imported(tmp_path, LINES, LINES_HEADER, "1,2026-01-01,2026-01-03,,", "1,2026-01-01,2026-01-02,,")
    assert types_and_times(events)[1:] == [("order.shipped", "2026-01-02T21:00:00Z")]


def test_an_order_with_a_line_left_is_shipped_in_part(tmp_path: Path) -> None:
    events, _ = imported(tmp_path, LINES, LINES_HEADER, "1,2026-01-01,2026-01-03,,", "1,2026-01-01,,,")
    assert [event["type"] for event in events] == ["order.placed", "order.shipped"]
    assert events[0]["data"]["items"] == [{"line": "1", "qty": 1}, {"line": "2", "qty": 1}]
    assert events[1]["data"]["items"] == [{"line": "1", "qty": 1}]


def test_lines_that_went_out_under_two_numbers_are_two_parcels(tmp_path: Path) -> None:
    events, _ = imported(
        tmp_path,
        MAP + "  shipped: Sent\n  delivered: Done\n  tracking_no: Track\n  sku: Sku\n  qty: Pcs\n",
        "No,Created,Sent,Done,Track,Sku,Pcs",
        "1,2026-01-01,2026-01-02,2026-01-06,T1,A,2",
        "1,2026-01-01,2026-01-03,,t2,B,1",
        "1,2026-01-01,2026-01-04,2026-01-07,T1,C,1",
    )
    shipped = [event for event in events if event["type"] == "order.shipped"]
    assert [(event["id"], event["time"]) for event in shipped] == [
        ("ozon/s1/1/shipped/T2", "2026-01-02T21:00:00Z"),
        ("ozon/s1/1/shipped/T1", "2026-01-03T21:00:00Z"),
    ]
    assert shipped[1]["data"] == {
        "tracking_no": "T1",
        "items": [{"line": "1", "sku": "A", "qty": 2}, {"line": "3", "sku": "C", "qty": 1}],
    }
    (delivered,) = [event for event in events if event["type"] == "tracking.updated"]
    assert delivered["data"] == {"tracking_no": "T1", "status": "delivered"}


def test_a_line_cancelled_while_others_go_on_is_cancelled_alone(tmp_path: Path) -> None:
    events, _ = imported(
        tmp_path,
        MAP + "  cancelled: Off\n  cancelled_by: By\n  amount: Sum\n  line: Line\n",
        "No,Created,Off,By,Sum,Line",
        "1,2026-01-01,,,5.00,L-1",
        "1,2026-01-01,2026-01-02,buyer,7.00,L-2",
    )
    assert events[0]["data"]["items"] == [
        {"line": "L-1", "qty": 1, "amount": "5.00"},
        {"line": "L-2", "qty": 1, "amount": "7.00"},
    ]
    assert events[1]["type"] == "order.cancelled"
    assert events[1]["data"] == {"by": "buyer", "items": [{"line": "L-2", "qty": 1}]}


def test_a_line_that_is_there_twice_spoils_its_order(tmp_path: Path) -> None:
    events, report = imported(tmp_path, MAP + "  line: Line\n", "No,Created,Line", "1,2026-01-01,a", "1,2026-01-01,a")
    assert events == [] and "line: 'a' is there twice in the order" in report.bad_rows[0]


def test_a_cancelled_line_is_not_waited_for(tmp_path: Path) -> None:
    events, _ = imported(
        tmp_path,
        LINES,
        LINES_HEADER,
        "1,2026-01-01,2026-01-03,,2026-01-05",
        "1,2026-01-01,,2026-01-02,2026-01-04",
    )
    assert [event["type"] for event in events] == ["order.placed", "order.cancelled", "order.shipped"]
    assert events[0]["data"]["ship_by"] == "2026-01-05T21:00:00Z"
    assert events[1]["data"]["items"] == [{"line": "2", "qty": 1}]


def test_an_order_is_cancelled_when_all_its_lines_are(tmp_path: Path) -> None:
    events, _ = imported(tmp_path, LINES, LINES_HEADER, "1,2026-01-01,,2026-01-02,", "1,2026-01-01,,2026-01-04,")
    assert types_and_times(events)[1:] == [("order.cancelled", "2026-01-03T21:00:00Z")]


def test_a_line_without_times_only_adds_its_item(tmp_path: Path) -> None:
    events, _ = imported(
        tmp_path,
        LINES + "  sku: Sku\n",
        f"{LINES_HEADER},Sku",
        "1,2026-01-01,2026-01-03,,,A",
        "1,,,,,B",
    )
    assert [event["type"] for event in events] == ["order.placed", "order.shipped"]
    assert [item["sku"] for item in events[0]["data"]["items"]] == ["A", "B"]


@pytest.mark.parametrize("bad", ["1,2026-01-01,,,B,more", "1,2026-01-01", "1,2026-01-01,,,\udcff"])
def test_an_order_with_a_row_that_can_not_be_split_is_left_out_as_a_whole(tmp_path: Path, bad: str) -> None:
    file, report = tmp_path / "orders.csv", Report()
    text = f"No,Created,Sent,Done,Sku\n1,2026-01-01,,,A\n{bad}\n2,2026-01-01,,,C\n"
    file.write_bytes(text.encode(errors="surrogateescape"))
    mapped = mapping.read(written(tmp_path, "map.yaml", f"{MAP}  sku: Sku"))
    assert [event["order"] for event in mapped_csv.events(file, mapped, report)] == ["2"]
    assert [row.split(": ")[0] for row in report.bad_rows] == [f"{file}:3"]


def test_the_same_order_number_in_two_shops_is_two_orders(tmp_path: Path) -> None:
    by_shop = MAP.replace("shop: s1", "shop: {column: Store}")
    events, _ = imported(tmp_path, by_shop, "No,Created,Store", "1,2026-01-01,a", "1,2026-01-01,b")
    assert [event["id"] for event in events] == ["ozon/a/1/placed", "ozon/b/1/placed"]


FULL = MAP + "  amount: Sum\n  qty: Qty\n  cancelled: Off\n  cancelled_by: By\n  cancel_reason: Why\n"
FULL_HEADER = "No,Created,Sum,Qty,Off,By,Why"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,yesterday,,,,,", "placed: 'yesterday' is not a time like 2026-01-31 18:30:00"),
        ("1,1970-01-01,,,,,", "placed: '1970-01-01' read as iso is not in 2001-2100"),
        (
            "1,9999-12-31T23:59:59-12:00,,,,,",
            "placed: '9999-12-31T23:59:59-12:00' read as iso is not in 2001-2100",
        ),
        ("1,2026-01-01,ten,,,,", "amount: 'ten' is not a number"),
        ("1,2026-01-01,-1,,,,", "amount: '-1' is out of range"),
        ("1,2026-01-01,1e999999999,,,,", "amount: '1e999999999' is out of range"),
        ("1,2026-01-01,NaN,,,,", "amount: 'NaN' is out of range"),
        ("1,2026-01-01,,0,,,", "qty: '0' is not above 0"),
        ("1,2026-01-01,,-2,,,", "qty: '-2' is out of range"),
        ("1,2026-01-01,,1e999999999,,,", "qty: '1e999999999' is out of range"),
        ("1,2026-01-01,,,,shop,", "cancelled_by: 'shop' is none of buyer, seller, system"),
        ("1,2026-01-01,,,,,why not", "cancel_reason: 'why not' is none of stock, quality, supply, "),
        (",2026-01-01,,,,,", "order is empty"),
        ("#N/A,2026-01-01,,,,,", "order: '#N/A' is what a spreadsheet shows in place of a value"),
        ("########,2026-01-01,,,,,", "order: '########' is what a spreadsheet shows in place of a value"),
        ("1\u200b,2026-01-01,,,,,", "order: '1\\u200b' has control, bidirectional or zero-width characters"),
        ("1" * 129 + ",2026-01-01,,,,,", "order: '11111111111111111111'… has 129 characters; it may have 128"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_on(tmp_path: Path, row: str, message: str) -> None:
    events, report = imported(tmp_path, FULL, FULL_HEADER, row, "2,2026-01-01,,,,,")
    assert [event["order"] for event in events] == ["2"]
    (bad,) = report.bad_rows
    assert bad.startswith(f"{tmp_path / 'orders.csv'}:2: {message}")


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("epoch_ms", "1767258000", "placed: '1767258000' read as epoch_ms is not in 2001-2100"),
        ("epoch_s", "1767258000000", "placed: '1767258000000' read as epoch_s is not in 2001-2100"),
        ("epoch_s", "1e999999999", "placed: '1e999999999' read as epoch_s is out of range"),
        ("epoch_s", "soon", "placed: 'soon' is not a number (epoch_s)"),
        ("'%d.%m.%Y'", "2026-01-01", "placed: '2026-01-01' is not a time in the form '%d.%m.%Y'"),
    ],
)
def test_a_time_in_another_form_is_a_bad_row(tmp_path: Path, form: str, text: str, message: str) -> None:
    _, report = imported(tmp_path, f"time: {form}{MAP}", "No,Created", f"1,{text}")
    assert report.bad_rows == [f"{tmp_path / 'orders.csv'}:2: {message}"]


def test_a_time_without_a_zone_needs_one_from_the_mapping(tmp_path: Path) -> None:
    no_zone = MAP.replace("zone: Europe/Moscow\n", "")
    events, report = imported(tmp_path, no_zone, "No,Created", "1,2026-01-01 12:00", "2,2026-01-01T12:00Z")
    assert [event["order"] for event in events] == ["2"]
    assert report.bad_rows == [
        f"{tmp_path / 'orders.csv'}:2: placed: '2026-01-01 12:00' has no zone, and none is given for the file"
    ]


def test_a_bad_line_leaves_its_whole_order_out(tmp_path: Path) -> None:
    events, report = imported(tmp_path, LINES, LINES_HEADER, "1,2026-01-01,2026-01-03,,", "1,2026-01-01,tomorrow,,")
    assert events == []
    assert len(report.bad_rows) == 1


def test_a_mapped_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"orders\.csv:1: no column 'Created'; the columns are 'No', 'Date'"):
        imported(tmp_path, MAP, "No,Date", "1,2026-01-01")
