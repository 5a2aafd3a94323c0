"""What is on the wire and on disk stays as it is, to the byte.

A change that is meant is written with `python -m tests.test_golden`, and told in the changelog.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from rules.calendar.instants import HOUR_MS
from rules.engine.engine import Engine
from rules.facts import shop_facts
from rules.facts.order_facts import OrderFacts, Shipment, Terms
from rules.facts.shop_facts import KINDS
from rules.facts.stored import encode_facts
from rules.harness.pack_tests import run
from rules.harness.replay import replay
from rules.kinds.ratio.period_results import PeriodResult
from rules.messages import alerts
from rules.messages.events import Item, decode
from rules.plan.rule_book import RuleBook
from streams import pack_files
from streams.kafka.keys import entry_key, order_key
from streams.runtime.changelog import COMPUTED, Progress
from streams.runtime.standings_publisher import published
from tests.fuzz.good_records import good_records
from tests.rules.history import pack_file
from tests.runtime.support import START_MS

KEPT = Path(__file__).with_name("golden.json")
PACKS = ("joom", "douyin", "ozon", "shopee", "aliexpress", "lazada", "tiktok")


def _stamp(hours: int) -> tuple[int, str, str]:
    return START_MS + hours * HOUR_MS, "erp/1", f"e-{hours}"


def _facts() -> Iterator[tuple[str, str]]:
    items = (Item("A1", 2, "mug"), Item("B2"))
    terms = Terms(amount="12.50", currency="USD", items=items, mode="spot", ship_by_ms=START_MS)
    full = OrderFacts(
        placed=_stamp(0),
        terms=terms,
        shipped=_stamp(1),
        shipment=Shipment("SF", "SF1", "own", "platform"),
        collected=_stamp(2),
        scanned=_stamp(3),
        news=_stamp(4),
        delivered=_stamp(5),
        cancelled=_stamp(6),
        cancelled_by="seller",
        cancelled_for="stock",
        deadline_moved=_stamp(7),
        moved_to_ms=START_MS,
        pickup_failed=_stamp(8),
        returned=_stamp(9),
        refunded=_stamp(10),
        moved_before=((_stamp(7), START_MS),),
    )
    yield "facts of a plain order", encode_facts(OrderFacts(placed=_stamp(0))).hex()
    yield "facts of an order of which everything is known", encode_facts(full).hex()
    yield "key of an order", order_key("joom", "s:1/2", "8412").decode()


def _shop_facts() -> Iterator[tuple[str, str]]:
    book = pack_files.load([])
    shop = Engine(book, stepping=True).shop("joom", "s17")
    for record in good_records(50):
        event, at_ms = decode(record.value)
        kind = KINDS.get(type(event))
        if kind is not None:
            for key in shop.facts.merge(kind, event, at_ms, START_MS):
                entry = shop.facts.get(kind.name, key)
                if entry is not None:
                    yield f"key of {kind.name}", entry_key(shop, kind.name, key).decode()
                    yield f"entry of {kind.name}", shop_facts.encode(entry).hex()
    yield "key of a computed ratio", entry_key(shop, COMPUTED, ("joom.ratio", str(START_MS))).decode()
    yield "computed ratio", encode_facts(PeriodResult("2026-01", 3, 50, "crossed")).hex()
    yield "progress", msgspec.json.encode(Progress(START_MS, {"orders": START_MS}, START_MS)).decode()


def _alerts() -> Iterator[tuple[str, str]]:
    """The first record of each kind of rule and each type that the packs' own tests bring."""
    seen: set[tuple[str, str]] = set()
    for name in PACKS:
        pack = pack_file(f"rules/packs/{name}.yaml")
        kind_of = {rule.id: str(rule.__struct_config__.tag) for rule in pack.rules}
        for pack_test in pack.tests:
            for alert in run(pack_test, pack).alerts:
                what = kind_of[alert.data.rule], alert.type
                if what not in seen:
                    seen.add(what)
                    yield f"{alert.type} of a {what[0]}", alerts.encode(alert).decode()


def _standing() -> Iterator[tuple[str, str]]:
    book = RuleBook([pack_file("rules/packs/douyin.yaml")])
    engine = Engine(book, stepping=True)
    events = [decode(record.value) for record in good_records(2_000)]
    for _ in replay(engine, sorted(events, key=lambda each: each[1]), START_MS + 600 * HOUR_MS):
        pass
    shop = engine.shop("douyin", "s1")
    work = published(shop, engine.clock_ms)
    with pytest.raises(StopIteration) as done:  # which brings what the work comes to
        while True:
            next(work)
    yield "standing", orjson.dumps(done.value.value).decode()


def made() -> dict[str, str]:
    parts: tuple[Callable[[], Iterator[tuple[str, str]]], ...] = (_facts, _shop_facts, _alerts, _standing)
    return dict(sorted(each for part in parts for each in part()))


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    return made()


GOLDEN: dict[str, Any] = orjson.loads(KEPT.read_bytes()) if KEPT.exists() else {}


@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_as_it_was(now: dict[str, str], name: str) -> None:
    assert now[name] == GOLDEN[name]


def test_everything_that_is_made_is_held(now: dict[str, str]) -> None:
    assert sorted(now) == sorted(GOLDEN)


if __name__ == "__main__":
    KEPT.write_bytes(orjson.dumps(made(), option=orjson.OPT_INDENT_2) + b"\n")
