"""One order over HTTP, asked of the real worker on the embedded broker."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from aiokafka import TopicPartition

from rules.calendar.instants import HOUR_MS
from rules.reports import find_orders
from streams.clock import wall_ms
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.keys import partition_of
from streams.kafka.late_producer import LateProducer
from streams.questions import answers, service
from streams.questions.messages import AboutOrder, Answered, Asked, WholeList, WhoseNumber, decode, encode
from streams.web import whole_lists
from tests.runtime.support import LATE_MS, PARTITIONS, START_MS, event, until
from tests.support.kafka import read_topic
from tests.web.support import Worker

NASTY = "<img src=x onerror=alert(1)>"
LONG = "9" * 128


async def placed(worker: Worker, *orders: str, **others: Any) -> None:
    events = (event("order.placed", START_MS, order, id=f"e-{n}", **others) for n, order in enumerate(orders))
    await worker.send(*events)
    await worker.tick(START_MS + LATE_MS)
    await worker.listed("/api/due", lambda items: len(items) >= min(len(orders), 50))


async def problem(worker: Worker, path: str, method: str = "GET", **body: Any) -> tuple[int, str]:
    answer = await worker.client.request(method, path, json=body or None)
    return answer.status_code, answer.json()["detail"]


# -- what there is to say of it -----------------------------------------------------------------------------------


async def test_an_order_is_told_with_its_alerts(worker: Worker) -> None:
    await placed(worker, "8412", data={"items": [{"sku": "A1", "qty": 2}]})
    await worker.listed("/api/alerts?severity=critical")
    found = await worker.get("/api/orders/joom/s17/8412")
    assert (found["state"], found["warehouse"], found["packed"]) == ("waiting", "default", None)
    assert found["verdict"]["overdue"] == ["late.ship"]
    assert found["to_ship"] == [{"sku": "A1", "qty": 2}]
    assert [each["state"] for each in found["deadlines"]] == ["overdue"]
    assert [each["data"]["stage"] for each in found["alerts"]] == ["overdue"]


@pytest.mark.parametrize("order", [NASTY, LONG, "a/b", "a%2Fb", "50 % off?#", "单号-1"])
async def test_an_order_is_reached_whatever_its_number(worker: Worker, order: str) -> None:
    await placed(worker, order)
    path = f"joom/s17/{quote(order, safe='')}"
    assert (await worker.get(f"/api/orders/{path}"))["order"] == order
    assert [each["order"] for each in await worker.items(f"/api/orders?number={quote(order, safe='')}")] == [order]
    packed = await worker.client.post(f"/api/packed/{path}", json={"by": NASTY})
    assert (packed.status_code, packed.json()["packed"]["by"]) == (200, NASTY)
    assert (await worker.items("/api/due"))[0]["packed"]["by"] == NASTY


async def test_a_slash_in_a_shops_name_is_told_from_the_one_after_it(worker: Worker) -> None:
    await worker.send(event("order.placed", START_MS, "b/1", shop="a/s"))
    await worker.tick(START_MS + LATE_MS)
    await worker.listed("/api/shops")
    assert (await worker.get("/api/orders/joom/a%2Fs/b%2F1"))["shop"] == "a/s"
    assert (await worker.client.get("/api/orders/joom/a/s/b/1")).status_code == 404


async def test_what_is_not_known_or_not_meant_is_said_in_a_line(worker: Worker) -> None:
    await placed(worker, "1")
    assert await problem(worker, "/api/orders/joom/s17/2") == (404, "no order 2 of joom/s17 is known")
    assert await problem(worker, "/api/orders/joom/nobody/2") == (404, "no order 2 of joom/nobody is known")
    wrong = await problem(worker, "/api/orders/joom/s17/1?full=1")
    assert wrong == (400, "in the query: no parameter 'full' here, which takes none")
    wrong = await problem(worker, "/api/orders?order=1")
    assert wrong == (400, "in the query: no parameter 'order' here; it takes number")
    assert (await worker.client.get("/api/orders")).status_code == 400
    assert (await problem(worker, "/api/packed/joom/s17/2", "POST", by="Li"))[0] == 404
    assert (await worker.client.get(f"/api/orders/joom/s17/{'9' * 200}")).status_code == 404


async def test_an_order_is_found_by_its_parcels_number(worker: Worker) -> None:
    await placed(worker, "1", "2")
    shipped = event("order.shipped", START_MS, "1", data={"carrier": "SF", "tracking_no": "SF 10"})
    await worker.send(shipped)
    found = await worker.listed("/api/orders?number=sf%2010")
    assert found == [{"platform": "joom", "shop": "s17", "order": "1", "by": "parcel"}]
    assert await worker.get("/api/orders?number=SF") == {"items": [], "next": None, "complete": True}


async def test_a_search_that_takes_too_long_says_that_there_may_be_more(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_orders, "STRETCH", 1)
    monkeypatch.setattr(answers, "SEARCH_S", -1.0)
    await placed(worker, "1", "2")
    assert await worker.get("/api/orders?number=x") == {"items": [], "next": None, "complete": False}
    assert [each["order"] for each in await worker.items("/api/orders?number=2")] == ["2"]  # that takes no time


# -- packed -------------------------------------------------------------------------------------------------------


async def packed(worker: Worker, order: str) -> Any:
    return (await worker.get(f"/api/orders/joom/s17/{order}"))["packed"]


async def test_a_tick_lasts_until_the_order_is_shipped(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "EXPIRE_S", 0.05)
    await placed(worker, "1", "2")
    for order in ("1", "2"):
        assert (await worker.client.post(f"/api/packed/joom/s17/{order}", json={"by": "Li"})).status_code == 200
    assert {each["packed"]["by"] for each in await worker.items("/api/due")} == {"Li"}
    await worker.send(event("order.shipped", START_MS + LATE_MS, "1"))

    async def taken_back() -> bool:
        return worker.web.view.ticks.get("joom", "s17", "1") is None

    await until(taken_back)
    assert await packed(worker, "1") is None
    assert (await packed(worker, "2"))["by"] == "Li"
    again = await problem(worker, "/api/packed/joom/s17/1", "POST", by="Li")
    assert again == (409, "order 1 does not wait to be shipped")


async def test_a_tick_that_the_views_never_show_is_not_waited_for_without_end(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(tp: TopicPartition, offset: int) -> None:
        await asyncio.Event().wait()

    await placed(worker, "1")
    monkeypatch.setattr(service, "ANSWER_S", 0.2)
    monkeypatch.setattr(worker.web.reader, "has_read", never)
    status, detail = await problem(worker, "/api/packed/joom/s17/1", "POST", by="Li")
    assert (status, detail) == (503, "Kafka does not answer now; try again")


async def test_of_two_who_tick_at_once_one_is_first_and_the_other_hears_of_it(worker: Worker) -> None:
    await placed(worker, "1")
    ticks = [worker.client.post("/api/packed/joom/s17/1", json={"by": by}) for by in ("Li", "Ann")]
    answer = {each.status_code: each.json() for each in await asyncio.gather(*ticks)}
    first = answer[200]["packed"]["by"]
    assert answer[409]["detail"].startswith(f"{first} has packed order 1 at 20")
    assert (await packed(worker, "1"))["by"] == first
    assert (await worker.client.post("/api/packed/joom/s17/1", json={"by": first})).status_code == 200


async def test_a_tick_can_be_taken_back_and_set_by_another(worker: Worker) -> None:
    await placed(worker, "1")
    await worker.client.post("/api/packed/joom/s17/1", json={"by": "Li"})
    for _ in range(2):
        answer = await worker.client.delete("/api/packed/joom/s17/1")
        assert (answer.status_code, answer.json()) == (200, {"packed": None})
    assert (await worker.client.post("/api/packed/joom/s17/1", json={})).json()["packed"]["by"] is None


# -- what waits, beyond what the standings list --------------------------------------------------------------------


async def test_every_order_that_waits_is_listed_however_many_a_shop_has(worker: Worker) -> None:
    orders = [f"{n:03}" for n in range(120)]
    await placed(worker, *orders, data={"items": [{"sku": "A1", "qty": 2}]})
    found = await worker.listed("/api/due?limit=1000", lambda items: len(items) == 120)
    assert [each["order"] for each in found] == orders
    assert found[-1]["items"] == [{"sku": "A1", "qty": 2}]

    async def first_page() -> Any:  # its total is of the newest standing, which may be of some of the orders only
        page = await worker.get("/api/due?limit=100")
        return page if page["total"] == 120 else None

    first = await until(first_page)
    rest = await worker.get(first["next"])
    assert [each["order"] for each in (*first["items"], *rest["items"])] == orders
    assert (first["total"], first["short"], rest["short"], rest["next"]) == (120, [], [], None)


async def test_a_list_is_short_and_says_so_while_the_worker_that_has_the_shop_is_away(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ANSWER_S", 0.2)
    monkeypatch.setattr(whole_lists, "FRESH_S", 0.0)
    await placed(worker, *(f"{n}" for n in range(60)))
    with monkeypatch.context() as away:
        away.setattr(worker.app.worker, "holding", lambda number: None)
        found = await worker.get("/api/due")
        assert len(found["items"]) == 50
        assert found["short"] == [{"platform": "joom", "shop": "s17", "shown": 50, "total": 60}]
    found = await worker.get("/api/due")
    assert (len(found["items"]), found["short"]) == (60, [])


# -- among workers ------------------------------------------------------------------------------------------------


async def test_a_question_of_another_worker_is_answered_in_the_topic(worker: Worker, broker: EmbeddedBroker) -> None:
    await placed(worker, "1")
    number = partition_of("joom", "s17", PARTITIONS)
    topic = worker.app.names.questions
    producer = LateProducer(worker.app.settings)
    try:
        for until_ms in (wall_ms() - 1, wall_ms() + HOUR_MS):  # nobody waits for the first any more
            asked = Asked(f"q-{until_ms}", until_ms, AboutOrder("joom", "s17", "1"))
            await producer.write(topic, number, b"q", encode(asked))

        async def answered() -> list[Answered]:
            shown = [decode(each.value) for each in await read_topic(broker.bootstrap, topic)]
            return [each for each in shown if isinstance(each, Answered)]

        [found] = await until(answered)
    finally:
        await producer.stop()
    assert (found.id, found.answer.status) == (asked.id, 200)


async def test_a_question_of_another_worker_that_waited_for_too_long_is_not_answered(
    worker: Worker, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await placed(worker, "1")
    number, topic = partition_of("joom", "s17", PARTITIONS), worker.app.names.questions
    turn_ms, questions = wall_ms() + HOUR_MS, (WholeList("joom", "s17", for_carrier=False), WhoseNumber("1"))
    monkeypatch.setattr(answers, "wall_ms", lambda: turn_ms)  # as if their turn came only then
    producer = LateProducer(worker.app.settings)
    try:
        for n, question in enumerate(questions):  # one after the other, so the second answer is the last
            asked = Asked(f"q-{n}", turn_ms + n, question)
            await producer.write(topic, number, b"q", encode(asked))

        async def answered() -> list[Answered]:
            shown = [decode(each.value) for each in await read_topic(broker.bootstrap, topic)]
            return [each for each in shown if isinstance(each, Answered)]

        found = await until(answered)
    finally:
        await producer.stop()
    assert [each.id for each in found] == ["q-1"]


async def test_where_the_worker_that_has_the_shop_is_away_it_is_said(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await placed(worker, "1")
    monkeypatch.setattr(service, "ANSWER_S", 0.2)
    monkeypatch.setattr(worker.app.worker, "holding", lambda number: None)
    status, detail = await problem(worker, "/api/orders/joom/s17/1")
    assert (status, detail) == (503, "the worker that has this shop does not answer now; try again")
    assert await worker.get("/api/orders?number=1") == {"items": [], "next": None, "complete": False}
