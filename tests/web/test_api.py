"""The API over views made by hand."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from msgspec import Raw

from rules.calendar.instants import HOUR_MS, rfc3339
from rules.messages.daily_values import DailyValues
from streams.questions.messages import Answer, Question, WholeList, WhoseNumber
from streams.questions.service import QuestionService
from streams.questions.whole_list import packed_up
from streams.resending.letters import Letter, Newest
from streams.views.acks import Ack, Kind, ack_key, encode
from streams.views.alerts import Held
from streams.views.point_caps import caps_of
from streams.views.shops import ShopKey
from streams.views.view import View
from streams.views.writer import Writer
from streams.warehouses import Entry, Warehouses
from streams.web import paging, sse, whole_lists
from streams.web.ack_api import AckApi
from streams.web.asgi import site
from streams.web.due_api import DueApi
from streams.web.group_api import GroupApi
from streams.web.health import HealthApi
from streams.web.letters_api import LettersApi
from streams.web.morning_api import MorningApi
from streams.web.order_api import OrderApi
from streams.web.query_api import QueryApi
from streams.web.rules_api import RulesApi
from streams.web.schemas import Health
from streams.web.sse import Events, stream
from streams.web.tokens import NO_TOKENS, Tokens
from streams.web.trends_api import TrendsApi
from streams.web.whole_lists import WholeLists
from streams.web.yesterday_api import YesterdayApi
from tests.rules.history import every_pack
from tests.runtime.support import LONG_S, PARTITIONS, START_MS
from tests.web.records import NAMES, Log, alert, alert_id, due, feed_health, standing

WAREHOUSES = Warehouses((Entry("berlin", sku_prefix="DE-"), Entry("north", shop="s17")))


class Pen:
    """Writes acks and mutes straight into the log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def write_all(self, kind: Kind, acks: Iterable[tuple[Held, Ack | None]]) -> None:
        for held, ack in acks:
            self._log.ack(ack_key(kind, held.id), None if ack is None else encode(ack))


class Others:
    """The question service of workers that know no order, but the whole lists they are given; None doesn't answer."""

    def __init__(self) -> None:
        self.lists: dict[tuple[str, str, bool], bytes | None] = {}
        self.asked: list[Question] = []
        self.slow: asyncio.Event | None = None

    async def ask(self, platform: str, shop: str, question: Question) -> Answer:
        self.asked.append(question)
        if not isinstance(question, WholeList):
            return Answer(404, problem="no such order is known")
        if self.slow is not None:
            await self.slow.wait()
        body = self.lists.get((platform, shop, question.for_carrier))
        return Answer(503) if body is None else Answer(200, Raw(body))

    async def ask_all(self, question: WhoseNumber) -> list[Answer]:
        return [Answer(200, Raw(b'{"found":[],"complete":true}'))]


class Api:
    """The site over a log of records, and a client that asks it without a socket."""

    def __init__(self, tokens: Tokens = NO_TOKENS) -> None:
        self.log = Log(View(NAMES, PARTITIONS, lambda: START_MS, caps_of(every_pack())))
        self.health = Health(worker=True, views=True)
        self.away_since_ms: int | None = None
        self.letters: list[Letter] | Exception | asyncio.Event = []
        self.letters_read = 0
        self.days: list[DailyValues] | Exception = []
        self.days_read: list[tuple[ShopKey, date]] = []
        self.others = Others()
        self.all_days_read = 0
        view, pen = self.log.view, cast(Writer, Pen(self.log))
        self.asgi = site(
            HealthApi(lambda: self.health),
            Events(view, most=2),
            AckApi(view, pen),
            GroupApi(view, pen),
            QueryApi(view, "event", lambda: self.away_since_ms),
            DueApi(view, WholeLists(self.others, PARTITIONS), WAREHOUSES),
            MorningApi(view, "event"),
            OrderApi(view, cast(QuestionService, self.others), WAREHOUSES),
            RulesApi(every_pack()),
            LettersApi(self.read_letters),
            TrendsApi(view, self.read_days),
            YesterdayApi(view, self.read_all_days),
            is_ready=lambda: self.health.views,
            tokens=tokens,
        )
        transport = httpx.ASGITransport(app=self.asgi, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def read_letters(self, most: int) -> Newest:
        self.letters_read += 1
        if isinstance(self.letters, Exception):
            raise self.letters
        if isinstance(self.letters, asyncio.Event):
            await self.letters.wait()
            return Newest([], 0)
        return Newest(self.letters[:most], len(self.letters))

    async def read_days(self, shop: ShopKey, since: date) -> AsyncIterator[DailyValues]:
        self.days_read.append((shop, since))
        if isinstance(self.days, Exception):
            raise self.days
        for each in self.days:
            if (each.platform, each.shop) == shop and each.day >= since.isoformat():
                yield each

    async def read_all_days(self, since: date) -> AsyncIterator[DailyValues]:
        self.all_days_read += 1
        if isinstance(self.days, Exception):
            raise self.days
        for each in self.days:
            if each.day >= since.isoformat():
                yield each

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def problem(self, path: str, method: str = "GET", **others: Any) -> tuple[int, str]:
        answer = await self.client.request(method, path, **others)
        assert answer.headers["content-type"] == "application/problem+json"
        said = answer.json()
        assert said["status"] == answer.status_code
        return answer.status_code, said["detail"]

    async def pages(self, path: str) -> list[list[Any]]:
        """All of a list, page by page."""
        found, following = [], path
        while following:
            page = await self.get(following)
            found.append(page["items"])
            following = page["next"]
        return found


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    made = Api()
    async with made.client:
        yield made


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
    said = await api.get("/api/about")
    assert (said["clock"], said["at"]) == ("event", "2026-01-01T00:00:00Z")


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
    told = (await anext(frames)).decode()
    assert told.count("event: shop") == 1
    assert '"feed":{"state":"late"' in told


async def test_a_shop_that_should_be_heard_of_and_never_was_is_there_all_the_same(api: Api) -> None:
    api.log.standings(standing())
    api.log.feed_health(feed_health(None, shop="never", late_ms=START_MS - 1, silent_ms=START_MS))
    pages = await api.pages("/api/shops?limit=1")
    assert [(each["shop"], each["at"] is None) for page in pages for each in page] == [("never", True), ("s17", False)]
    never = await api.get("/api/shops/joom/never")
    assert never.keys() == (await api.get("/api/shops/joom/s17")).keys()
    assert (never["feed"]["state"], never["open_alerts"]) == ("silent", 0)
    assert (await api.get("/api/due"))["items"] == []
    api.log.view.feeds.take(feed_health(shop="never", late_ms=0, silent_ms=0).key(), None)
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


# -- ship next -----------------------------------------------------------------------------------------------


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
    api.others.lists["joom", "s17", False] = packed_up(START_MS, waiting(1_200), 1_200)
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
    api.others.lists["joom", "s18", False] = packed_up(START_MS, [*waiting(60), berlin], 61)
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
    api.others.lists["joom", "s17", False] = packed_up(START_MS, waiting(60), 60)
    api.others.slow = asyncio.Event()
    found = await api.get("/api/due")
    assert (len(found["items"]), len(found["short"])) == (50, 1)
    api.others.slow.set()
    await asyncio.sleep(0)  # it comes
    monkeypatch.setattr(whole_lists, "PATIENCE_S", LONG_S)
    found = await api.get("/api/due")
    assert (len(found["items"]), found["short"], len(api.others.asked)) == (60, [], 1)


async def test_a_list_too_long_for_one_answer_is_said_to_be_short(api: Api) -> None:
    api.log.standings(standing("s17", due=waiting(50), due_total=90))
    api.others.lists["joom", "s17", False] = packed_up(START_MS, waiting(70), 90)
    found = await api.get("/api/due?limit=70")
    assert (len(found["items"]), found["short"][0]["shown"]) == (70, 70)


async def test_the_ship_next_list_for_somebody_unknown_is_refused_in_one_line(api: Api) -> None:
    status, detail = await api.problem("/api/due?for=buyer")
    assert (status, detail) == (400, "in the query: for='buyer' is none of: carrier")


# -- what is wrong is said -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "severity=bad", "state=closed", "after=!", "after=WzFd", "after=é"]
)
async def test_a_wrong_query_is_told_of(api: Api, query: str) -> None:
    status, detail = await api.problem(f"/api/alerts?{query}")
    assert status == 400
    assert query.partition("=")[0] in detail


@pytest.mark.parametrize(
    "path",
    [
        "/api/about?x=",
        "/api/shops?platform=joom",
        "/api/shops/joom/s17?limit=1",
        "/api/alerts?limit=1&severitty=critical",
        f"/api/alerts/{alert_id('1')}?state=open",
        "/api/due?Warehouse=north",
        "/api/events?last=1",
    ],
)
async def test_a_parameter_that_is_not_there_is_refused_and_not_passed_over(api: Api, path: str) -> None:
    api.log.standings(standing())
    api.log.alerts(alert())
    status, detail = await api.problem(path)
    assert status == 400
    name = re.findall(r"[?&](\w+)=", path)[-1]
    assert f"no parameter '{name}' here" in detail


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("kind", ["mute", "acknowledge"])
async def test_a_change_takes_no_parameters(api: Api, method: str, kind: str) -> None:
    api.log.alerts(alert())
    path = f"/api/alerts/{alert_id('1')}/{kind}?until=x"
    assert (await api.problem(path, method, **({"json": {}} if method == "POST" else {})))[0] == 400
    assert (await api.get(f"/api/alerts/{alert_id('1')}"))["muted"] is None


async def test_prometheus_and_probes_may_ask_with_parameters(api: Api) -> None:
    for path in ("/metrics?name[]=up", "/health/live?probe=1"):
        assert (await api.client.get(path)).status_code == 200


async def test_paths_and_methods_that_are_not_there(api: Api) -> None:
    assert await api.problem("/nothing") == (404, "")
    assert await api.problem("/../settings.py") == (404, "")
    assert (await api.problem("/api/shops", "POST"))[0] == 405


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"until": "2026-01-01T00:00:00"}', "application/json", 400),
        (b'{"until": "2026-01-01T00:00:00Z"}', "application/json", 400),
        (b'{"comment": 7}', "application/json", 400),
        (b'{"until": "9999-12-31T23:59:59-23:59"}', "application/json", 400),
        (b'{"until": "0001-01-01T00:00:00+23:59"}', "application/json", 400),
        (b'{"x":' + b"[" * 8_000 + b"]" * 8_000 + b"}", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_body_that_can_not_be_meant_changes_nothing(api: Api, body: bytes, media: str, status: int) -> None:
    api.log.alerts(alert())
    path = f"/api/alerts/{alert_id('1')}/mute"
    assert (await api.problem(path, "POST", content=body, headers={"content-type": media}))[0] == status


async def test_of_a_resolved_or_unknown_alert_there_is_nothing_to_say(api: Api) -> None:
    api.log.alerts(alert(state="resolved"))
    path = f"/api/alerts/{alert_id('1')}/acknowledge"
    assert await api.problem(path, "POST", json={}) == (409, "the alert is resolved")
    assert (await api.problem("/api/alerts/x/mute", "DELETE"))[0] == 404


async def test_until_all_is_read_nothing_is_told_but_that(api: Api) -> None:
    api.health = Health(worker=True, views=False)
    for path in ("/api/shops", "/api/alerts/a", "/api/events"):
        assert (await api.problem(path))[0] == 503
    assert (await api.problem("/health/ready"))[0] == 503
    assert (await api.client.get("/health/live")).status_code == 200
    api.health = Health(worker=False, views=True)
    assert (await api.problem("/health/ready"))[0] == 503


async def test_a_failure_tells_the_log_and_not_the_client(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(api.log.view.shops, "names", fail)
    assert await api.problem("/api/shops") == (500, "what went wrong is in the worker's log")
    assert "secret" in caplog.text


async def test_a_path_in_the_log_of_a_failure_moves_no_cursor(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.log.view.alerts, "get", lambda alert: 1 / 0)
    answer = await api.client.get("/api/alerts/%1b]0;title%07%1b[31m%0Aforged")
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert r"\x1b]0;title\x07\x1b[31m\nforged" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=x; escaping=y",
        "application/openmetrics-text; version==1",
        "text/plain; version=x.1",
    ],
)
async def test_metrics_in_a_format_that_is_none_are_refused(api: Api, accept: str) -> None:
    status, _ = await api.problem("/metrics", headers={"accept": accept})
    assert status == 400


async def test_metrics_are_those_of_prometheus_client(api: Api) -> None:
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text


async def test_every_answer_keeps_the_browser_from_anything_else(api: Api) -> None:
    for path in ("/", "/api/shops", "/nothing"):
        headers = (await api.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert (await api.client.get("/api/shops")).headers["cache-control"] == "no-store"


# -- events --------------------------------------------------------------------------------------------------


def parsed(frame: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line)


def frames_of(log: Log, since: str | None = None) -> AsyncIterator[bytes]:
    return stream(log.view, log.view.feed.listen(), since)


def each_of(frames: bytes) -> list[dict[str, str]]:
    return [parsed(frame) for frame in frames.split(b"\n\n")[:-1]]


async def test_a_stream_begins_with_ready_and_goes_on_with_what_changes() -> None:
    log = Log()
    log.alerts(alert("before"))
    frames = frames_of(log)
    ready = parsed(await anext(frames))
    assert (ready["event"], ready["data"]) == ("ready", '{"resumed":false}')
    waiting = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    log.alerts(alert("1"))
    log.standings(standing())
    first, second = each_of(await waiting)
    assert [first["event"], second["event"]] == ["alert", "shop"]
    assert alert_id("1") in first["data"]
    assert first["id"] != second["id"] == log.view.feed.place


async def test_a_change_is_encoded_once_for_all_who_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    log, encoded = Log(), []
    encode = sse._encode
    monkeypatch.setattr(sse, "_encode", lambda view, change: encoded.append(change.key) or encode(view, change))
    listening = [frames_of(log) for _ in range(3)]
    for frames in listening:
        await anext(frames)
    log.alerts(alert("1"), alert("2"))
    log.standings(standing())
    told = [await anext(frames) for frames in listening]
    assert len(set(told)) == 1
    assert [each["event"] for each in each_of(told[0])] == ["alert", "alert", "shop"]
    assert len(encoded) == 3


async def test_a_change_after_another_of_the_same_alert_is_told_as_it_is_then() -> None:
    log = Log()
    quick, slow = frames_of(log), frames_of(log)
    await anext(quick), await anext(slow)
    log.alerts(alert("1"))
    await anext(quick)
    log.alerts(alert("1", 2, stage="overdue"))
    (told,) = each_of(await anext(slow))
    assert '"stage":"overdue"' in told["data"].replace(" ", "")


class Caller:
    """Somebody who asks for /api/events over ASGI, and hangs up when told to."""

    def __init__(self, asgi: Any) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self._hang_up = asyncio.Event()
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "path": "/api/events"}
        scope |= {"raw_path": b"/api/events", "query_string": b"", "headers": headers, "root_path": "", "client": None}
        self._asked = asyncio.create_task(asgi(scope, self._receive, self.heard.put))

    async def _receive(self) -> dict[str, str]:
        await self._hang_up.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        return int((await self.heard.get())["status"])

    async def hang_up(self) -> None:
        self._hang_up.set()
        await self._asked


async def test_only_so_many_may_listen_and_a_place_is_free_again_once_one_has_gone(api: Api) -> None:
    callers = [Caller(api.asgi) for _ in range(3)]
    assert [await caller.status() for caller in callers] == [200, 200, 503]
    refused = await api.client.get("/api/events")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    await callers[0].hang_up()
    another = Caller(api.asgi)
    assert await another.status() == 200
    for caller in (callers[1], another):
        await caller.hang_up()
    assert api.log.view.feed.listeners == 0


async def test_a_listener_who_is_gone_before_the_first_word_takes_no_place(api: Api) -> None:
    caller = Caller(api.asgi)
    await caller.hang_up()
    assert api.log.view.feed.listeners == 0


async def test_a_stream_goes_on_from_the_last_event_heard() -> None:
    log = Log()
    frames = frames_of(log)
    place = parsed(await anext(frames))["id"]
    log.alerts(alert("missed"))
    frames = frames_of(log, place)
    assert parsed(await anext(frames))["data"] == '{"resumed":true}'
    assert alert_id("missed") in parsed(await anext(frames))["data"]


async def test_whoever_asks_for_the_head_of_the_stream_only_is_answered_at_once(api: Api) -> None:
    answer = await api.client.head("/api/events")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_stream_cut_off_while_it_tells_what_was_missed_tells_it_again() -> None:
    log = Log()
    before = log.view.feed.place
    log.alerts(alert("1"), alert("2"), alert("3"))
    frames = frames_of(log, before)
    ready, (first, second, third) = parsed(await anext(frames)), each_of(await anext(frames))
    assert ready["id"] == first["id"] == second["id"] == before
    assert third["id"] == log.view.feed.place


async def test_a_silent_stream_gives_a_sign_of_life_and_ends_when_the_worker_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)
    log = Log()
    frames = frames_of(log)
    await anext(frames)
    assert await anext(frames) == b": still here\n\n"
    log.view.feed.close()
    assert [frame async for frame in frames if not frame.startswith(b":")] == []


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
