"""The ship-next list over HTTP: by deadline, filtered, and whole however long it is."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest

from rules.calendar.instants import HOUR_MS, rfc3339
from streams.questions.messages import WholeList
from streams.questions.whole_list import as_body
from streams.warehouses import Warehouses
from streams.web import whole_lists
from tests.runtime.support import LONG_S, START_MS
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import due, standing
from tests.web.test_api import names


async def test_the_ship_next_list_goes_by_deadline_over_all_shops_of_a_warehouse(api: Api) -> None:
    api.log.standings(
        standing("s17", due=[due("b", START_MS + 2 * HOUR_MS), due("d", START_MS + 4 * HOUR_MS)]),
        standing("s18", due=[due("a", START_MS + HOUR_MS, "A1", "DE-7")]),
        standing("s17", "douyin", due=[due("c", START_MS + 3 * HOUR_MS)]),
    )
    assert [names(page) for page in await api.pages("/api/due?limit=3")] == [["a", "b", "c"], ["d"]]
    (north,) = await api.pages("/api/due?warehouse=north")
    assert [(each["order"], each["warehouse"]) for each in north] == [("b", "north"), ("c", "north"), ("d", "north")]
    assert north[0]["saves"] == {"amount": "1.00", "currency": "USD"}
    assert [names(page) for page in await api.pages("/api/due?warehouse=berlin")] == [["a"]]
    assert (await api.get("/api/due?warehouse=south"))["items"] == []


async def test_overdue_orders_come_first_then_those_whose_shipping_saves_most(api: Api) -> None:
    late_ms, soon_ms = START_MS - HOUR_MS, START_MS + HOUR_MS
    api.log.standings(
        standing(
            "s17",
            due=[
                due("later", START_MS, clauses=["joom-3"]),
                due("late", late_ms),
                due("soon", soon_ms),
                due("soon, dear", soon_ms + 1, amount="9.00"),
                due("soon, points", soon_ms + 2, points={"A": 0.1}),
            ],
            due_total=70,
        ),
        standing("s18", due=[due("soon, a ratio", soon_ms + 3, clauses=["joom-3"])], due_total=1),
    )
    expected = [["later", "late"], ["soon, a ratio", "soon, points"], ["soon, dear", "soon"]]
    assert [names(page) for page in await api.pages("/api/due?limit=2")] == expected
    assert (await api.get("/api/due"))["total"] == 71
    assert (await api.get("/api/due?warehouse=north"))["total"] is None


async def test_what_to_ship_is_filtered_by_carrier_and_by_cut_off(api: Api) -> None:
    soon_ms = START_MS + HOUR_MS
    listed = [
        due("ours", soon_ms) | {"logistics": "own"},
        due("theirs", soon_ms) | {"carrier": "SF"},
        due("later", soon_ms + 1),
    ]
    api.log.standings(standing("s17", due=listed, due_total=3))
    for asked, wanted in (
        ("carrier=own", ["ours"]),
        ("carrier=SF", ["theirs"]),
        ("carrier=YTO", []),
        (f"before={quote(rfc3339(soon_ms))}", ["ours", "theirs"]),
        (f"before={quote(rfc3339(soon_ms))}&carrier=SF", ["theirs"]),
    ):
        found = await api.get(f"/api/due?{asked}")
        assert (names(found["items"]), found["total"]) == (wanted, None), asked
    assert (await api.problem("/api/due?before=tomorrow"))[0] == 400


async def test_what_waits_for_the_carrier_is_a_list_of_its_own_by_deadline(api: Api) -> None:
    parcel = {"parcel": "P1", "carrier": "SF", "tracking_no": "SF1"}
    api.log.standings(
        standing("s17", due=[due("to ship", START_MS)], chase=[due("b", START_MS + 1) | parcel], chase_total=60),
        standing("s18", chase=[due("a", START_MS, "DE-7") | parcel, due("a", START_MS, "DE-7")], chase_total=2),
    )
    pages = await api.pages("/api/due?for=carrier&limit=1")
    assert [(each["order"], each.get("parcel")) for (each,) in pages] == [("a", None), ("a", "P1"), ("b", "P1")]
    assert (await api.get("/api/due?for=carrier"))["total"] == 62
    (berlin,) = await api.pages("/api/due?for=carrier&warehouse=berlin")
    assert names(berlin) == ["a", "a"]


def waiting(count: int, first_ms: int = START_MS + HOUR_MS) -> list[Any]:
    """Orders of which each is due a millisecond after the one before."""
    return [due(f"{n:04}", first_ms + n) for n in range(count)]


async def test_beyond_what_standings_list_the_worker_that_has_the_shop_is_asked(api: Api) -> None:
    api.log.standings(standing("s17", due=waiting(50), due_total=1_200), standing("s18", due=[due("x", START_MS)]))
    api.others.lists["joom", "s17", False] = as_body(START_MS, waiting(1_200), 1_200)
    pages = await api.pages("/api/due?limit=500")
    assert [len(page) for page in pages] == [500, 500, 201]
    assert [each for page in pages for each in names(page)] == ["x", *names(waiting(1_200))]
    assert api.others.asked == [WholeList("joom", "s17", for_carrier=False)]


async def test_a_page_that_standings_fill_asks_nobody(api: Api) -> None:
    api.log.standings(standing("s17", due=waiting(50), due_total=60), standing("s18", due=[due("x", START_MS)]))
    found = await api.get("/api/due?limit=50")
    assert (len(found["items"]), found["short"], api.others.asked) == (50, [], [])
    await api.get("/api/due?limit=51")
    await api.get("/api/due?shop=s18")
    assert len(api.others.asked) == 1


async def test_a_filtered_list_is_whole_too(api: Api) -> None:
    """None of what the standing lists fits the filter."""
    berlin = due("last", START_MS + HOUR_MS + 100, "DE-1")
    api.log.standings(standing("s18", due=waiting(50), due_total=61))
    api.others.lists["joom", "s18", False] = as_body(START_MS, [*waiting(60), berlin], 61)
    found = await api.get("/api/due?warehouse=berlin")
    assert (names(found["items"]), found["short"]) == (["last"], [])


async def test_a_list_whose_worker_does_not_answer_is_said_to_be_short(api: Api) -> None:
    api.log.standings(
        standing("s17", due=waiting(50), due_total=60),
        standing("s17", "douyin", chase=waiting(2), chase_total=3),
        standing("s18", due=waiting(3), due_total=3),
    )
    short = {"platform": "joom", "shop": "s17", "shown": 50, "total": 60}
    for _ in range(2):
        found = await api.get("/api/due")
        assert (len(found["items"]), found["total"], found["short"]) == (53, 63, [short])
    assert len(api.others.asked) == 1  # not for every page: each would wait for the answer
    assert [each["shop"] for each in (await api.get("/api/due?for=carrier"))["short"]] == ["s17"]


async def test_a_page_does_not_wait_long_for_a_list_and_the_next_time_it_is_there(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_lists, "PATIENCE_S", 0.0)
    api.log.standings(standing("s17", due=waiting(50), due_total=60))
    api.others.lists["joom", "s17", False] = as_body(START_MS, waiting(60), 60)
    api.others.slow = asyncio.Event()
    found = await api.get("/api/due")
    assert (len(found["items"]), len(found["short"])) == (50, 1)
    api.others.slow.set()
    await asyncio.sleep(0)  # it comes
    monkeypatch.setattr(whole_lists, "PATIENCE_S", LONG_S)
    found = await api.get("/api/due")
    assert (len(found["items"]), found["short"], len(api.others.asked)) == (60, [], 1)


@pytest.mark.parametrize("body", [b"{}", b'{"at_ms":0,"total":60,"packed":"eA=="}', None])
async def test_a_list_that_cannot_be_read_or_made_is_short(
    api: Api, body: bytes | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api.log.standings(standing("s17", due=waiting(50), due_total=60))
    api.others.lists["joom", "s17", False] = body
    if body is None:
        monkeypatch.setattr(api.others, "lists", None)  # so that asking fails
    found = await api.get("/api/due")
    assert (len(found["items"]), len(found["short"])) == (50, 1)
    assert "list" in caplog.text


async def test_where_a_page_goes_beyond_a_list_only_that_one_is_read_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.log.standings(*(standing(f"s{n}", due=waiting(20)) for n in range(3)))
    api.log.standings(standing("s17", due=waiting(50), due_total=60))
    api.others.lists["joom", "s17", False] = as_body(START_MS, waiting(60), 60)
    read: list[str] = []
    of_order = Warehouses.of_order

    def counted(self: Warehouses, platform: str, shop: str, skus: Iterable[str]) -> str:
        read.append(shop)
        return of_order(self, platform, shop, skus)

    monkeypatch.setattr(Warehouses, "of_order", counted)
    found = await api.get("/api/due?limit=200")
    assert len(found["items"]) == 120
    assert Counter(read) == {"s0": 20, "s1": 20, "s2": 20, "s17": 50 + 60}


async def test_a_list_too_long_for_one_answer_is_said_to_be_short(api: Api) -> None:
    api.log.standings(standing("s17", due=waiting(50), due_total=90))
    api.others.lists["joom", "s17", False] = as_body(START_MS, waiting(70), 90)
    found = await api.get("/api/due?limit=70")
    assert (len(found["items"]), found["short"][0]["shown"]) == (70, 70)


async def test_the_ship_next_list_for_somebody_unknown_is_refused_in_one_line(api: Api) -> None:
    status, detail = await api.problem("/api/due?for=buyer")
    assert (status, detail) == (400, "in the query: for='buyer' is none of: carrier")
