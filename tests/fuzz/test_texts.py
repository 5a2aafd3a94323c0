"""No pack, mapping or setting ends in anything but a clear message: `file:line: message`, or the setting's name."""

import re
from pathlib import Path
from random import Random

from click.testing import CliRunner

from rules.calendar.instants import HOUR_MS
from rules.dsl.yaml_source import BadPack
from rules.engine.engine import Engine
from rules.messages.events import decode
from rules.plan.rule_book import RuleBook
from streams import warehouses
from streams.cli import main
from streams.feeds import apps, library
from streams.pack_files import NoSuchPack, read_all
from streams.settings import DESCRIPTIONS, BadSettingError, from_environment
from tests.feeds.test_apps import GOOD as FEEDS
from tests.fuzz.good_records import good_records
from tests.fuzz.mutations import VALUES, mutated_texts
from tests.ops.support import ROOT
from tests.runtime.support import PACK, START_MS

SEED = 18
PACKS = [ROOT / "tests/bench/job.yaml", PACK, ROOT / "rules/packs/lazada.yaml", ROOT / "rules/packs/tiktok.yaml"]
OVERRIDES = """\
overrides:
  - {rule: lazada.late_ship, shops: [s17], set: {within: 48h}, source: our own promise}
  - {rule: lazada.late_ship, set: {severity: {overdue: warning}}}
"""
MAPPING = """\
platform: ozon
shop: {column: Warehouse}
currency: RUB
zone: Europe/Moscow
time: "%d.%m.%Y %H:%M"
no_time: ["2000-01-01", "0"]
source: erp/1
delimiter: ";"
encoding: cp1251
decimal: ","
columns:
  order: Posting number
  placed: Accepted
  ship_by: Ship until
  amount: Total
  sku: Article
  qty: Pieces
constants:
  placed: {mode: spot}
  cancelled: {by: seller}
"""
CSV = """\
Posting number;Warehouse;Accepted;Ship until;Total;Article;Pieces
1;s1;01.02.2026 10:00;03.02.2026 10:00;12,50;A;1
"""
WAREHOUSES = """\
- {platform: joom, shop: s17, warehouse: west}
- {sku_prefix: DE-, warehouse: berlin}
- {platform: ozon, warehouse: moscow}
"""
PLACED_MESSAGE = re.compile(r"^\S+:\d+: \S")


def test_a_pack_is_read_or_refused_with_its_line(tmp_path: Path, share: float) -> None:
    file, records = tmp_path / "pack.yaml", [decode(record.value) for record in good_records(100)]
    read = refused = 0
    for text in mutated_texts([pack.read_text() for pack in PACKS], int(1_000 * share), SEED):
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            book = RuleBook(each.pack for each in read_all([str(file)]))
        except (BadPack, NoSuchPack) as bad:
            assert all(PLACED_MESSAGE.match(line) for line in str(bad).splitlines()), str(bad)
            refused += 1
            continue
        read += 1
        engine = Engine(book, stepping=True)
        for event, at_ms in records:
            engine.apply(event, at_ms)
        engine.advance(START_MS + 1_000 * HOUR_MS)
    assert read, "every mutated pack was refused: nothing has been evaluated"
    assert refused, "no mutated pack was refused"


def test_overrides_are_read_or_refused_with_their_line(tmp_path: Path, share: float) -> None:
    file = tmp_path / "overrides.yaml"
    refused = 0
    for text in mutated_texts([OVERRIDES], int(300 * share), SEED):
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            read_all(["lazada", str(file)])
        except (BadPack, NoSuchPack) as bad:
            refused += 1
            assert all(PLACED_MESSAGE.match(line) for line in str(bad).splitlines()), str(bad)
    assert refused


def test_a_mapping_is_used_or_refused_with_its_line(tmp_path: Path, share: float) -> None:
    mapping, table, out = tmp_path / "map.yaml", tmp_path / "orders.csv", tmp_path / "out.jsonl"
    table.write_text(CSV)
    used = refused = 0
    for text in mutated_texts([MAPPING], int(400 * share), SEED):
        mapping.write_text(text, encoding="utf-8", errors="replace")
        done = CliRunner().invoke(main, ["import", "csv", str(table), "--map", str(mapping), "-o", str(out)])
        assert done.exception is None or isinstance(done.exception, SystemExit), (text, done.exception)
        if done.exit_code == 0:
            used += 1
        else:
            refused += 1
            assert done.exit_code in (1, 2)
            assert re.search(r"^(Error: )?\S+:\d+: |orders\.csv", done.output, re.MULTILINE), done.output
    assert used
    assert refused


def test_a_source_of_feeds_is_read_or_refused_with_its_line(tmp_path: Path, share: float) -> None:
    file, refused = tmp_path / "own.yaml", 0
    texts = [(ROOT / f"streams/feeds/sources/{name}.yaml").read_text() for name in ("ozon", "aftership", "joom")]
    for text in mutated_texts(texts, int(300 * share), SEED):
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            library.read(file)
        except (BadPack, library.NoSuchSource) as bad:
            refused += 1
            assert all(PLACED_MESSAGE.match(line) for line in str(bad).splitlines()), str(bad)
    assert refused


def test_the_settings_of_feeds_are_read_or_refused_with_their_line(tmp_path: Path, share: float) -> None:
    file, refused = tmp_path / "feeds.yaml", 0
    (tmp_path / "key").write_text("s3cr3t")
    for text in mutated_texts([FEEDS], int(200 * share), SEED):
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            apps.load(file, {"LAZADA": "s3cr3t"})
        except (BadPack, ValueError) as bad:
            refused += 1
            assert all(PLACED_MESSAGE.match(line) for line in str(bad).splitlines()), str(bad)
            assert "s3cr3t" not in str(bad)
    assert refused


def test_a_map_of_warehouses_is_read_or_refused_with_its_line(tmp_path: Path, share: float) -> None:
    file, refused = tmp_path / "warehouses.yaml", 0
    for text in mutated_texts([WAREHOUSES], int(200 * share), SEED):
        file.write_text(text, encoding="utf-8", errors="replace")
        try:
            warehouses.load(file)
        except warehouses.BadWarehousesError as bad:
            refused += 1
            assert PLACED_MESSAGE.match(str(bad)), str(bad)
    assert refused


def test_a_setting_is_taken_or_refused_by_its_name(share: float) -> None:
    random, refused = Random(SEED), 0
    for _ in range(int(300 * share)):
        name = f"SHIPCLOCK_{random.choice(list(DESCRIPTIONS)).upper()}"
        text = str(random.choice(VALUES)).replace("\x00", "0")
        try:
            from_environment({"SHIPCLOCK_BROKER": "kafka://localhost:9092"} | {name: text})
        except BadSettingError as error:
            refused += 1
            assert "SHIPCLOCK_" in str(error)
    assert refused
