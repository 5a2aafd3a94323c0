"""The report as page, table and text: names are shown as they are, and do nothing."""

import csv
import io
import re
from decimal import Decimal

import msgspec
import pytest

from streams.reporting.page import html
from streams.reporting.shop_week import PointsOfWeek, RatioOfWeek, RuleOfWeek, ShopWeek
from streams.reporting.table import table
from streams.reporting.text import body, title
from streams.reporting.week import Week
from streams.reporting.words import _CHINESE, _ENGLISH, Words
from tests.reporting.records import points, ratio

W02 = Week.named("2026-W02")
TITLES = {"joom.r": {"en": "Not shipped this month", "zh": "当月未发货率"}}
NAMES = ["<script>alert(1)</script>", "=HYPERLINK(1)", "＝1+1", "x" * 200, '"quoted"\nline', "\u202eevil"]


def shop(name: str = "s17", **others: object) -> ShopWeek:
    made = ShopWeek(
        platform="joom",
        shop=name,
        zone="UTC",
        days=7,
        opened=12,
        resolved=9,
        deadlines_missed=4,
        open_alerts={"critical": 2, "info": 1},
        late_orders=3,
        still_late=1,
        lost={"USD": Decimal("1234.50"), "EUR": Decimal("1")},
        avoided={},
        at_stake={"USD": Decimal("7")},
        ratios=[RatioOfWeek(rule="joom.r", start=None, end=ratio(0.061, 6, 98))],
        points=[PointsOfWeek(rule="joom.p", start=points(2), end=points(3.5))],
        worst=[RuleOfWeek(rule="joom.late", titles={"en": "Late", "zh": "迟发"}, opened=8, resolved=2)],
    )
    return msgspec.structs.replace(made, **others)


def rows(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


def test_the_text_says_money_orders_ratios_and_points() -> None:
    words = Words("en", TITLES)
    assert title(W02, words) == "Week 2026-W02: 2026-01-05 to 2026-01-11"
    text = body([shop()], words)
    assert "Lost to penalties: 1 EUR + 1,234.50 USD · Penalties avoided: 0 · At stake at its end: 7 USD" in text
    assert "Orders past a deadline: 3 (still waiting at its end: 1)" in text
    assert "Not shipped this month: – → 6.1 % (6/98) · Threshold 5 %" in text
    assert "joom.p: 2 → 3.5" in text
    assert "of 4 of its 7 days something is known" in body([shop(days=4)], words)


def test_a_digest_tells_of_some_shops_and_how_many_more_there_are() -> None:
    text = body([shop(f"s{n}") for n in range(5)], Words(), most=2)
    assert "joom/s1" in text and "joom/s2" not in text and "... and 3 more shops" in text


def test_it_is_written_in_chinese() -> None:
    words = Words("zh", TITLES)
    assert _CHINESE.keys() == _ENGLISH.keys()
    for text in (body([shop()], words), html(W02, [shop()], words)):
        assert "已扣罚款" in text and "当月未发货率" in text and "迟发" in text
        assert not re.search(r"Lost|Points|Late|Threshold", re.sub("<style>.*?</style>", "", text, flags=re.DOTALL))
    assert '<html lang="zh-CN">' in html(W02, [], words)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_any_name_and_runs_nothing(name: str) -> None:
    page = html(W02, [shop(name, worst=[RuleOfWeek(rule=name, titles={}, opened=1, resolved=0)])], Words())
    assert "<script" not in page and "\u202e" not in page
    assert not re.search(r"""(src|href|url)\s*[=(]""", page)
    assert page.count("<table>") == page.count("</table>") == 4


@pytest.mark.parametrize("name", NAMES)
def test_no_name_in_a_table_is_a_formula_or_breaks_a_line(name: str) -> None:
    found = rows(table(W02, [shop(name), shop("=B")]))
    assert {len(row) for row in found} == {9}
    assert all(not re.match(r"[=+\-@＝\t\r\n]", cell) for row in found[1:] for cell in row)
    assert {row[2].lstrip("'") for row in found[1:]} == {name, "=B"}


def test_a_table_has_figures_as_programs_want_them() -> None:
    found = {(row[3], row[4], row[8]): row for row in rows(table(W02, [shop()]))}
    assert found["lost", "", "USD"][6] == "1234.50"
    assert found["ratio", "joom.r", "share"][5:8] == ["", "0.061", "0.05"]
    assert found["points", "joom.p", "points"][5:8] == ["2", "3.5", "12.0"]
    assert found["open critical", "", ""][6] == "2"
