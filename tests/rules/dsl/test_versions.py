"""Which version of a rule holds: by site, programme, shop and date."""

from tests.rules.history import book, brief, by_order, emitted_of, event, late_ship, placed, rule, shipped, stood

SITES = {"ID": {"zone": "Asia/Jakarta"}, "TW": {"zone": "Asia/Taipei"}}


def version(within: str, **where):
    return {"source": "elsewhere", "confidence": "ours", "set": {"within": within}, **where}


def profile(at="0h", **data):
    return event("shop.profile", None, at, **data)


def due(rules, *events):
    return [line.split()[0] for line in brief(emitted_of("late", rules, list(events), "300h"))]


def test_the_version_of_the_shops_site_holds():
    rules = book(late_ship(versions=[version("48h", sites=["ID"])]), sites=SITES)
    assert due(rules, profile(site="ID"), placed()) == ["48h"]
    assert due(rules, profile(site="TW"), placed()) == due(rules, placed()) == ["72h"]


def test_a_shop_beats_its_programme_and_that_its_site():
    versions = [version("48h", sites=["ID"]), version("24h", programmes=["plus"]), version("12h", shops=["s1"])]
    rules = book(late_ship(versions=versions), sites=SITES)
    assert due(rules, profile(site="ID", programme="plus"), placed()) == ["12h"]
    other = [profile(site="ID", programme="plus", shop="s2"), placed(shop="s2")]
    assert due(rules, *other) == ["24h"]


def test_a_profile_told_late_has_all_orders_judged_anew():
    rules = book(late_ship(versions=[version("48h", sites=["ID"])]), sites=SITES)
    assert brief(emitted_of("late", rules, [placed(), profile("50h", site="ID")])) == [
        "50h opened overdue deadline_passed"
    ]


def test_versions_take_turns_on_their_date_by_when_an_order_was_placed():
    rules = book(late_ship(versions=[version("48h", effective_from="2026-01-03")]))
    events = [placed("old", "2026-01-02T23:59:59Z"), placed("new", "2026-01-03T00:00:00Z")]
    assert by_order(emitted_of("late", rules, events, "300h")) == [
        ("new", "96h opened overdue deadline_passed"),
        ("old", "120h opened overdue deadline_passed"),
    ]


def test_versions_that_are_of_one_mind_about_an_order_say_it_once():
    later = {**version("48h", effective_from="2026-01-02"), "set": {"from": "shipped", "within": "48h"}}
    rules = book(late_ship(until=["delivered"], versions=[later]))
    assert due(rules, placed(), shipped("1", "24h")) == ["72h"]


def test_a_date_begins_at_midnight_in_the_sites_own_zone():
    rules = book(late_ship(versions=[version("48h", effective_from="2026-01-03")]), sites=SITES)
    assert due(rules, profile(site="TW"), placed("1", "2026-01-02T15:59:59Z")) == ["112h"]
    assert due(rules, profile(site="TW"), placed("1", "2026-01-02T16:00:00Z")) == ["88h"]


def test_a_rule_that_is_only_for_some_sites_ends_what_it_said_when_the_shop_moves():
    violations = rule(
        "event", "abuse", stages=("active",), of={"violation": ["abusive_chat"]}, sanction={"name": "frozen"}
    )
    rules = book(late_ship(), {**violations, "sites": ["TW"]}, sites=SITES)
    chat = event("violation.recorded", None, "1h", kind="abusive_chat")
    assert emitted_of("abuse", rules, [profile(site="ID"), chat]) == []
    alerts = emitted_of("abuse", rules, [profile(site="TW"), chat, profile("5h", site="ID")])
    assert brief(alerts) == ["1h opened active sanction_started", "5h resolved active no_longer_applies"]


def test_an_order_rule_that_is_only_for_some_sites_ends_too():
    rules = book({**late_ship(), "sites": ["TW"]}, sites=SITES)
    alerts = emitted_of("late", rules, [profile(site="TW"), placed(), profile("80h", site="ID")])
    assert brief(alerts) == ["72h opened overdue deadline_passed", "80h resolved overdue no_longer_applies"]


def test_two_versions_of_a_ratio_switch_on_their_date():
    older = {"source": "x", "confidence": "ours", "effective_to": "2026-01-03", "set": {"threshold": "50%"}}
    share = rule("ratio", "share", numerator={"late": "joom.late"}, threshold="10%", versions=[older])
    rules = book(late_ship(within="24h"), share)
    events = [placed(str(n)) for n in range(4)] + [event("order.shipped", str(n), "1h") for n in range(3)]
    assert brief(emitted_of("share", rules, events, "100h")) == ["48h opened crossed threshold_crossed"]
    assert stood(rules, events, "47h")["metrics"]["own-share"]["threshold"] == 0.5
    assert stood(rules, events, "48h")["metrics"]["own-share"]["threshold"] == 0.1


def test_what_came_up_under_a_former_version_ends_with_its_reason_and_evidence():
    later = version("1h", effective_from="2026-01-02") | {"set": {"lasts": "48h"}}
    fakes = rule(
        "event", "fakes", stages=("crossed",), of={"violation": ["fake_orders"]}, lasts="72h", versions=[later]
    )
    recorded = event("violation.recorded", None, "1h", kind="fake_orders")
    opened, resolved = emitted_of("fakes", book(fakes), [recorded], "100h")
    assert brief([opened, resolved]) == ["1h opened crossed happened", "73h resolved crossed period_ended"]
    assert resolved.data.evidence == opened.data.evidence
