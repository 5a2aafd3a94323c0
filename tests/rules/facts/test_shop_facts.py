"""What is known of a shop beside its orders."""

import pytest

from rules.calendar.instants import DAY_MS, NEVER
from rules.facts.shop_facts import KEPT_MS, KINDS, ShopFacts, decode, encode
from tests.rules.history import TimedEvent, event, ms


def facts(*events: TimedEvent, clock: str = "0h") -> ShopFacts:
    known = ShopFacts()
    for happened, at_ms in events:
        known.merge(KINDS[type(happened)], happened, at_ms, ms(clock))
    return known


def stock(at: str, on_hand: int, sku: str = "A", **more: str) -> TimedEvent:
    return event("stock.level", None, at, sku=sku, on_hand=on_hand, **more)


def on_hand(known: ShopFacts, at: str) -> list[int]:
    return [entry.data.on_hand for entry in known.known("stock.level", ms(at))]


def violation(at: str, kind: str = "fake_orders", **more: object) -> TimedEvent:
    return event("violation.recorded", None, at, kind=kind, **more)


def test_of_stock_only_the_newest_word_counts_whichever_comes_first():
    for events in ([stock("1h", 5), stock("2h", 7)], [stock("2h", 7), stock("1h", 5)]):
        assert on_hand(facts(*events, clock="3h"), "3h") == [7]


def test_a_word_that_lies_ahead_waits_for_its_time():
    known = facts(stock("1h", 5), stock("9h", 7), clock="2h")
    assert on_hand(known, "0h") == []
    assert on_hand(known, "8h") == [5]
    assert on_hand(known, "9h") == [7]
    assert known.next_after("stock.level", ms("8h")) == ms("9h")
    assert known.next_after("stock.level", ms("9h")) is None


def test_each_sku_has_a_stock_of_its_own():
    assert on_hand(facts(stock("1h", 5), stock("2h", 7, "B")), "3h") == [5, 7]


def test_violations_count_each_by_itself_and_once():
    known = facts(violation("1h"), violation("2h"), violation("1h"))
    assert len(known.known("violation.recorded", ms("3h"))) == 2


def test_of_two_events_that_share_an_id_the_earlier_holds_whichever_comes_first():
    one, other = violation("1h", id="x", severe=True), violation("2h", id="x")
    for events in ([one, other], [other, one]):
        [entry] = facts(*events).of("violation.recorded")
        assert (entry.at_ms, entry.data.severe) == (ms("1h"), True)


def test_what_changes_nothing_is_no_news():
    known = facts(stock("5h", 7), clock="9h")
    for again, news in ((stock("5h", 7), 0), (stock("4h", 1), 0), (stock("6h", 8), 2)):
        happened, at_ms = again
        assert len(known.merge(KINDS[type(happened)], happened, at_ms, ms("9h"))) == news, (
            "the new one, the old one gone"
        )


def test_the_newest_word_on_each_part_of_a_profile_holds():
    known = facts(
        event("shop.profile", None, "1h", site="ID", currency="IDR"), event("shop.profile", None, "2h", site="TW")
    )
    assert [known.profile(part) for part in ("site", "currency", "programme")] == ["TW", "IDR", None]


def test_a_listing_count_tells_the_site_where_no_profile_does():
    listing = event("listing.counts", None, "5h", total=10, preorder=1, site="SG")
    assert facts(listing).profile("site") == "SG"
    assert facts(listing, event("shop.profile", None, "1h", site="TW")).profile("site") == "TW"


def test_what_nothing_asks_for_any_more_is_spent():
    known = facts(violation("0h"), stock("0h", 5), event("shop.profile", None, "0h", site="ID"))
    assert list(known.spent(ms("0h") + KEPT_MS, {})) == []
    assert [name for name, _ in known.spent(ms("0h") + KEPT_MS + 1, {})] == ["violation.recorded"]
    for longer_ms in (KEPT_MS + 1, NEVER):
        assert list(known.spent(ms("0h") + KEPT_MS + 1, {"violation.recorded": longer_ms})) == []
    for happened, at_ms in (stock("3h", 6), stock("2h", 7)):
        known.merge(KINDS[type(happened)], happened, at_ms, ms("0h"))
    assert [known.get(name, key).data.on_hand for name, key in known.spent(ms("3h"), {})] == [5, 7]


def listing(at: str, preorder: int, **more: str) -> TimedEvent:
    return event("listing.counts", None, at, total=100, preorder=preorder, **more)


def price(at: str, amount: str, sku: str = "A", **more: str) -> TimedEvent:
    return event("price.changed", None, at, sku=sku, price=amount, **more)


@pytest.mark.parametrize(
    ("message", "spent"),
    [
        ([listing("1h", 1), listing("2h", 2), listing("3h", 3)], ["1h", "2h"]),
        ([listing("1h", 1, site="ID"), listing("2h", 2), listing("3h", 3)], ["2h"]),
        ([price("1h", "9"), price("2h", "8"), price("3h", "7", "B")], ["1h"]),
        ([price("1h", "9", starts_at="2026-01-01T04:00:00Z"), price("2h", "8")], ["2h"]),
        ([price("1h", "9"), price("2h", "8", starts_at="2099-01-01T00:00:00Z")], []),
    ],
    ids=["levels", "the site", "each SKU", "a price that holds later", "a price that does not hold yet"],
)
def test_the_last_word_on_a_level_holds_however_old_it_is(message: list[TimedEvent], spent: list[str]):
    known = facts(*message)
    gone = [known.get(*each).at_ms for each in known.spent(ms("9h") + KEPT_MS, {})]
    assert sorted(gone) == [ms(at) for at in spent]


def test_what_is_put_back_is_what_was_there():
    known, again = facts(violation("1h"), stock("1h", 5)), ShopFacts()
    for name in ("violation.recorded", "stock.level"):
        [entry] = known.of(name)
        about = () if name == "violation.recorded" else ("A",)
        again.put(name, (*about, entry.source, entry.id), decode(name, encode(entry)))
        assert again.of(name) == known.of(name)
        again.put(name, (*about, entry.source, entry.id), None)
        assert again.of(name) == []


@pytest.mark.parametrize("type_", list(KINDS), ids=lambda type_: type_.__name__)
def test_every_kind_survives_its_way_to_the_changelog_and_back(type_):
    data = {"on_hand": 3} if type_.__name__ == "StockLevel" else {}
    data |= {
        "amount": "1.50",
        "score": "4.5",
        "value": "2",
        "price": "9.99",
        "starts_at": ms("5h") + DAY_MS,
        "sku": "A",
    }
    happened, at_ms = event(KINDS[type_].name, "7", "1h", **data)
    known = ShopFacts()
    known.merge(KINDS[type_], happened, at_ms, at_ms)
    [entry] = known.of(KINDS[type_].name)
    assert decode(KINDS[type_].name, encode(entry)) == entry
