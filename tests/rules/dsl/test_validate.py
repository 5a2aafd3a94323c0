"""Packs that contradict themselves are refused, with the file, the line and a hint."""

from typing import Any

import pytest

from rules.dsl.reader import parse
from rules.dsl.yaml_source import BadPack
from tests.rules.history import late_ship, pack, rule

SITES = {"ID": {"zone": "Asia/Jakarta"}, "TW": {"zone": "Asia/Taipei"}}


def refusal(*rules: Any, **others: Any) -> str:
    with pytest.raises(BadPack) as bad:
        pack(*rules, **others)
    return str(bad.value)


def ratio(**parts: Any) -> Any:
    return rule("ratio", "share", **{"numerator": "cancelled", "threshold": "5%", **parts})


def tiered(*tiers: Any, **parts: Any) -> Any:
    names = tuple(tier["name"] for tier in tiers)
    return rule("ratio", "share", stages=names, numerator="cancelled", tiers=tiers, **parts)


def weekly(**parts: Any) -> Any:
    tiers = [{"name": "failing", "share": "10%"}]
    written = {"numerator": "cancelled", "tiers": tiers, "every": "week", **parts}
    return rule("ratio", "rate", stages=("near", "failing"), **written)


def ledger(*feeds: Any, **parts: Any) -> Any:
    stages = ("active",) if "tiers" in parts else ()
    feeds = feeds or ({"clause": "own-1", "of": [{"violation": ["fake_orders"]}], "points": 1},)
    return rule("ledger", "points", stages=stages, **{"ledger": "points", "feeds": feeds, **parts})


def feed(**parts: Any) -> Any:
    return ledger({"clause": "own-1", "of": [{"violation": ["fake_orders"]}], "points": 1, **parts})


def version(**parts: Any) -> Any:
    return {"source": "elsewhere", "confidence": "ours", "set": {"within": "48h"}, **parts}


WHERE = """\
platform: joom
zone: UTC
sites:
  ID:
    zone: Asia/Jakarta
rules:
  - id: joom.share
    clause: joom-3
    kind: ratio
    source: a test
    confidence: ours
    numerator: cancelled
    window:
      length: 30d
    tiers:
      - {name: a, share: 5%}
      - {name: b, share: 9%}
    severity: {a: info, b: info}
    summary: {a: "-", b: "-"}
    versions:
      - sites: [ID]
        source: a test
        confidence: ours
        set: {window: {length: 7d}}
      - sites: [ID]
        effective_from: "2026-01-01"
        source: a test
        confidence: ours
        set: {at_least: 5}
  - id: joom.points
    clause: joom-2
    kind: ledger
    source: a test
    confidence: ours
    ledger: points
    feeds:
      - clause: joom-2
        of: [{violation: [fake_orders]}]
        points: 3
        caps:
          week: 3
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("zone: UTC", "zone: Mars/Base", 2, "Mars/Base is no time zone; write it like Asia/Shanghai"),
        ("Asia/Jakarta", "Asia/Jakata", 5, "Asia/Jakata is no time zone; write it like Asia/Shanghai"),
        ("clause: joom-3", "clause: joom-14", 8, "joom-14 is no clause of joom; a rule of your own cites own-…"),
        ("- clause: joom-2", "- clause: sho-3", 37, "sho-3 is no clause of joom; a rule of your own cites own-…"),
        ("length: 30d", "length: 500d", 13, "reaches further back than the 400 days"),
        ("share: 9%", "share: 4%", 17, "tiers are out of order: b must ask for more than a"),
        ("numerator: cancelled", "numerator: cancelled\n    colour: red", 13, "unknown field `colour`; is it misspelt"),
        ("set: {at_least: 5}", "set: {colour: 5}", 29, "unknown field `colour`"),
        ("set: {at_least: 5}", "set: {at_least: 1}", 29, "changes nothing"),
        ("set: {at_least: 5}", "set: {window: {length: 9d}}", 25, "overlaps with the version at x.yaml:21"),
        ('"2026-01-01"', '"2026-13-01"', 26, "is no date; write it like 2024-01-01"),
        ("- sites: [ID]\n        eff", "- sites: [SG]\n        eff", 25, "SG is no site of this pack; they are ID"),
        ("week: 3", "week: 2", 41, "a cap of 2 a week is below the 3 points of a single time"),
    ],
)
def test_a_contradiction_is_told_at_its_line_with_a_hint(old: str, new: str, line: int, message: str) -> None:
    parse(WHERE, "x.yaml")
    with pytest.raises(BadPack) as bad:
        parse(WHERE.replace(old, new, 1), "x.yaml")
    found = [str(each) for each in bad.value.diagnostics]
    assert any(each.startswith(f"x.yaml:{line}: ") and message in each for each in found), found


def test_versions_that_take_turns_or_are_of_other_sites_do_not_overlap():
    turns = [version(effective_to="2024-01-01"), version(effective_from="2024-01-01", set={"within": "24h"})]
    pack(late_ship(versions=turns))
    pack(late_ship(versions=[version(sites=["ID"]), version(sites=["TW"], set={"within": "24h"})]), sites=SITES)
    pack(late_ship(versions=[version(sites=["ID"]), version(shops=["s1"], set={"within": "24h"})]), sites=SITES)


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ([version(), version(set={"within": "24h"})], "overlaps with the version at test.yaml:1"),
        ([version(effective_to="2024-02-01"), version(effective_from="2024-01-31", set={"within": "24h"})], "overlaps"),
        ([version(sites=["ID", "TW"]), version(sites=["TW"], set={"within": "24h"})], "overlaps"),
        ([version(effective_from="2024-02-01", effective_to="2024-02-01")], "must lie after 2024-02-01"),
        ([version(set={"within": "soon"})], "'soon' is no length of time"),
        ([version(set={"id": "joom.other"})], "id can't be set for a part of the shops"),
        ([version(set={"within": "0h"})], "must be longer than nothing"),
    ],
)
def test_versions_that_contradict_each_other_are_refused(versions, message):
    assert message in refusal(late_ship(versions=versions), sites=SITES)


def test_a_kind_that_can_not_take_turns_by_date_says_so():
    later = {"source": "x", "confidence": "ours", "effective_from": "2024-01-01", "set": {"near": 4.6}}
    rating = rule("level", "rating", of="rating", below=4.3, near=4.5)
    assert "can't take turns by date" in refusal({**rating, "versions": [later]})
    assert "this kind can't be limited to a time" in refusal({**rating, "effective_to": "2024-01-01"})


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (tiered({"name": "a", "share": "9%"}, {"name": "b", "share": "5%"}), "b must ask for more than a"),
        (tiered({"name": "a", "share": "5%"}, {"name": "b", "share": "5%"}), "b must ask for more than a"),
        (tiered({"name": "a", "share": "90%"}, {"name": "b", "share": "95%"}, good=True), "b must ask for more than a"),
        (tiered({"name": "a"}), "neither share nor count"),
        (tiered({"name": "a", "count": 0}), "must be at least 1"),
        (tiered({"name": "a", "share": "5%"}, {"name": "a", "share": "9%"}), "a names more than one stage"),
        (ratio(tiers=[{"name": "a", "share": "5%"}]), "either tiers or a threshold"),
        (ratio(good=True, near="4%"), "must lie above threshold"),
        (ratio(window={"length": "400d"}), "further back than the 400 days"),
        (ratio(by="reason"), "`of` names the reasons"),
        (ratio(by="provider"), "goes with disputes"),
        (rule("ratio", "share", threshold="5%"), "either a numerator of orders or one of disputes"),
    ],
)
def test_a_ratio_that_contradicts_itself_is_refused(written, message):
    assert message in refusal(written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (feed(caps={"day": "0.5"}), "a cap of 0.5 a day is below the 1 points of a single time"),
        (feed(severe_points=2, caps={"week": 1}), "a cap of 1 a week is below the 2 points"),
        (feed(caps={"month": 9}), "month"),
        (feed(points=None), "goes with `of`"),
        (feed(of=[{"violation": ["fake_orders"], "missed": "joom.late"}]), "exactly one of"),
        (feed(of=[{"violation": ["fake_orders"], "at": "shipped"}]), "goes with `at`"),
        (feed(of=[{"missed": "joom.nobody"}]), "joom.nobody is no deadline rule of this pack"),
        (feed(of=[{"crossed": "joom.nobody"}]), "joom.nobody is no level or count of this pack"),
        (ledger({"clause": "own-1", "computed": "joom.nobody", "points_of": {"a": 1}}), "is no ratio of this pack"),
        (
            ledger({"clause": "own-1", "reported": True, "caps": {"day": 1}}),
            "caps, free and severe_points go with `of`",
        ),
        (ledger({"clause": "own-1"}), "exactly one of `of`, `computed` and `reported`"),
        (ledger(tiers=[{"name": "a", "at": 6}, {"name": "b", "at": 3}]), "b must lie above a"),
        (ledger(expires="90d", clears="month"), "points go in one way"),
        (ledger(unless=3), "goes with clears_after"),
        (ledger(near=1, severity={"near": "info"}), "said before a tier, and there are none"),
        (ledger(posts_before_clearing=True), "goes with clears"),
    ],
)
def test_a_ledger_that_contradicts_itself_is_refused(written, message):
    assert message in refusal(written)


def test_points_are_only_given_for_steps_that_a_ratio_has_and_computes():
    named = {"clause": "own-1", "computed": "joom.rate", "points_of": {"severe": 2}}
    assert "severe is no step of joom.rate" in refusal(weekly(), ledger(named))
    live = tiered({"name": "failing", "share": "10%"}, id="joom.rate")
    assert "it has no `every`" in refusal(live, ledger(named | {"points_of": {"failing": 2}}))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"ends": "day"}, "ends goes with working days (2bd)"),
        ({"cutoff": "14:00"}, "cutoff goes with working days (2bd)"),
        ({"week": "mon-sat"}, "week goes with working days (2bd)"),
        ({"within": "2bd", "calendar": "ID", "ends": "week"}, "Invalid enum value 'week'"),
        ({"within": "2bd", "calendar": "ID", "cutoff": "2pm"}, "'2pm' is no time of day; write it like \"14:00\""),
        (
            {"within": "2bd", "calendar": "ID", "week": "weekdays"},
            "'weekdays' is no working week; write it like mon-sat",
        ),
    ],
)
def test_how_working_days_are_counted_is_refused_where_it_means_nothing(parts, message):
    assert message in refusal(late_ship(**parts))


def test_working_days_of_some_sites_want_the_calendars_of_these():
    sites = {"ID": {"zone": "Asia/Jakarta", "calendar": "ID"}, "TW": {"zone": "Asia/Taipei"}}
    in_working_days = {"within": "2bd", "ends": "day"}
    pack(late_ship(versions=[version(sites=["ID"], set=in_working_days)]), sites=sites)
    pack(late_ship(sites=["ID"], **in_working_days), sites=sites)
    assert "need a calendar" in refusal(
        late_ship(versions=[version(sites=["ID", "TW"], set=in_working_days)]), sites=sites
    )
    assert "need a calendar" in refusal(late_ship(sites=["TW"], **in_working_days), sites=sites)


CUTOFF = """\
platform: joom
zone: Asia/Jakarta
calendar: ID
rules:
  - id: joom.late
    clause: joom-1
    kind: deadline
    source: a test
    confidence: ours
    from: placed
    until: [shipped]
    within: 2bd
    ends: day
    week: mon-sat
    cutoff: "14:00"
    severity: {overdue: critical}
    summary: {overdue: "-"}
"""


def test_a_cut_off_that_yaml_takes_for_a_number_is_told_of_at_its_line():
    parse(CUTOFF, "joom.yaml")
    with pytest.raises(BadPack) as bad:
        parse(CUTOFF.replace('"14:00"', "14:00"), "joom.yaml")
    assert str(bad.value) == 'joom.yaml:15: write it in quotes, like "14:00": YAML takes it for a number otherwise'


def test_how_working_days_are_counted_is_no_use_to_hours():
    with pytest.raises(BadPack) as bad:
        parse(CUTOFF.replace("2bd", "48h"), "joom.yaml")
    assert str(bad.value).splitlines() == [
        f"joom.yaml:{line}: joom.late: {name} goes with working days (2bd)"
        for line, name in ((14, "week"), (15, "cutoff"), (13, "ends"))
    ]


def test_what_silence_was_at_a_border_can_not_be_computed():
    silence = rule("silence", "quiet", after=["news"], until=["delivered"], within="24h")
    pack(silence, ratio(numerator={"late": "joom.quiet"}))
    assert "no silence" in refusal(silence, weekly(numerator={"late": "joom.quiet"}))


def test_rules_that_depend_on_each_other_in_a_circle_are_refused():
    one = late_ship(id="joom.one", **{"from": {"due": "joom.other"}})
    other = late_ship(id="joom.other", **{"from": {"due": "joom.one"}})
    assert "joom.one: depends on itself" in refusal(one, other)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (rule("level", "it", of="rating"), "one of below, above and tiers"),
        (rule("level", "it", of="rating", below=4, above=5), "one of below, above and tiers"),
        (rule("level", "it", of="rating", below=4.5, near=4.3), "must come before the level itself"),
        (rule("level", "it", of="rating", below=4.5, velocity="7d"), "goes with a SKU's stock"),
        (rule("level", "it", of="stock_cover", below=3, velocity="36h"), "must be whole days"),
        (rule("level", "it", of="reorder_point", velocity="7d", safety="3d"), "goes with a reorder point"),
        (rule("level", "it", of="points", below=3), "names the rule whose points are looked at"),
        (rule("event", "it", stages=("crossed",), of={"violation": ["x"]}), "either shown for a time"),
        (rule("spacing", "it", stages=("due_soon", "overdue"), price_holds="0d"), "longer than nothing"),
        (rule("route", "it", stages=(), lines={}), "names no state of a carrier"),
        (rule("streak", "it", stages=("near", "crossed", "top"), of="joom.x", times=1, reached="top"), "at least 2"),
        (rule("streak", "it", stages=("near", "crossed", "top"), of="joom.x", times=3, reached="top"), "is no ratio"),
    ],
)
def test_other_kinds_that_contradict_themselves_are_refused(written, message):
    assert message in refusal(written)


COUNTED = rule("count", "marks", of={"missed": "joom.late"}, threshold=2, sanction={"name": "stop", "lasts": "1d"})
PREORDERS = rule("level", "preorders", of="preorder_share", above="0.1")
ONCE = rule("event", "once", stages=("crossed",), of={"crossed": "joom.preorders"}, lasts="9d")


@pytest.mark.parametrize(
    ("named", "naming"),
    [
        (late_ship(), COUNTED),
        (late_ship(), ratio(numerator={"late": "joom.late"})),
        (late_ship(), ratio(anchor={"due": "joom.late"})),
        (late_ship(), late_ship(id="joom.closure", **{"from": {"due": "joom.late"}})),
        (PREORDERS, ONCE),
        (PREORDERS, feed(of=[{"crossed": "joom.preorders"}])),
        (ledger(), rule("level", "it", of="points", above=1, ledger="joom.points")),
        (
            ratio(good=True, every="quarter", window={"align": "quarter"}),
            rule("streak", "it", stages=("near", "crossed", "top"), of="joom.share", times=2, reached="top"),
        ),
    ],
)
def test_a_rule_can_only_name_those_that_all_of_its_shops_have(named, naming):
    """The plan of a shop that hasn't the other one couldn't be made."""
    message = f"{named['id']} is only for the sites ID: limit this to them, too"
    limited = {**named, "sites": ["ID"]}
    assert message in refusal(limited, naming, sites=SITES)
    assert message in refusal(limited, {**naming, "sites": ["ID", "TW"]}, sites=SITES)
    assert "only for the programmes mall" in refusal({**named, "programmes": ["mall"]}, naming)
    pack({**named, "sites": ["ID", "TW"]}, {**naming, "sites": ["ID"]}, sites=SITES)


def test_a_feed_can_be_limited_to_the_shops_that_have_what_it_counts():
    crossed = {"clause": "own-1", "of": [{"crossed": "joom.preorders"}], "points": 1}
    pack({**PREORDERS, "sites": ["ID"]}, ledger({**crossed, "sites": ["ID"]}), sites=SITES)
    computed = {"clause": "own-1", "computed": "joom.rate", "points_of": {"failing": 2}}
    pack({**weekly(), "sites": ["ID"]}, ledger(computed), sites=SITES)


@pytest.mark.parametrize(
    "written",
    [
        rule("level", "preorders", of="rating", below="4.5"),
        rule("level", "preorders", of="stock_cover", below=3, velocity="7d"),
        rule("count", "preorders", of={"violation": ["x"]}, threshold=2, sanction={"name": "stop", "lasts": "1d"}),
    ],
)
def test_only_what_has_crossings_can_be_counted_by_them(written):
    assert "joom.preorders has no crossings" in refusal(written, ONCE)
