"""The made files of Olist's form are read like the public ones."""

from collections import Counter
from pathlib import Path

from streams.importing import olist as importing
from streams.importing.report import Report
from tests.bench.olist import made


def test_made_files_have_no_bad_row_and_orders_of_every_fate(tmp_path: Path) -> None:
    report = Report()
    files = made(tmp_path, 300)
    types = Counter(event["type"] for event in importing.events(files.orders, files.items, report))
    assert report == Report()
    assert types["order.placed"] >= 300
    assert types["order.placed"] > types["order.shipped"] > types["tracking.updated"] > 0 < types["order.cancelled"]
