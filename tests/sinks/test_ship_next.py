"""The orders that wait to be shipped, or for their carrier's scan, by warehouse."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar.instants import HOUR_MS
from rules.facts.order_facts import OrderFacts, Terms
from rules.facts.shop_facts import Entry as ShopEntry
from rules.facts.shop_facts import encode
from rules.facts.stored import encode_facts
from rules.messages.events import Item
from rules.messages.shop_events import ListingData, ProfileData
from rules.plan.rule_book import RuleBook
from streams.kafka.keys import order_key
from streams.sinks.redis.ship_next import ShipNext, Waiting
from streams.warehouses import Entry, Warehouses
from tests.rules.history import book as book_of
from tests.rules.history import late_ship, rule
from tests.runtime.support import LATE_MS, START_MS, book

WAREHOUSES = Warehouses((Entry("berlin", sku_prefix="DE-"), Entry("west", shop="s17")))
DUE_MS = START_MS + LATE_MS
BOOK = book()
SCAN = rule("deadline", "scan", **{"from": "shipped"}, until=["scanned", "cancelled"], within="48h")
WITH_SCANS = book_of(late_ship(), SCAN)


def facts(*skus: str, placed_ms: int = START_MS, shipped_ms: int | None = None, scanned_ms: int | None = None) -> bytes:
    terms = Terms(amount="12.50", currency="USD", items=tuple(Item(sku) for sku in skus))
    return encode_facts(
        OrderFacts(
            placed=(placed_ms, "erp/1", "e-1"),
            terms=terms,
            shipped=None if shipped_ms is None else (shipped_ms, "erp/1", "e-2"),
            scanned=None if scanned_ms is None else (scanned_ms, "erp/1", "e-3"),
        )
    )


def applied(*orders: tuple[str, bytes | None], rules: RuleBook = BOOK) -> ShipNext:
    ahead = ShipNext(rules, WAREHOUSES)
    for order, value in orders:
        ahead.apply(order_key("joom", "s17", order), value)
    return ahead


def test_an_order_waits_in_its_warehouse_with_what_shipping_it_saves() -> None:
    ahead = applied(("1", facts()))
    waiting = ahead.waiting["joom/s17/1"]
    assert (waiting.warehouse, waiting.ship_ms, waiting.scan_ms) == ("west", DUE_MS, None)
    assert orjson.loads(waiting.saves or b"") == {
        "due_at": "2026-01-04T00:00:00Z",
        "rules": ["late.ship"],
        "clauses": ["late-1"],
        "amount": "12.50",
        "currency": "USD",
    }


def test_a_shipped_order_no_longer_waits() -> None:
    ahead = applied(("1", facts()), ("1", facts(shipped_ms=START_MS + HOUR_MS)))
    assert not ahead.waiting


def test_neither_does_one_that_was_dropped() -> None:
    ahead = applied(("1", facts("DE-1")), ("1", None), ("2", None))
    assert not ahead.waiting and not ahead.homes


def test_a_shipped_order_waits_for_its_scan_and_then_for_nothing() -> None:
    shipped, scanned = facts(shipped_ms=START_MS + HOUR_MS), facts(shipped_ms=START_MS, scanned_ms=START_MS + HOUR_MS)
    ahead = applied(("1", shipped), ("2", scanned), rules=WITH_SCANS)
    assert ahead.waiting == {"joom/s17/1": Waiting("west", None, START_MS + 49 * HOUR_MS, None)}


def test_what_has_changed_says_where_it_stood() -> None:
    ahead = applied(("1", facts()))
    assert ahead.changed == {"joom/s17/1": None}
    ahead.changed.clear()
    ahead.apply(order_key("joom", "s17", "1"), facts("DE-1"))
    ahead.apply(order_key("joom", "s17", "1"), facts("DE-1", shipped_ms=START_MS))
    assert ahead.changed == {"joom/s17/1": "west"}


def test_hearing_the_same_again_changes_nothing() -> None:
    ahead = applied(("1", facts()))
    ahead.changed.clear()
    ahead.apply(order_key("joom", "s17", "1"), facts())
    assert not ahead.changed


def test_an_order_whose_articles_decide_has_a_home_also_when_it_waits_for_nothing() -> None:
    ahead = applied(("1", facts("DE-1", shipped_ms=START_MS)), ("2", facts("A")), ("3", facts("DE-2")))
    assert ahead.homes == {"joom/s17/1": "berlin", "joom/s17/3": "berlin"}
    assert ahead.waiting["joom/s17/3"].warehouse == "berlin"


def test_records_of_other_kinds_are_passed_over() -> None:
    ahead = ShipNext(BOOK, WAREHOUSES)
    for key in (["joom", "s17"], ["joom", "s17", "sku", "A1"], ["joom", "s17", 3], "other", {"a": 1}):
        ahead.apply(orjson.dumps(key), b"whatever")
    assert not ahead.waiting


def version(within: str, **where: list[str]) -> dict[str, object]:
    return {"source": "elsewhere", "confidence": "ours", "set": {"within": within}, **where}


BY_PLACE = book_of(
    late_ship(
        versions=[version("48h", sites=["ID"]), version("24h", programmes=["plus"]), version("12h", shops=["s17"])]
    ),
    sites={"ID": {"zone": "Asia/Jakarta"}},
)


def profile_record(kind: str, data: ProfileData | ListingData, shop: str = "s1") -> tuple[bytes, bytes]:
    key = orjson.dumps(("joom", shop, kind, ("erp/1", f"{kind}-1")))
    return key, encode(ShopEntry(START_MS, "erp/1", f"{kind}-1", None, data))


ID = profile_record("shop.profile", ProfileData(site="ID"))
PLUS = profile_record("shop.profile", ProfileData(programme="plus"))
COUNTED_IN_ID = profile_record("listing.counts", ListingData(site="ID"))


def deadline_h(rules: RuleBook, *records: tuple[bytes, bytes | None], order: str) -> float | None:
    """Hours after `placed`, as the list has it once these records have been read."""
    ahead = ShipNext(rules, Warehouses())
    for key, value in records:
        ahead.apply(key, value)
    waiting = ahead.waiting.get(order)
    return None if waiting is None or waiting.ship_ms is None else (waiting.ship_ms - START_MS) / HOUR_MS


def test_the_deadline_is_that_of_the_shops_own_override() -> None:
    own, other = (order_key("joom", "s17", "1"), facts()), (order_key("joom", "s1", "1"), facts())
    assert deadline_h(BY_PLACE, own, order="joom/s17/1") == 12
    assert deadline_h(BY_PLACE, other, order="joom/s1/1") == 72


def test_the_deadline_is_that_of_the_shops_site_and_programme_whichever_record_comes_first() -> None:
    order = order_key("joom", "s1", "1"), facts()
    for records, hours in (
        ([ID, order], 48),
        ([order, ID], 48),
        ([order, PLUS], 24),
        ([PLUS, order], 24),
        ([COUNTED_IN_ID, order], 48),
        ([order, ID, (ID[0], None)], 72),
    ):
        assert deadline_h(BY_PLACE, *records, order="joom/s1/1") == hours


def test_an_order_that_waited_for_nothing_waits_when_the_profile_brings_it_a_rule() -> None:
    only_there = book_of(late_ship(sites=["ID"]), sites={"ID": {"zone": "Asia/Jakarta"}})
    order = order_key("joom", "s1", "1"), facts()
    assert deadline_h(only_there, order, order="joom/s1/1") is None
    assert deadline_h(only_there, order, ID, order="joom/s1/1") == 72


HOURS = st.integers(0, 200)
STATES = st.one_of(
    st.none(),
    st.builds(
        lambda placed, shipped, scanned, sku: facts(
            sku,
            placed_ms=START_MS + placed * HOUR_MS,
            shipped_ms=None if shipped is None else START_MS + shipped * HOUR_MS,
            scanned_ms=None if scanned is None else START_MS + scanned * HOUR_MS,
        ),
        HOURS,
        st.none() | HOURS,
        st.none() | HOURS,
        st.sampled_from(["A", "DE-1"]),
    ),
)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from("123"), STATES), max_size=12))
def test_the_lists_are_what_the_newest_facts_make_them_however_they_came_about(
    steps: list[tuple[str, bytes | None]],
) -> None:
    ahead, found = ShipNext(WITH_SCANS, WAREHOUSES), dict[str, str]()
    for order, value in steps:
        ahead.apply(order_key("joom", "s17", order), value)
        for name, before in ahead.changed.items():  # as one would who keeps the list elsewhere
            assert found.pop(name, None) == before
            if name in ahead.waiting:
                found[name] = ahead.waiting[name].warehouse
        ahead.changed.clear()
    afresh = applied(*dict(steps).items(), rules=WITH_SCANS)
    assert (ahead.waiting, ahead.homes) == (afresh.waiting, afresh.homes)
    assert found == {name: waiting.warehouse for name, waiting in ahead.waiting.items()}
