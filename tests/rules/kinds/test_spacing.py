"""A price must have held for ten days before its product joins a promotion."""

from tests.rules.history import book, brief, emitted_of, event, ms, rule, tick

RULES = book(rule("spacing", "hold", stages=("due_soon", "overdue"), price_holds="10d"))


def price(at, amount="10", sku="A", **more):
    return event("price.changed", None, at, sku=sku, price=amount, **more)


def promotion(at, starts, sku="A"):
    return event("promotion.scheduled", None, at, sku=sku, price="9", starts_at=ms(starts))


def emitted(*events, until="500h"):
    return emitted_of("hold", RULES, list(events), until)


def test_a_promotion_scheduled_too_soon_is_told_at_once_then_as_begun_until_the_price_has_held():
    alerts = emitted(price("0h"), promotion("1h", "100h"))
    assert brief(alerts) == [
        "1h opened due_soon deadline_near",
        "100h updated overdue deadline_passed",
        "240h resolved overdue period_ended",
    ]
    assert alerts[0].data.evidence["price_held_at"] == "2026-01-11T00:00:00Z"


def test_ten_days_to_the_instant_are_enough():
    assert emitted(price("0h"), promotion("1h", "240h")) == []


def test_a_price_that_starts_later_counts_from_its_start():
    assert brief(emitted(price("0h", starts_at=ms("24h")), promotion("1h", "240h")))[:1] == [
        "1h opened due_soon deadline_near"
    ]


def test_a_promotion_that_is_moved_out_ends_it():
    alerts = emitted(price("0h"), promotion("1h", "100h"), promotion("2h", "300h"))
    assert brief(alerts) == ["1h opened due_soon deadline_near", "2h resolved due_soon deadline_moved"]


def test_the_newest_word_on_a_promotion_counts_whichever_comes_first():
    assert emitted(price("0h"), promotion("2h", "300h"), promotion("1h", "100h")) == []


def test_a_price_change_after_the_promotion_was_scheduled_disturbs_it():
    alerts = emitted(price("0h"), promotion("1h", "300h"), price("200h", "11"))
    assert brief(alerts)[0] == "200h opened due_soon deadline_near"


def test_the_price_of_another_product_disturbs_nothing():
    assert emitted(price("0h", sku="B"), promotion("1h", "100h")) == []


def test_a_price_change_heard_of_late_is_held_against_what_was_scheduled():
    assert brief(emitted(promotion("1h", "100h"), tick("5h"), price("0h"), until="6h")) == [
        "5h opened due_soon deadline_near"
    ]
