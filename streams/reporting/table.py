"""The report as CSV: a line for each figure, for spreadsheets and programs."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

from streams.reporting.shop_week import Money, ShopWeek
from streams.reporting.week import Week

BOM: Final = "\ufeff"
"""Else Excel takes Chinese for something else."""

_FORMULA: Final = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
"""A spreadsheet would take a text that begins so for a formula. Numbers are written by us."""

COLUMNS: Final = ("week", "platform", "shop", "figure", "rule", "start", "end", "threshold", "unit")


def table(week: Week, shops: Sequence[ShopWeek]) -> str:
    out = io.StringIO()
    out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for shop in shops:
        for figure, rule, start, end, threshold, unit in _rows(shop):
            names = [_safe(shop.platform), _safe(shop.shop), figure, _safe(rule)]
            writer.writerow([str(week), *names, start, end, threshold, _safe(unit)])
    return out.getvalue()


_Row = tuple[str, str, object, object, object, str]
"""Figure, rule, its value when the week began and ended, its threshold, its unit. None is an empty field."""


def _rows(shop: ShopWeek) -> Iterator[_Row]:
    counts = {
        "alerts opened": shop.opened,
        "alerts resolved": shop.resolved,
        "deadlines missed": shop.deadlines_missed,
        "orders past a deadline": shop.late_orders,
        "orders past a deadline, still waiting": shop.still_late,
        "days known": shop.days,
    }
    for figure, count in counts.items():
        yield figure, "", None, count, None, ""
    for severity in ("critical", "warning", "info"):
        yield f"open {severity}", "", None, shop.open_alerts.get(severity, 0), None, ""
    yield from _money("lost", shop.lost)
    yield from _money("avoided", shop.avoided)
    yield from _money("at stake", shop.at_stake)
    for ratio in shop.ratios:
        start, end = (None if each is None else each.value for each in (ratio.start, ratio.end))
        limit = ratio.end or ratio.start
        yield "ratio", ratio.rule, start, end, None if limit is None else limit.threshold, "share"
    for points in shop.points:
        start, end = (None if each is None else each.points for each in (points.start, points.end))
        last = points.end or points.start
        yield "points", points.rule, start, end, None if last is None else last.limit, "points"
    for rule in shop.worst:
        yield "alerts opened by rule", rule.rule, None, rule.opened, None, ""
        yield "alerts resolved by rule", rule.rule, None, rule.resolved, None, ""


def _money(figure: str, sums: Money) -> Iterator[_Row]:
    for currency, amount in sorted(sums.items()):
        yield figure, "", None, f"{amount:f}", None, currency


def _safe(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text
