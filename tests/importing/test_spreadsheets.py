"""Tables as people have them: through spreadsheets, from other countries, with titles and totals; and workbooks."""

from datetime import datetime
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from tests.importing.support import workbook

CASES = Path(__file__).with_name("cases")
"""What sellers' exports look like, with names and numbers invented."""


def imported(file: Path, map_yaml: Path) -> Result:
    return CliRunner().invoke(main, ["import", "csv", str(file), "--map", str(map_yaml)])


def mapping(folder: Path, name: str, *more: str) -> Path:
    """A case's mapping with more settings."""
    file = folder / "map.yaml"
    file.write_text((CASES / name).read_text(encoding="utf-8") + "\n".join(more) + "\n", encoding="utf-8")
    return file


def data(ended: Result) -> list[dict[str, object]]:
    assert ended.exit_code == 0, ended.stderr
    return [orjson.loads(line)["data"] for line in ended.stdout.splitlines()]


def test_ids_that_a_spreadsheet_has_shortened_are_refused_by_row() -> None:
    ended = imported(CASES / "11-excel-ids.csv", CASES / "11-map.yaml")
    assert (ended.exit_code, ended.stdout) == (2, "")
    *rows, summary = ended.stderr.splitlines()
    assert [row.split(": ", 1)[1] for row in rows[:1]] == [
        "order: '5.76461E+17' has been shortened by a spreadsheet; export the column again as text"
    ]
    assert "0 events, 4 bad rows" in summary


@pytest.mark.parametrize("cell", ['="576461000000000101"', "'576461000000000101", '"=""576461000000000101"""'])
def test_what_keeps_a_spreadsheet_from_reading_a_number_is_taken_off(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"order,placed,shipped\n{cell},2026-01-05 10:00:00,\n")
    ended = imported(file, CASES / "24-map.yaml")
    assert orjson.loads(ended.stdout)["order"] == "576461000000000101"


def test_points_in_numbers_with_a_decimal_comma_are_refused_until_they_are_said_to_group(tmp_path: Path) -> None:
    ended = imported(CASES / "13-thousands.csv", CASES / "13-map.yaml")
    assert (ended.exit_code, ended.stderr.count("if it groups digits, set `thousands: '.'`")) == (2, 3)
    grouped = imported(CASES / "13-thousands.csv", mapping(tmp_path, "13-map.yaml", 'thousands: "."'))
    assert [each["amount"] for each in data(grouped)] == ["1250", "1250.50", "999.90", "12000"]


@pytest.mark.parametrize("cell", ["1.25", "1.2500", "1.250.50", ".250", "1..250", "12500.000"])
def test_what_is_not_grouped_is_refused(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"Номер;Принят;Сумма\nA;05.01.2026 10:00;{cell}\n", encoding="utf-8")
    ended = imported(file, mapping(tmp_path, "13-map.yaml", 'thousands: "."'))
    assert ended.exit_code == 2 and "is not grouped by '.'" in ended.stderr


@pytest.mark.parametrize("blank", [" ", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"])
def test_any_blank_groups_where_a_blank_does(tmp_path: Path, blank: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"Номер;Принят;Сумма\nA;05.01.2026 10:00;1{blank}250,5\n", encoding="utf-8")
    assert data(imported(file, mapping(tmp_path, "13-map.yaml", 'thousands: " "'))) == [
        {"amount": "1250.5", "currency": "RUB"}
    ]


def test_goods_are_sold_by_weight(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("Номер;Принят;Сумма;Арт;Вес\nA;05.01.2026 10:00;1;K;0,75\nB;05.01.2026 10:00;1;K;2,0\n")
    map_yaml = tmp_path / "map.yaml"
    map_yaml.write_text(
        (CASES / "13-map.yaml").read_text(encoding="utf-8").replace("columns: {", "columns: {sku: Арт, qty: Вес, ")
    )
    assert [each["items"] for each in data(imported(file, map_yaml))] == [
        [{"sku": "K", "qty": 0.75}],
        [{"sku": "K", "qty": 2}],
    ]


def test_a_file_that_is_a_workbook_by_another_name_is_told(tmp_path: Path) -> None:
    file = workbook(tmp_path / "orders.xlsx", {"S": [["order", "placed", "shipped"]]}).rename(tmp_path / "orders.csv")
    ended = imported(file, CASES / "24-map.yaml")
    assert ended.exit_code == 2 and ended.stderr.endswith("; the file is a workbook: name it .xlsx (or .xls)\n")


def test_a_ship_by_that_is_a_date_ends_with_its_day() -> None:
    placed, _ = data(imported(CASES / "14-date-only.csv", CASES / "14-map.yaml"))
    assert placed == {"ship_by": "2026-01-08T23:00:00Z"}


def test_an_empty_ship_by_of_what_was_shipped_can_be_said_to_mean_nothing(tmp_path: Path) -> None:
    file = CASES / "25-ship-by-blank.csv"
    asked = imported(file, mapping(tmp_path, "14-map.yaml", "ship_by_blank: unknown"))
    kinds = [(each["order"], each["type"]) for each in map(orjson.loads, asked.stdout.splitlines())]
    assert ("D-1", "order.placed") not in kinds
    assert ("D-1", "order.shipped") in kinds and ("D-2", "order.placed") in kinds
    assert "orders not judged by when they were shipped, as their ship_by is empty: 1" in asked.stderr
    history = tmp_path / "history"
    for ended, late in ((asked, False), (imported(file, CASES / "14-map.yaml"), True)):
        history.write_text(ended.stdout)
        output = CliRunner().invoke(main, ["replay", str(history), "--pack", "joom"]).stdout.splitlines()
        found = [(each["order"], each["data"]["rule"]) for each in map(orjson.loads, output) if "order" in each]
        assert (("D-1", "joom.late_ship") in found) is late


def test_utf_16_is_read_where_it_is_said_and_guessed_where_not() -> None:
    refused = imported(CASES / "15-utf16.tsv", CASES / "15-map.yaml")
    assert refused.exit_code == 2 and "looks like UTF-16: set `encoding: utf-16`" in refused.stderr
    assert len(data(imported(CASES / "15-utf16.tsv", CASES / "15b-map.yaml"))) == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("order;placed;shipped\n", "set `delimiter: ';'`"),
        ("order\tplaced\tshipped\n", "set `delimiter: '\\t'`"),
        ("Order,placed,shipped\n", "did you mean 'Order'?"),
    ],
)
def test_where_no_column_fits_the_setting_is_named(tmp_path: Path, text: str, hint: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(text)
    ended = imported(file, CASES / "24-map.yaml")
    assert ended.exit_code == 2 and hint in ended.stderr


def test_a_header_of_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes("Номер;Принят;Сумма\n".encode("cp1251"))
    said = imported(file, CASES / "13-map.yaml").stderr
    assert "the header is not utf-8 text: set `encoding: cp1251`, with which it has 'Номер'" in said
    assert "the columns are '�', '�', '�'; " in said


def test_a_header_of_an_encoding_nobody_knows_is_shown_without_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(b"order\xff\xfe,placed\n")
    said = imported(file, CASES / "24-map.yaml").stderr
    assert "the columns are 'order�', 'placed'; the header is not utf-8 text: set `encoding`, such as cp1251" in said


def test_the_columns_there_are_can_be_read_in_any_language(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("订单编号,下单时间\n", encoding="utf-8")
    assert "the columns are '订单编号', '下单时间'" in imported(file, CASES / "24-map.yaml").stderr


@pytest.mark.parametrize("cell", ["1.250,50 ₽", "₽1.250,50", "1.250,50 руб.", "RUB 1.250,50", "1.250,50rub"])
def test_an_amounts_own_currency_may_stand_beside_it(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"Номер;Принят;Сумма\nA;05.01.2026 10:00;{cell}\n", encoding="utf-8")
    assert data(imported(file, mapping(tmp_path, "13-map.yaml", 'thousands: "."'))) == [
        {"amount": "1250.50", "currency": "RUB"}
    ]


def test_an_amount_in_another_currency_than_its_orders_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("Номер;Принят;Сумма\nA;05.01.2026 10:00;99,00元\n", encoding="utf-8")
    said = imported(file, CASES / "13-map.yaml").stderr
    assert "amount: '99,00元' is in CNY, and the currency is 'RUB'" in said


def test_an_amount_with_a_currency_where_none_is_mapped_says_what_to_set(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("Номер;Принят;Сумма\nA;05.01.2026 10:00;99,00元\n", encoding="utf-8")
    bare = (CASES / "13-map.yaml").read_text(encoding="utf-8").replace("currency: RUB\n", "")
    (tmp_path / "bare.yaml").write_text(bare, encoding="utf-8")
    said = imported(file, tmp_path / "bare.yaml").stderr
    assert "amount: '99,00元' names a currency; say which in the mapping, such as `currency: CNY`" in said


def test_rows_above_the_header_and_totals_are_passed_over_where_they_are_named(tmp_path: Path) -> None:
    refused = imported(CASES / "16-title-rows.csv", CASES / "13-map.yaml")
    assert refused.exit_code == 2 and "line 4 has it: set `skip_rows: 3`" in refused.stderr
    mapping_file = mapping(tmp_path, "13-map.yaml", "skip_rows: 3", "total_rows: [Итого]")
    ended = imported(CASES / "16-title-rows.csv", mapping_file)
    assert data(ended) == [{"amount": "100.00", "currency": "RUB"}]
    assert ended.stderr == "1 events, 0 bad rows\n"


def test_orders_without_any_time_are_named_and_counted() -> None:
    ended = imported(CASES / "24-no-times.csv", CASES / "24-map.yaml")
    assert len(data(ended)) == 2
    first, second, summary = ended.stderr.splitlines()
    assert first.endswith("24-no-times.csv:3: order C-2: no time in any of its lines; left out")
    assert second.endswith("24-no-times.csv:5: order C-4: no time in any of its lines; left out")
    assert summary == "2 events, 0 bad rows, 2 orders without any time"


def test_a_seller_centres_export_is_read_with_its_words_for_ours(tmp_path: Path) -> None:
    mapping_file = mapping(
        tmp_path,
        "31-map.yaml",
        "skip_rows: [2]",
        "words:",
        "  cancelled_by: {User: buyer, seller: seller}",
        '  cancel_reason: {Out of stock: stock, "*": other}',
    )
    ended = imported(CASES / "31-marketplace-export.csv", mapping_file)
    assert ended.stderr == "6 events, 0 bad rows\n"
    cancelled = [each for each in data(ended) if "by" in each]
    assert cancelled == [{"by": "buyer", "reason": "other"}, {"by": "seller", "reason": "stock"}]


def test_a_word_that_is_not_translated_is_refused() -> None:
    ended = imported(CASES / "31-marketplace-export.csv", CASES / "31-map.yaml")
    assert "cancelled_by: 'User' is none of buyer, seller, system; `words` can translate it" in ended.stderr


def test_a_spreadsheets_day_number_is_read_where_it_is_said(tmp_path: Path) -> None:
    refused = imported(CASES / "38-excel-serial.csv", CASES / "24-map.yaml")
    assert refused.exit_code == 2 and "is read by `time: spreadsheet`" in refused.stderr
    mapping_file = mapping(tmp_path, "24-map.yaml", "time: spreadsheet")
    assert orjson.loads(imported(CASES / "38-excel-serial.csv", mapping_file).stdout)["time"] == "2026-01-05T09:00:00Z"


def test_a_workbook_is_read_with_its_own_dates_and_numbers(tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "orders.xlsx",
        {
            "Notes": [["nothing"]],
            "Orders": [
                ["Номер", "Принят", "Сумма"],
                [576461, datetime(2026, 1, 5, 10), 1250.5],
                ["A-2", "05.01.2026 11:00", "999,90"],
            ],
        },
    )
    ended = imported(file, mapping(tmp_path, "13-map.yaml", "sheet: Orders"))
    assert [each["amount"] for each in data(ended)][1] == "999.90"
    first = orjson.loads(ended.stdout.splitlines()[0])
    assert (first["order"], first["time"]) == ("576461", "2026-01-05T07:00:00Z")


def test_a_number_that_a_workbook_has_rounded_is_no_id(tmp_path: Path) -> None:
    file = workbook(tmp_path / "orders.xlsx", {"S": [["order", "placed", "shipped"], [5.76461e17, "2026-01-05", ""]]})
    ended = imported(file, CASES / "24-map.yaml")
    assert ended.exit_code == 2 and "has been shortened by a spreadsheet" in ended.stderr


def test_a_sheet_that_is_not_there_and_a_file_that_is_no_workbook_are_one_line(tmp_path: Path) -> None:
    file = workbook(tmp_path / "orders.xlsx", {"S": [["order", "placed", "shipped"]]})
    ended = imported(file, mapping(tmp_path, "24-map.yaml", "sheet: Orders"))
    assert (ended.exit_code, ended.stderr) == (2, f"{file}: no sheet 'Orders'; the sheets are S\n")
    file.write_bytes(b"PK\x03\x04 and no more")
    ended = imported(file, CASES / "24-map.yaml")
    assert ended.exit_code == 2 and ended.stderr.startswith(f"{file}: not a workbook that can be read:")
    assert len(ended.stderr.splitlines()) == 1
    file.write_text("order\tplaced\tshipped\n")
    assert imported(file, CASES / "24-map.yaml").stderr.endswith("; it is a text file by that name: name it .csv\n")
