"""The API over views made by hand."""

from typing import Any
from urllib.parse import quote

import pytest

from streams.web import paging
from streams.web.sse import stream
from tests.runtime.support import START_MS
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import alert, alert_id, feed_health, standing


def names(alerts: list[Any]) -> list[str]:
    return [each["order"] for each in alerts]


# -- shops ---------------------------------------------------------------------------------------------------


async def test_shops_come_by_name_a_page_at_a_time(api: Api) -> None:
    api.log.standings(*(standing(f"s{n}") for n in (3, 1, 2)), standing("s9", "douyin"))
    pages = await api.pages("/api/shops?limit=3")
    assert [[f"{each['platform']}/{each['shop']}" for each in page] for page in pages] == [
        ["douyin/s9", "joom/s1", "joom/s2"],
        ["joom/s3"],
    ]


async def test_one_shop_is_found_whatever_its_name(api: Api) -> None:
    api.log.standings(standing("北京/一号 店?"), standing())
    assert (await api.get("/api/shops/joom/s17"))["shop"] == "s17"
    for path in ("北京/一号%20店%3F", "%E5%8C%97%E4%BA%AC%2F%E4%B8%80%E5%8F%B7%20%E5%BA%97%3F"):
        assert (await api.get(f"/api/shops/joom/{path}"))["shop"] == "北京/一号 店?"
    assert await api.problem("/api/shops/joom/s18") == (404, "no shop joom/s18 has been heard of")


async def test_about_tells_the_clock_and_how_far_it_has_come(api: Api) -> None:
    assert (await api.get("/api/about"))["at"] is None
    api.log.standings(standing())
    answer = await api.get("/api/about")
    assert (answer["clock"], answer["at"]) == ("event", "2026-01-01T00:00:00Z")


async def test_about_tells_since_when_kafka_has_not_answered(api: Api) -> None:
    assert (await api.get("/api/about"))["kafka_away_since"] is None
    api.away_since_ms = START_MS
    assert (await api.get("/api/about"))["kafka_away_since"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("shop", ["a\nb", "a\n", "a\u2028b\x00", "\u202e", "%2F", "a/../b", "?#;"])
async def test_a_shop_and_its_alerts_are_reached_whatever_characters_are_in_its_name(api: Api, shop: str) -> None:
    api.log.standings(standing(shop))
    api.log.alerts(alert(shop=shop))
    assert (await api.get(f"/api/shops/joom/{quote(shop, safe='')}"))["shop"] == shop
    path = f"/api/alerts/{quote(alert_id('1', shop), safe='')}"
    assert (await api.get(path))["shop"] == shop
    for method in ("POST", "DELETE"):
        answer = await api.client.request(method, f"{path}/mute", **({"json": {}} if method == "POST" else {}))
        assert (answer.status_code, answer.json()["shop"]) == (200, shop)


async def test_a_slash_in_a_platform_is_told_from_the_one_that_ends_it(api: Api) -> None:
    api.log.standings(standing("y", "joom/x"), standing("x/y"))
    assert (await api.get("/api/shops/joom%2Fx/y"))["platform"] == "joom/x"
    assert (await api.get("/api/shops/joom/x%2Fy"))["platform"] == "joom"
    assert (await api.get("/api/shops/joom%2Fx%2Fy"))["platform"] == "joom"


# -- feeds ---------------------------------------------------------------------------------------------------


async def test_a_shop_tells_whether_its_feed_is_healthy_late_or_silent_and_since_when(api: Api) -> None:
    api.log.standings(standing(), standing("s18"), standing("s19"), standing("s20"))
    api.log.feed_health(
        feed_health(late_ms=START_MS + 1, silent_ms=START_MS + 2),
        feed_health(START_MS - 5_000, shop="s18", late_ms=START_MS, silent_ms=START_MS + 1),
        feed_health(None, shop="s19", late_ms=START_MS - 1, silent_ms=START_MS),
    )
    shops = (await api.get("/api/shops"))["items"]
    assert [each["feed"] and (each["feed"]["state"], each["feed"]["since"]) for each in shops] == [
        ("healthy", None),
        ("late", "2025-12-31T23:59:55Z"),
        ("silent", None),
        None,
    ]
    one = await api.get("/api/shops/joom/s18")
    assert one == shops[1]
    assert one["feed"]["feeds"] == [
        {
            "source": "joom",
            "app": "main",
            "by": "poll",
            "state": "late",
            "heard_at": "2025-12-31T23:59:55Z",
            "late_at": "2026-01-01T00:00:00Z",
            "silent_at": "2026-01-01T00:00:00.001Z",
        }
    ]


async def test_the_line_tells_of_a_shop_when_its_feed_was_heard_of(api: Api) -> None:
    view = api.log.view
    api.log.standings(standing())
    frames = stream(view, view.feed.listen(), None)
    await anext(frames)
    api.log.feed_health(feed_health(late_ms=START_MS, silent_ms=START_MS + 1))
    found = (await anext(frames)).decode()
    assert found.count("event: shop") == 1
    assert '"feed":{"state":"late"' in found


async def test_a_shop_that_should_be_heard_of_and_never_was_is_there_all_the_same(api: Api) -> None:
    api.log.standings(standing())
    api.log.feed_health(feed_health(None, shop="never", late_ms=START_MS - 1, silent_ms=START_MS))
    pages = await api.pages("/api/shops?limit=1")
    assert [(each["shop"], each["at"] is None) for page in pages for each in page] == [("never", True), ("s17", False)]
    never = await api.get("/api/shops/joom/never")
    assert never.keys() == (await api.get("/api/shops/joom/s17")).keys()
    assert (never["feed"]["state"], never["open_alerts"]) == ("silent", 0)
    assert (await api.get("/api/due"))["items"] == []
    api.log.view.feeds.apply(feed_health(shop="never", late_ms=0, silent_ms=0).key(), None)
    assert (await api.problem("/api/shops/joom/never"))[0] == 404


# -- alerts --------------------------------------------------------------------------------------------------


async def test_alerts_are_filtered_by_platform_shop_severity_and_state(api: Api) -> None:
    api.log.alerts(
        alert("1"),
        alert("2", shop="s18"),
        alert("3", platform="douyin"),
        alert("4", severity="critical"),
        alert("5", state="resolved"),
    )
    for query, found in (
        ("", ["4", "3", "1", "2", "5"]),
        ("?platform=douyin", ["3"]),
        ("?platform=joom&shop=s17", ["4", "1", "5"]),
        ("?severity=critical", ["4"]),
        ("?state=resolved", ["5"]),
        ("?state=open&severity=warning", ["3", "1", "2"]),
        ("?platform=ozon", []),
    ):
        assert names((await api.get(f"/api/alerts{query}"))["items"]) == found, query


async def test_a_long_list_is_read_to_its_end_without_a_gap_while_it_changes(api: Api) -> None:
    api.log.alerts(*(alert(str(n)) for n in range(10)))
    first = await api.get("/api/alerts?limit=4&platform=joom")
    assert first["next"].startswith("/api/alerts?limit=4&platform=joom&after=")
    api.log.alerts(alert("new", 1, severity="critical"))
    rest = [each for page in await api.pages(first["next"]) for each in page]
    assert sorted(names(first["items"] + rest)) == [str(n) for n in range(10)]


async def test_a_list_is_looked_through_in_slices(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "AT_ONCE", 3)
    api.log.alerts(*(alert(f"{n:02}") for n in range(20)))
    pages = await api.pages("/api/alerts?limit=7")
    assert [len(page) for page in pages] == [7, 7, 6]
    assert names([each for page in pages for each in page]) == [f"{n:02}" for n in range(20)]


async def test_an_alert_comes_with_its_trail_by_its_id_plain_or_encoded(api: Api) -> None:
    api.log.alerts(alert("1"), alert("1", 2, stage="overdue", severity="critical"))
    for path in (alert_id("1"), alert_id("1").replace("/", "%2F").replace(":", "%3A")):
        found = await api.get(f"/api/alerts/{path}")
        assert (found["data"]["revision"], found["acknowledged"], found["muted"]) == (2, None, None)
        assert [each["type"] for each in found["trail"]] == ["alert.opened", "alert.updated"]
    assert await api.problem("/api/alerts/a:b/c") == (404, "no alert a:b/c is at hand")


async def test_an_alert_of_a_name_with_a_separator_is_found_by_its_encoded_id(api: Api) -> None:
    """As the console asks for it: the id has `%2F` in it, so its own `%` is encoded in the path."""
    api.log.alerts(alert("A:1", shop="a/b"))
    assert alert_id("A:1", "a/b") == "late.ship:joom/a%2Fb:A%3A1:2026-01-04T00:00:00Z"
    found = await api.get(f"/api/alerts/{quote(alert_id('A:1', 'a/b'), safe='')}")
    assert (found["shop"], found["order"]) == ("a/b", "A:1")


# -- what rules and clauses are called -------------------------------------------------------------------------


async def test_rules_are_told_by_name_with_where_they_come_from(api: Api) -> None:
    answer = await api.get("/api/rules")
    (late,) = (rule for rule in answer["items"] if rule["rule"] == "joom.late_ship")
    assert (late["clause"], late["titles"]) == ("joom-1", {"en": "Shipped late", "zh": "逾时未发货"})
    assert late["texts"]["en"].startswith("An order that isn't marked as shipped within 72 hours")
    assert (late["source"][:11], late["confidence"], late["link"]) == ("article 000", "article", None)


async def test_a_clause_is_called_as_the_rule_whose_figures_stand_under_it(api: Api) -> None:
    clauses = (await api.get("/api/rules"))["clauses"]
    assert clauses["joom-6"]["en"] == "Share on Joom's logistics"  # not as its events, though they come first
    assert clauses["joom-4"]["en"] == "Not collected by the carrier"
    assert clauses["sho-3"] == {"en": "Points of the week", "zh": "周计分"}  # only a ledger's feed cites it
