"""A shop that no rule watches: an alert like any other says so, as having none would look as if all were well."""

from rules.engine.engine import Engine
from rules.engine.restore import restore_alert, restore_order
from rules.kinds.unwatched import UNWATCHED
from rules.messages.alerts import Alert, decode, encode
from rules.plan.rule_book import RuleBook
from tests.rules.history import START_MS, event, pack_file, placed

JOOM, SHOPEE = pack_file("rules/packs/joom.yaml"), pack_file("rules/packs/shopee.yaml")


def engine(*packs: object, says: bool = True) -> Engine:
    return Engine(RuleBook(packs, says_unwatched=says), stepping=True)  # type: ignore[arg-type]


def lived(one: Engine, *events: object) -> list[Alert]:
    for timed in events:
        one.apply(*timed)  # type: ignore[misc]
    one.advance(max(one.clock_ms, START_MS))
    return one.drain().alerts


def test_a_shop_of_a_platform_without_a_pack_has_an_alert() -> None:
    (alert,) = lived(engine(JOOM), placed(platform="JOOM"), placed(platform="joom"))
    assert (alert.id, alert.type) == ("shipclock.unwatched:JOOM/s1:-:-/1", "alert.opened")
    data = alert.data
    assert (data.rule, data.severity, data.stage, data.reason) == (UNWATCHED.id, "warning", "crossed", "happened")
    assert data.summary.startswith("No rule watches JOOM/s1")
    assert decode(encode(alert)) == alert


def test_it_is_said_once_whatever_comes_of_the_shop() -> None:
    one = engine(JOOM)
    assert len(lived(one, placed(platform="etsyy"))) == 1
    assert lived(one, placed("2", platform="etsyy"), event("rating.updated", platform="etsyy", score=3)) == []


def test_it_ends_after_a_restart_with_a_pack_for_the_platform() -> None:
    before = lived(engine(), placed())
    watched = engine(JOOM)
    for alert in before:
        restore_alert(watched, alert)
    (ended,) = lived(watched, placed())
    assert (ended.type, ended.data.revision, ended.data.reason) == ("alert.resolved", 2, "no_longer_applies")


def test_it_stays_as_it_is_after_a_restart_without_one() -> None:
    before = lived(engine(JOOM), placed(platform="etsyy"))
    again = engine(JOOM)
    for alert in before:
        restore_alert(again, alert)
    restore_order(again, "etsyy", "s1", "1", None)
    assert lived(again, placed(platform="etsyy")) == []


def test_a_shop_is_unwatched_until_its_site_is_known_where_all_rules_are_of_sites() -> None:
    of_taiwan = [rule for rule in SHOPEE.rules if rule.sites and "TW" in rule.sites]
    assert of_taiwan
    here = pack_file("rules/packs/shopee.yaml")
    here.rules = of_taiwan  # type: ignore[assignment]
    here.tests = []
    one = engine(here)
    assert [alert.type for alert in lived(one, placed(platform="shopee"))] == ["alert.opened"]
    (ended,) = lived(one, event("shop.profile", platform="shopee", site="TW"))
    assert (ended.type, ended.data.reason) == ("alert.resolved", "no_longer_applies")


def test_replay_and_pack_tests_have_no_such_alert() -> None:
    assert lived(engine(JOOM, says=False), placed(platform="etsyy")) == []
