"""Dead letters sent again on a real Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import ProducerFenced

from streams.kafka import topics
from streams.kafka.dead_letters import KEPT_VALUE_BYTES, DeadLetter, dead_letter
from streams.kafka.reading import records_of
from streams.resending import again
from streams.resending.again import Outcome, Resending, Selection
from streams.resending.letters import Letter
from tests.runtime.outcome import Reader
from tests.runtime.sites import site as site
from tests.runtime.support import LATE_MS, START_MS, event, record, ticks, until
from tests.runtime.workers import Site
from tests.support.kafka import read_topic

pytestmark = pytest.mark.kafka

ALL = Selection()
BAD_JSON = "JSON is malformed"


def letter(
    site: Site, value: bytes | None, reason: str = BAD_JSON, topic: str = "orders", **others: object
) -> DeadLetter:
    return dead_letter(record(site.prefix + topic, value, **others), reason)  # type: ignore[arg-type]


async def put(site: Site, *letters: DeadLetter) -> None:
    async with AIOKafkaProducer(bootstrap_servers=site.bootstrap) as producer:
        for each in letters:
            await producer.send_and_wait(f"{site.prefix}dead-letters", each.value, each.key, headers=each.headers)


async def orders(site: Site) -> list[ConsumerRecord]:
    return await read_topic(site.bootstrap, f"{site.prefix}orders")


async def resend(site: Site, selection: Selection = ALL) -> Outcome:
    return await Resending(site.settings()).send(selection)


@pytest.mark.slow
async def test_an_event_that_lay_in_the_wrong_partition_counts_once_it_is_sent_again(site: Site) -> None:
    placed = event("order.placed", START_MS, "8412")
    async with site.worker() as worker, Reader(site.bootstrap, site.prefix, "alerts") as read:
        await worker.ready()
        async with AIOKafkaProducer(bootstrap_servers=site.bootstrap) as producer:
            await producer.send_and_wait(f"{site.prefix}orders", placed, b"joom/s17", partition=1)
        async with Reader(site.bootstrap, site.prefix, "dead-letters") as dead:
            await dead.until(lambda: dead.records)
        outcome = await resend(site, Selection(reason="wrong partition"))
        assert outcome.sent.total() == 1
        async with AIOKafkaProducer(bootstrap_servers=site.bootstrap) as producer:
            for topic, key, value in ticks(site.prefix, START_MS + LATE_MS):
                await producer.send_and_wait(topic, value, key)
        await read.until(lambda: [alert["order"] for alert in read.alerts()] == ["8412"])


async def test_a_letter_goes_with_its_own_key_bytes_and_headers_and_once(site: Site) -> None:
    await put(
        site, letter(site, b"\xff{"), letter(site, b"2", key=None, partition=3), letter(site, None, topic="shops")
    )
    assert (await resend(site)).sent.total() == 3
    assert {(each.partition, each.key, each.value, each.headers) for each in await orders(site)} == {
        (2, b"joom/s17", b"\xff{", ()),
        (3, None, b"2", ()),
    }
    again = await resend(site)
    assert (again.sent.total(), dict(again.left_out)) == (0, {"sent again before": 3})
    assert len(await orders(site)) == 2


async def test_headers_of_a_push_go_with_it(site: Site) -> None:
    names = topics.TopicNames(site.prefix, site.group)
    topics.prepare_inbox(site.settings(), names)
    await until(lambda: names.inbox in topics.partition_counts(site.settings()))
    made = letter(site, b"<body>", "joom: order has no id", "inbox")
    made.headers.append(("source", b"joom"))
    await put(site, made)
    await resend(site)
    (push,) = await read_topic(site.bootstrap, names.inbox)
    assert (push.value, push.headers) == (b"<body>", (("source", b"joom"),))


async def test_what_can_not_or_need_not_be_sent_is_left_out_and_counted(site: Site) -> None:
    kept = dead_letter(record(f"{site.prefix}orders", b"{}"), "kept without data.amount: 'x'", kept=True)
    await put(
        site,
        letter(site, b"v" * (KEPT_VALUE_BYTES + 1)),
        letter(site, b"forged", topic="alerts"),
        letter(site, b"lost", topic="inbox"),
        DeadLetter(None, b"{}", [("topic", b"poll joom"), ("reason", b"joom: no id")]),
        DeadLetter(None, b"nothing is said of it", []),
        kept,
    )
    outcome = await resend(site)
    assert outcome.sent.total() == 0
    assert dict(outcome.left_out) == {again.CUT: 1, again.KEPT: 1, again.ELSEWHERE: 4}
    assert (await resend(site, Selection(kept=True))).sent.total() == 1
    assert [each.value for each in await orders(site)] == [b"{}"]


async def test_a_dry_run_says_the_same_and_sends_nothing(site: Site) -> None:
    await put(site, letter(site, b"1"), letter(site, b"2", "the record is empty"))
    tried = await Resending(site.settings()).try_out(Selection(reason="malformed"))
    assert await orders(site) == []
    assert tried == await resend(site, Selection(reason="malformed"))
    assert [each.value for each in await orders(site)] == [b"1"]
    assert (await Resending(site.settings()).try_out(ALL)).left_out[again.SENT] == 1


async def test_of_two_runs_at_once_the_later_one_sends_and_no_letter_goes_twice(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "AT_ONCE", 1)
    await put(site, *(letter(site, b"%d" % number) for number in range(5)))
    second: list[Outcome] = []
    send = Resending._send

    async def send_beside_another(self: Resending, producer: AIOKafkaProducer, letters: list[Letter]) -> None:
        await send(self, producer, letters)
        if not second:
            monkeypatch.setattr(Resending, "_send", send)
            second.append(await asyncio.create_task(resend(site)))

    monkeypatch.setattr(Resending, "_send", send_beside_another)
    with pytest.raises(ProducerFenced):
        await resend(site)
    assert second[0].sent.total() == 4
    assert sorted(each.value for each in await _committed_orders(site)) == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_run_that_ends_in_the_middle_of_a_transaction_has_sent_nothing_of_it(site: Site) -> None:
    await put(site, letter(site, b"1"))
    names = topics.TopicNames(site.prefix, site.group)
    topics.prepare_sent_letters(site.settings(), names)
    killed = AIOKafkaProducer(bootstrap_servers=site.bootstrap, transactional_id=names.sent_letters)
    await killed.start()
    try:
        await killed.begin_transaction()
        await killed.send_and_wait(names.sent_letters, b"1", b"0-0@1", partition=0)
        assert (await resend(site)).sent.total() == 1
    finally:
        with pytest.raises(ProducerFenced):
            await killed.commit_transaction()
        await killed.stop()
    assert [each.value for each in await _committed_orders(site)] == [b"1"]


async def _committed_orders(site: Site) -> list[ConsumerRecord]:
    return [each async for each in records_of(site.settings(), f"{site.prefix}orders")]
