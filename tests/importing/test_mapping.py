import json
from pathlib import Path

import pytest

from streams.importing import mapping
from streams.importing.mapping import Column, Constant
from streams.importing.report import UnreadableError
from tests.importing.support import written

WHOLE = """\
platform: ozon
shop: {column: Store}
columns:
  order: No
  placed: Created
"""


def test_platform_and_shop_are_a_constant_or_a_column(tmp_path: Path) -> None:
    mapped = mapping.read(written(tmp_path, "map.yaml", WHOLE))
    assert mapped.platform == Constant("ozon")
    assert mapped.shop == Column("Store")
    assert mapped.csv_columns() == ("Store", "No", "Created")


def test_what_looks_like_a_number_or_a_date_stays_text(tmp_path: Path) -> None:
    whole = WHOLE.replace("ozon", "0042") + "no_time: [2000-01-01, 0]\n"
    mapped = mapping.read(written(tmp_path, "map.yaml", whole))
    assert mapped.platform == Constant("0042")
    assert mapped.no_time == ("2000-01-01", "0")


def test_a_field_left_empty_is_not_there(tmp_path: Path) -> None:
    mapped = mapping.read(written(tmp_path, "map.yaml", WHOLE + "  shipped:\ncurrency:\n"))
    assert mapped.columns == {"order": "No", "placed": "Created"}
    assert mapped.currency is None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the mapping is empty"),
        ("- a\n", 1, "the mapping must be names with values"),
        ("platform: [a\nshop: b\n", 2, "expected ',' or ']', but got ':'"),
        ("\tplatform: a\n", 1, "found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("shop: s1\ncolumns: {order: No, placed: C}\n", 1, "platform is missing"),
        (
            "platform: a\nshop: s1\ncolums: {}\n",
            3,
            "unknown name 'colums' in the mapping: did you mean 'columns'?",
        ),
        (WHOLE + "  sent: Sent\n", 6, "unknown name 'sent' in columns: known are order, placed, shipped,"),
        (WHOLE + "  order: Nr\n", 6, "'order' is there twice in columns"),
        (WHOLE + "  ? [a]\n  : b\n", 6, "columns must have plain names"),
        (WHOLE + "  shipped: [a]\n", 6, "shipped must be a text"),
        ("platform: a\nshop: b\ncolumns: {placed: C}\n", 3, "columns: order is missing"),
        (
            "platform: a\nshop: b\ncolumns: {order: N}\n",
            3,
            "columns: at least one of placed, shipped, collected",
        ),
        (WHOLE + "  amount: A\n  order_amount: B\n", 4, "columns: amount (of a line) and order_amount"),
        (
            WHOLE.replace("{column: Store}", "{colunm: Store}"),
            2,
            "unknown name 'colunm' in shop: did you mean",
        ),
        (WHOLE.replace("{column: Store}", "{}"), 2, "shop must be a constant or {column: NAME}"),
        (WHOLE + "zone: Moscow\n", 6, "unknown zone 'Moscow'; zones are named like Europe/Moscow"),
        (WHOLE + "zone: ../../etc/passwd\n", 6, "unknown zone '../../etc/passwd'"),
        (WHOLE + "time: unix\n", 6, "time: 'unix' is not iso, epoch_s, epoch_ms, spreadsheet or a strptime format"),
        (WHOLE + "time: '%Y-%Q'\n", 6, "time: 'Q' is a bad directive in format '%Y-%Q'"),
        (WHOLE + "time: '%d.%m %H:%M'\n", 6, "time: '%d.%m %H:%M' does not hold year, month and day"),
        (WHOLE + "no_time: 2000-01-01\n", 6, "no_time must be a list of texts"),
        (WHOLE + "delimiter: ';;'\n", 6, "delimiter must be one character, not ';;'"),
        (WHOLE + "encoding: utf-99\n", 6, "unknown encoding 'utf-99'"),
        (WHOLE + "encoding: hex\n", 6, "unknown encoding 'hex'"),
        (
            WHOLE + "constants:\n  placed: {mode: fast}\n",
            7,
            "constants of placed: data.mode: Invalid enum value 'fast'",
        ),
        (WHOLE + "leave_out: {Status: done}\n", 6, "leave_out of Status must be a list of texts"),
        (WHOLE + "leave_out: [done]\n", 6, "leave_out must be names with values"),
        (WHOLE + "constants:\n  posted: {}\n", 7, "unknown name 'posted' in constants"),
        (WHOLE + "constants:\n  placed: {mode: [spot]}\n", 7, "mode must be a text"),
        (WHOLE + "source: !!python/object/apply:os.getcwd []\n", 6, "source must be a text"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(UnreadableError) as refused:
        mapping.read(file)
    where, _, what = str(refused.value).partition(": ")
    assert where == f"{file}:{line}"
    assert what.startswith(message)


def test_a_mapping_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        mapping.read(tmp_path / "map.yaml")
    (tmp_path / "map.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableError, match=r"map\.yaml:1: not utf-8 text"):
        mapping.read(tmp_path / "map.yaml")


def test_an_alias_bomb_is_refused_where_it_grows_too_large(tmp_path: Path) -> None:
    lines = ["n0: &n0 [x, x]", *(f"n{n}: &n{n} [*n{n - 1}, *n{n - 1}]" for n in range(1, 60))]
    with pytest.raises(UnreadableError, match=r"map\.yaml:15: the aliases up to here stand for more than 100000"):
        mapping.read(written(tmp_path, "map.yaml", *lines))


def test_brackets_by_the_thousand_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"map\.yaml:1: is nested too deeply"):
        mapping.read(written(tmp_path, "map.yaml", "platform: " + "[" * 5_000))


@pytest.mark.parametrize("form", ["%f%f%f", "%y" * 3_000, "%y" * 60, "%Y-%m-%d %" + "(" * 40, "%Y-%m-%d \udcff"])
def test_a_form_of_time_that_python_can_not_read_is_told_with_its_line(tmp_path: Path, form: str) -> None:
    lines = ["platform: joom", "shop: s", f"time: {json.dumps(form)}", "columns: {order: O, placed: P}"]
    with pytest.raises(UnreadableError, match=r"map\.yaml:3: "):
        mapping.read(written(tmp_path, "map.yaml", *lines))
