"""The morning over the API: it says what groups, shops and ship-next lists say, the costliest first."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS, rfc3339
from streams.views.acks import Ack, encode
from streams.web.tokens import Person, Tokens
from tests.runtime.support import START_MS
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import LATE, alert, alert_id, due, standing

NOW_MS = START_MS + 10 * DAY_MS
NOW = rfc3339(NOW_MS)
YESTERDAY = rfc3339(NOW_MS - 23 * HOUR_MS)
BEFORE = rfc3339(NOW_MS - 25 * HOUR_MS)
SUSPENDED = {"clause": "joom-2", "name": "sales suspended", "from": BEFORE, "until": "2026-02-01T00:00:00Z"}
APPEAL = [{"to": "customer_service", "do": "appeal"}]
OLDEST = {"to": "warehouse", "do": "ship_oldest_first"}
PAY = [{"to": "finance", "do": "check_deposit"}]


def usd(amount: str) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def now(shop: str = "s17", **others: Any) -> bytes:
    return standing(shop, at=NOW, **others)


async def test_with_no_event_it_says_nothing_and_costs_nothing(api: Api) -> None:
    answer = await api.get("/api/morning")
    assert answer["at"] is None and answer["since"] is None
    assert [answer[name] for name in ("shops", "changes", "tasks")] == [[], [], []]


async def test_a_shop_with_nothing_wrong_is_left_out(api: Api) -> None:
    api.log.standings(now("calm"), now("fine", ledgers={"points": {"points": 2.0, "next_tier": "tier 1"}}))
    answer = await api.get("/api/morning")
    assert (answer["shops"], answer["shops_total"]) == ([], 0)


async def test_sanctions_come_first_then_money_then_points_then_alerts(api: Api) -> None:
    api.log.standings(
        now("suspended", sanctions=[SUSPENDED]),
        now("rich", exposure=usd("5000.00")),
        now("points"),
        now("late"),
        now("ledger", ledgers={"A": {"points": 11.0, "forecast": {"points": 12.0, "tier": "frozen 7 days"}}}),
    )
    api.log.alerts(
        alert(shop="points", severity="critical", penalty={"points": 2.0, "ledger": "A"}),
        alert(shop="late", severity="critical"),
        alert(shop="late", order="2"),
    )
    answer = await api.get("/api/morning")
    assert [each["shop"] for each in answer["shops"]] == ["suspended", "rich", "points", "late", "ledger"]
    assert answer["shops"][0]["sanctions"] == [SUSPENDED]
    assert [each["shop"] for each in (await api.get("/api/morning?limit=2"))["shops"]] == ["suspended", "rich"]
    assert (await api.get("/api/morning?limit=2"))["shops_total"] == 5


async def test_its_sums_are_those_of_the_groups_and_shops(api: Api) -> None:
    api.log.standings(now(exposure=usd("12.00")))
    api.log.alerts(
        alert("1", penalty=usd("10.10")),
        alert("2", rule="joom.other", penalty=usd("0.20") | {"points": 0.1, "ledger": "A"}),
        alert("3", rule="joom.other", penalty={"points": 0.2, "ledger": "A"}, actions=APPEAL),
    )
    (shop,) = (await api.get("/api/morning"))["shops"]
    groups = (await api.get("/api/groups"))["items"]
    in_groups = sum(Decimal(each["amount"]) for group in groups for each in group["money"])
    assert shop["money"] == [{"amount": str(in_groups), "currency": "USD"}]
    assert shop["points"]["A"] == pytest.approx(sum(group["points"].get("A", 0) for group in groups))
    (same,) = (await api.get("/api/shops"))["items"]
    assert {name: shop[name] for name in ("alerts", "exposure", "ledgers")} == {
        name: same[name] for name in ("alerts", "exposure", "ledgers")
    }


async def test_what_shipping_saves_is_of_all_orders_that_wait_not_of_those_listed(api: Api) -> None:
    saves = {
        "orders": 62,
        "clauses": ["joom-10", "joom-3"],
        "money": [{"amount": "409.75", "currency": "USD"}],
        "points": {"A": 0.1},
    }
    listed = [due("1", NOW_MS - HOUR_MS, amount="8.50", clauses=["joom-3"])]
    api.log.standings(now(due=listed, due_total=70, due_saves=saves))
    api.log.alerts(alert("1"), alert("2", rule="joom.ratio", penalty=usd("700"), actions=[OLDEST, *PAY]))
    (task,) = (await api.get("/api/morning"))["tasks"]
    assert (task["work_list"], task["waiting"], task["alerts"]) == ("ship", 70, 2)
    assert task["rules"] == ["joom.ratio", LATE]
    assert task["actions"] == [OLDEST, *PAY]
    assert task["saves"] == saves
    assert task["money"] == [{"amount": "700", "currency": "USD"}]
    assert task["link"] == "/#/picks?platform=joom&shop=s17"


async def test_each_thing_to_do_is_addressed_and_leads_to_its_list_order_or_group(api: Api) -> None:
    carrier = [{"to": "warehouse", "do": "hand_over_to_carrier"}]
    api.log.standings(now(due=[due("1", NOW_MS)], due_total=2, chase=[due("5", NOW_MS)], chase_total=2))
    api.log.alerts(
        alert("1", penalty=usd("9"), actions=[{"to": "warehouse", "do": "ship_first"}, *PAY]),
        alert("2", rule="joom.pickup", penalty=usd("8"), actions=carrier),
        alert("3", rule="joom.appeal", penalty=usd("7"), actions=APPEAL),
        alert("4", rule="joom.many", penalty=usd("3"), actions=APPEAL, due_at=NOW),
        alert("5", rule="joom.many", penalty=usd("3"), actions=APPEAL, due_at=YESTERDAY),
        alert("6", rule="joom.nothing", penalty=usd("1"), actions=[]),
    )
    tasks = (await api.get("/api/morning"))["tasks"]
    assert [each["link"] for each in tasks] == [
        "/#/picks?platform=joom&shop=s17",
        "/#/picks?platform=joom&shop=s17&for=carrier",
        "/#/orders/joom/s17/3",
        "/#/alerts?platform=joom&shop=s17&q=joom.many",
    ]
    assert tasks[0]["actions"] == [{"to": "warehouse", "do": "ship_first"}, *PAY]
    assert tasks[3]["due_at"] == YESTERDAY
    assert [each["order"] for each in tasks] == [None, None, "3", None]


async def test_where_nothing_is_left_to_ship_the_thing_to_do_leads_to_the_alerts(api: Api) -> None:
    api.log.standings(now())
    api.log.alerts(alert("1"), alert("2"))
    (task,) = (await api.get("/api/morning"))["tasks"]
    assert (task["work_list"], task["waiting"], task["saves"]) == (None, None, None)
    assert task["link"] == "/#/alerts?platform=joom&shop=s17&q=late.ship"


async def test_a_sanction_for_good_lasts_longest_and_its_task_comes_first(api: Api) -> None:
    api.log.standings(now())
    api.log.alerts(
        alert("9", rule="joom.money", penalty=usd("9999"), actions=PAY),
        alert("1", stage="active", until="2026-02-01T00:00:00Z", actions=APPEAL),
        alert("2", stage="active", until=None, actions=APPEAL),
    )
    first, second = (await api.get("/api/morning"))["tasks"]
    assert (first["active"], first["until"], second["rules"]) == (2, None, ["joom.money"])


async def test_there_are_ten_things_to_do_the_costliest_of_all(api: Api) -> None:
    api.log.standings(*(now(f"s{n}") for n in range(15)))
    api.log.alerts(*(alert(shop=f"s{n}", penalty=usd(str(n))) for n in range(15)))
    tasks = (await api.get("/api/morning"))["tasks"]
    assert [each["shop"] for each in tasks] == [f"s{n}" for n in range(14, 4, -1)]


async def test_what_was_opened_got_worse_and_was_resolved_since_yesterday_is_counted(api: Api) -> None:
    api.log.standings(now())
    api.log.alerts(
        alert("old", opened_at=BEFORE, time=BEFORE),
        alert("new", opened_at=YESTERDAY, time=YESTERDAY),
        alert("worse", opened_at=BEFORE, time=BEFORE),
        alert("worse", 2, opened_at=BEFORE, time=YESTERDAY, severity="critical", stage="overdue"),
        alert("moved", opened_at=BEFORE, time=BEFORE),
        alert("moved", 2, opened_at=BEFORE, time=YESTERDAY, reason="figures_moved"),
        alert("unknown", 2, opened_at=BEFORE, time=YESTERDAY, severity="critical"),
        alert("done", opened_at=BEFORE, time=BEFORE),
        alert("done", 2, opened_at=BEFORE, time=YESTERDAY, state="resolved"),
        alert("short", 2, opened_at=YESTERDAY, time=YESTERDAY, state="resolved"),
        alert("long ago", 2, opened_at=BEFORE, time=BEFORE, state="resolved"),
        alert("other", shop="other", opened_at=YESTERDAY, time=YESTERDAY, penalty=usd("5")),
    )
    answer = await api.get("/api/morning")
    assert (answer["since"], answer["opened"], answer["worse"], answer["resolved"]) == (
        rfc3339(NOW_MS - DAY_MS),
        3,
        1,
        2,
    )
    first, second = answer["changes"]
    assert (first["shop"], first["opened"]) == ("other", 1)
    assert (second["shop"], second["opened"], second["worse"], second["resolved"]) == ("s17", 2, 1, 2)


async def test_what_is_muted_costs_nothing_and_is_no_thing_to_do(api: Api) -> None:
    api.log.standings(now())
    api.log.alerts(alert(severity="critical", penalty=usd("9")))
    held = api.log.view.alerts.get(alert_id("1"))
    assert held is not None
    ack = Ack(alert=held.id, kind="muted", at=NOW, seen_step=held.step())
    api.log.ack(ack.key(), encode(ack))
    answer = await api.get("/api/morning")
    assert (answer["shops"], answer["tasks"]) == ([], [])


@pytest.mark.parametrize("name", ['<b>x</b> & "co"', "a/b:c%d", "店" * 200, "'; drop"])
async def test_any_name_is_passed_on_as_it_is_and_encoded_in_links(api: Api, name: str) -> None:
    api.log.standings(now(name, due=[due(name, NOW_MS)], due_total=1))
    api.log.alerts(alert(name, shop=name, actions=APPEAL))
    answer = await api.get("/api/morning")
    (task,) = answer["tasks"]
    assert (answer["shops"][0]["shop"], task["shop"], task["order"]) == (name, name, name)
    assert task["link"] == f"/#/orders/joom/{quote(name, '')}/{quote(name, '')}"


async def test_a_shop_known_by_its_alerts_alone_is_told(api: Api) -> None:
    api.log.alerts(alert(severity="critical"))
    assert len((await api.get("/api/morning"))["tasks"]) == 1


async def test_it_takes_a_limit_and_nothing_else(api: Api) -> None:
    assert (await api.problem("/api/morning?limit=0"))[0] == 400
    assert (await api.problem("/api/morning?limit=101"))[0] == 400
    assert (await api.problem("/api/morning?shop=s17"))[0] == 400


async def test_it_needs_the_token() -> None:
    api = Api(Tokens([("secret-of-sixteen", Person("Li", "read"))]))
    async with api.client:
        assert (await api.problem("/api/morning"))[0] == 401
        answer = await api.client.get("/api/morning", headers={"authorization": "Bearer secret-of-sixteen"})
        assert answer.status_code == 200
