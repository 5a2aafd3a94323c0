"""Groups of alerts over the API: what they come to, in which order, and what is said of all of one at once."""

import asyncio
from typing import Any

import pytest

from rules.calendar.instants import HOUR_MS, rfc3339
from streams.views import groups
from streams.views.acks import Ack, encode
from streams.web import group_api
from tests.runtime.support import START_MS
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import LATE, alert, alert_id, standing

S17 = {"platform": "joom", "shop": "s17", "rule": LATE}


def costing(amount: str | None = None, currency: str = "USD", points: float | None = None) -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "points": points, "ledger": points and "A"}


async def shops(api: Api, query: str = "") -> list[str]:
    return [each["shop"] for each in (await api.get(f"/api/groups{query}"))["items"]]


async def test_a_group_says_how_many_since_when_until_when_and_what_they_cost_together(api: Api) -> None:
    later = rfc3339(START_MS + HOUR_MS)
    api.log.alerts(
        alert("1", severity="critical", penalty=costing("10.50"), due_at="2026-01-05T00:00:00Z"),
        alert("2", penalty=costing("0.50", points=0.1), opened_at=later),
        alert("3", penalty=costing("700", "CNY", points=0.2)),
        alert("4", 2, state="resolved"),
    )
    (group,) = (await api.get("/api/groups"))["items"]
    assert {name: group[name] for name in ("platform", "shop", "rule")} == S17
    assert group["count"] == group["order_alerts"] == 3
    assert group["severities"] == {"critical": 1, "warning": 2}
    assert (group["oldest"], group["due_at"]) == ("2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z")
    assert group["money"] == [{"amount": "700", "currency": "CNY"}, {"amount": "11.00", "currency": "USD"}]
    assert group["points"] == {"A": pytest.approx(0.3)}
    assert group["worst"]["order"] == "3"
    assert (group["acknowledged"], group["muted"], group["active"], group["until"]) == (0, 0, 0, None)


async def test_the_costliest_comes_first_whatever_its_severity(api: Api) -> None:
    api.log.alerts(
        *(alert(str(n), shop="many", severity="critical", penalty=costing(points=0.1)) for n in range(5)),
        alert(shop="money", penalty=costing("5000")),
        alert(shop="free", severity="critical"),
        alert(shop="sanction", stage="active", until="2026-02-01T00:00:00Z"),
    )
    assert await shops(api) == ["sanction", "money", "many", "free"]
    alerts = [each["shop"] for each in (await api.get("/api/alerts"))["items"]]
    assert list(dict.fromkeys(alerts)) == ["sanction", "money", "many", "free"]
    (first, *_) = (await api.get("/api/groups"))["items"]
    assert (first["active"], first["until"]) == (1, "2026-02-01T00:00:00Z")


async def test_a_sanction_for_good_lasts_longer_than_any_other(api: Api) -> None:
    api.log.alerts(alert("1", stage="active", until=None), alert("2", stage="active", until="2026-02-01T00:00:00Z"))
    (group,) = (await api.get("/api/groups"))["items"]
    assert (group["active"], group["until"]) == (2, None)


async def test_groups_are_sorted_as_asked_and_read_page_by_page(api: Api) -> None:
    api.log.alerts(
        alert("1", shop="old", opened_at="2025-12-01T00:00:00Z", due_at=None),
        alert("1", shop="next", due_at="2026-01-01T12:00:00Z"),
        alert("1", shop="two", penalty=costing("5")),
        alert("2", shop="two", penalty=costing("5")),
    )
    assert (await shops(api, "?sort=oldest"))[0] == "old"
    assert (await shops(api, "?sort=due"))[0] == "next"
    assert (await shops(api, "?sort=due"))[-1] == "old"
    assert (await shops(api, "?sort=count"))[0] == "two"
    paged = [each["shop"] for page in await api.pages("/api/groups?limit=1") for each in page]
    assert paged == await shops(api)
    status, why = await api.problem("/api/groups?sort=colour")
    assert (status, why) == (400, "in the query: sort='colour' is none of: cost, count, oldest, due")


async def test_filters_leave_what_fits_and_count_only_that(api: Api) -> None:
    api.log.alerts(
        alert("77", severity="critical"), alert("78"), alert("1", shop="other"), alert("1", platform="ozon", shop="x")
    )
    assert await shops(api, "?platform=ozon") == ["x"]
    assert await shops(api, "?platform=joom&shop=other") == ["other"]
    assert await shops(api, "?rule=no.such") == []
    (group,) = (await api.get("/api/groups?severity=critical"))["items"]
    assert (group["shop"], group["count"]) == ("s17", 1)
    (group,) = (await api.get("/api/groups?q=ORDER%2078"))["items"]
    assert (group["count"], group["worst"]["order"]) == (1, "78")
    assert len(await shops(api, "?q=joom-1")) == 3
    found = (await api.get("/api/alerts?q=order%2077&rule=late.ship"))["items"]
    assert [each["order"] for each in found] == ["77"]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long (s) each pause was that let other tasks run."""
    found: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay_s: float) -> None:
        found.append(delay_s)
        await sleep(delay_s)

    monkeypatch.setattr(asyncio, "sleep", noted)
    return found


async def test_a_search_that_nothing_fits_lets_the_worker_do_other_things_in_between(
    api: Api, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(group_api, "AT_ONCE", 2)
    api.log.alerts(*(alert(shop=f"s{n}") for n in range(9)))
    assert await shops(api, "?q=nowhere") == []
    assert len(pauses) >= 3


@pytest.mark.parametrize("asks", ["/api/groups?q=nowhere", "/api/groups?severity=info", "/api/groups/mute"])
async def test_a_filter_over_one_huge_group_does_so_too(
    api: Api, monkeypatch: pytest.MonkeyPatch, pauses: list[float], asks: str
) -> None:
    monkeypatch.setattr(group_api, "AT_ONCE", 10)
    api.log.alerts(*(alert(str(n)) for n in range(100)))
    if asks.endswith("mute"):
        assert (await api.client.post(asks, json=S17 | {"severity": "info"})).status_code == 404
    else:
        assert (await api.get(asks))["items"] == []
    assert len(pauses) >= 10


async def test_a_group_is_acknowledged_and_that_is_taken_back(api: Api) -> None:
    api.log.alerts(alert("1"), alert("2"), alert("1", shop="other"))
    response = await api.client.post("/api/groups/acknowledge", json=S17 | {"comment": "on it", "by": "Li"})
    assert (response.status_code, response.json()) == (200, {"alerts": 2})
    groups = {each["shop"]: each["acknowledged"] for each in (await api.get("/api/groups"))["items"]}
    assert groups == {"s17": 2, "other": 0}
    (one, *_) = (await api.get("/api/alerts?shop=s17"))["items"]
    assert (one["acknowledged"]["by"], one["acknowledged"]["comment"]) == ("Li", "on it")
    assert (await api.client.post("/api/groups/unacknowledge", json=S17)).json() == {"alerts": 2}
    assert [each["acknowledged"] for each in (await api.get("/api/groups"))["items"]] == [0, 0]


async def test_what_somebody_else_has_said_of_an_alert_of_a_group_stays(api: Api) -> None:
    api.log.alerts(alert("1"), alert("2"))
    await api.client.post(f"/api/alerts/{alert_id('1')}/acknowledge", json={"by": "Ann", "comment": "mine"})
    response = await api.client.post("/api/groups/acknowledge", json=S17 | {"by": "Li"})
    assert response.json() == {"alerts": 1}
    items = (await api.get("/api/alerts?shop=s17"))["items"]
    assert {each["order"]: each["acknowledged"]["by"] for each in items} == {"1": "Ann", "2": "Li"}


async def test_a_muted_group_leaves_the_list_until_one_of_its_alerts_gets_worse(api: Api) -> None:
    api.log.standings(standing())
    api.log.alerts(alert("1"), alert("2"))
    await api.client.post("/api/groups/mute", json=S17)
    assert await shops(api) == []
    assert (await api.get("/api/alerts?muted=false"))["items"] == []
    nothing = {"critical": 0, "warning": 0, "info": 0, "usd": 0.0, "points": 0.0, "clauses": {}}
    assert (await api.get("/api/shops/joom/s17"))["alerts"] == nothing | {"muted": 2}
    (group,) = (await api.get("/api/groups?muted=true"))["items"]
    assert (group["count"], group["muted"]) == (2, 2)
    api.log.alerts(alert("2", 2, severity="critical"))
    (group,) = (await api.get("/api/groups"))["items"]
    assert (group["count"], group["muted"]) == (1, 1)
    assert (await api.client.post("/api/groups/unmute", json=S17)).json() == {"alerts": 2}
    (group,) = (await api.get("/api/groups"))["items"]
    assert (group["count"], group["muted"]) == (2, 0)


async def test_a_mute_with_an_end_ends_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.log.alerts(alert("1"))
    view, now_ms = api.log.view, START_MS
    monkeypatch.setattr(view, "_now_ms", lambda: now_ms)
    monkeypatch.setattr(view.groups, "_now_ms", lambda: now_ms)
    (held,) = view.alerts.open.values()
    until = rfc3339(START_MS + HOUR_MS)
    ack = Ack(alert=held.id, kind="muted", at=rfc3339(START_MS), until=until, seen_step=held.step())
    api.log.ack(ack.key(), encode(ack))
    assert await shops(api) == []
    now_ms += HOUR_MS
    assert await shops(api) == ["s17"]


async def test_what_is_said_of_a_group_as_filtered_is_said_of_what_was_seen(api: Api) -> None:
    api.log.alerts(alert("1", severity="critical"), alert("2"))
    response = await api.client.post("/api/groups/acknowledge", json=S17 | {"severity": "critical"})
    assert response.json() == {"alerts": 1}
    response = await api.client.post("/api/groups/acknowledge", json=S17 | {"q": "order 2"})
    assert response.json() == {"alerts": 1}


async def test_a_group_that_is_not_there_is_refused_in_one_line(api: Api) -> None:
    status, why = await api.problem("/api/groups/mute", "POST", json=S17)
    assert (status, why) == (404, "joom/s17 has no such open alerts of late.ship")
    status, why = await api.problem("/api/groups/mute", "POST", json={"platform": "joom"})
    assert status == 400
    api.log.alerts(alert())
    status, why = await api.problem("/api/groups/mute", "POST", json=S17 | {"untill": "2030-01-01T00:00:00Z"})
    assert (status, "untill" in why) == (400, True)
    status, why = await api.problem("/api/groups/mute", "POST", json=S17 | {"until": "2020-01-01T00:00:00Z"})
    assert (status, why) == (400, "in the body: `until` has passed already")


async def test_a_shop_tells_its_open_alerts_by_severity_and_the_worst_of_each_clause_about_itself(api: Api) -> None:
    api.log.standings(standing())
    ratio = alert("-", clause="joom-3", severity="critical", rule="joom.ratio")
    ratio = ratio.replace(b'"order": "-", ', b"")
    api.log.alerts(ratio, alert("1", penalty=costing("100", "CNY")), alert("2", severity="info"))
    answer = (await api.get("/api/shops/joom/s17"))["alerts"]
    assert {name: answer[name] for name in ("critical", "warning", "info", "muted")} == {
        "critical": 1, "warning": 1, "info": 1, "muted": 0,
    }  # fmt: skip
    assert (answer["clauses"], answer["usd"], answer["points"]) == ({"joom-3": "critical"}, pytest.approx(14), 0)


async def test_a_large_group_that_changes_all_the_time_is_added_up_within_a_share_of_the_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, added_up = 0.0, 0
    view = api.log.view
    real = view.groups.sums_of

    def slow(*asked: Any) -> Any:
        nonlocal now_s, added_up
        now_s, added_up = now_s + 0.1, added_up + 1
        return real(*asked)

    monkeypatch.setattr(groups, "monotonic", lambda: now_s)
    monkeypatch.setattr(view.groups, "sums_of", slow)
    api.log.standings(standing())
    for n in range(100):
        api.log.alerts(alert(str(n)))
        await api.get("/api/shops/joom/s17")
        now_s += 0.1
    assert added_up <= 100 * 0.2 * groups.SHARE / 0.1 + 1
    assert (await api.client.post("/api/groups/mute", json=S17)).json() == {"alerts": 100}
    assert await shops(api) == []  # what somebody has said is seen at once


async def test_the_points_of_a_group_are_no_more_than_the_ledger_takes(api: Api) -> None:
    fifty = [alert(str(n), rule="douyin.late_ship", platform="douyin", penalty=costing(points=0.1)) for n in range(50)]
    api.log.alerts(*fifty)
    api.log.standings(standing(platform="douyin"))
    (group,) = (await api.get("/api/groups"))["items"]
    assert (group["count"], group["points"]) == (50, {"A": 2})
    (group,) = (await api.get("/api/groups?q=order%204"))["items"]
    assert (group["count"], group["points"]) == (11, {"A": pytest.approx(1.1)})
    assert (await api.get("/api/shops/douyin/s17"))["alerts"]["points"] == 2
