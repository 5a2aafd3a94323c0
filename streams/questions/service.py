"""Puts questions about orders to the worker that can answer them, and answers those of other workers.

Each worker knows only the orders of its own partitions. A question is written to a topic of its own, into the partition
of the order's shop. All workers read that topic from its end: the one that has the partition writes the answer there,
and the one that asked waits for it. Questions about a worker's own partitions are answered without Kafka.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from streams.clock import wall_ms
from streams.kafka import access
from streams.kafka.consumer import Consumer
from streams.kafka.keys import partition_of
from streams.kafka.late_producer import LateProducer
from streams.kafka.topics import TopicNames
from streams.paced_log import PacedLog
from streams.questions.answers import Answers, Holder
from streams.questions.messages import Answer, Answered, Asked, Question, WhoseNumber, decode, encode
from streams.settings import Settings, bootstrap_servers
from streams.views.reader import Reader

log = logging.getLogger(__name__)
log.addFilter(PacedLog(60.0))

ANSWER_S = 5.0
"""How long another worker may take to answer."""

AGAIN_S = 2.0
"""How long to wait after an error of Kafka."""

EXPIRE_S = 5.0
"""How often to look which packed orders have been shipped."""

NOBODY = Answer(503, problem="the worker that has this shop does not answer now; try again")


class QuestionService(Service):
    """`ask` and `ask_all` may be called from any task."""

    def __init__(self, settings: Settings, names: TopicNames, worker: Holder, reader: Reader, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings, self._topic, self._packed = settings, names.questions, names.packed
        self._partitions = worker.partition_count
        self._reader = reader
        self._producer = LateProducer(settings)
        self._answers = Answers(names, worker, reader.view.ticks, self._producer, reader.has_read)
        self._listens = asyncio.Event()
        self._waiting: dict[tuple[str, int], asyncio.Future[Answer]] = {}

    # -- asking ---------------------------------------------------------------------------------------------------

    async def ask(self, platform: str, shop: str, question: Question) -> Answer:
        """Asks whoever has a shop; what is to be written can be seen in the views then. Raises KafkaError, OSError and
        TimeoutError."""
        number = partition_of(platform, shop, self._partitions)
        answer = await self._ask(number, question)
        if answer.offset is not None:
            async with asyncio.timeout(ANSWER_S):
                await self._reader.has_read(TopicPartition(self._packed, number), answer.offset)
        return answer

    async def ask_all(self, question: WhoseNumber) -> list[Answer]:
        """Asks everybody; one answer for each partition. Raises what `ask` does."""
        return await asyncio.gather(*(self._ask(number, question) for number in range(self._partitions)))

    async def _ask(self, number: int, question: Question) -> Answer:
        answer = await self._answers.answer(number, question)
        return await self._ask_others(number, question) if answer is None else answer

    async def _ask_others(self, number: int, question: Question) -> Answer:
        asked = Asked(secrets.token_hex(8), wall_ms() + round(ANSWER_S * 1000), question)
        waiting = self._waiting[asked.id, number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._listens.wait()
                await self._producer.write(self._topic, number, asked.id.encode(), encode(asked))
                found: Answer = await waiting
                return found
        except TimeoutError:
            return NOBODY
        finally:
            del self._waiting[asked.id, number]

    # -- listening ------------------------------------------------------------------------------------------------

    @Service.task
    async def _listen_on(self) -> None:
        while not self.should_stop:
            try:
                await self._listen()
            except (KafkaError, OSError) as error:
                log.warning("questions of other workers wait for Kafka: %s", error)
                await self.sleep(AGAIN_S)
            finally:
                self._listens.clear()

    async def _listen(self) -> None:
        consumer = Consumer(
            bootstrap_servers=bootstrap_servers(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="latest",
            **access.for_aiokafka(self._settings),
        )
        await consumer.start()
        try:
            tps = [TopicPartition(self._topic, number) for number in range(self._partitions)]
            consumer.assign(tps)
            await consumer.seek_to_end(*tps)
            for tp in tps:
                await consumer.position(tp)
            self._listens.set()
            while not self.should_stop:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        self._take(record)
        finally:
            await consumer.stop()

    def _take(self, record: ConsumerRecord) -> None:
        try:
            message = decode(record.value or b"")
        except msgspec.MsgspecError as error:
            log.warning("%s-%d@%d can't be read: %s", record.topic, record.partition, record.offset, error)
            return
        if isinstance(message, Answered):
            waiting = self._waiting.get((message.id, message.partition))
            if waiting is not None and not waiting.done():
                waiting.set_result(message.answer)
        elif message.until_ms > wall_ms():
            self.add_future(self._answer(record.partition, message))

    async def _answer(self, number: int, asked: Asked) -> None:
        try:
            answer = await self._answers.answer(number, asked.question, asked.until_ms)
            if answer is not None:
                await self._producer.write(
                    self._topic, number, asked.id.encode(), encode(Answered(asked.id, number, answer))
                )
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("a question of another worker can't be answered: %s", error)
        except Exception:  # a report that can't be made must not end the worker
            log.exception("a question of another worker can't be answered")

    # -- ticks ----------------------------------------------------------------------------------------------------

    @Service.task
    async def _expire_on(self) -> None:
        while not self.should_stop:
            await self.sleep(EXPIRE_S)
            if self._reader.caught_up:
                with suppress(KafkaError, OSError, TimeoutError):  # they are looked at again
                    await self._answers.take_back_what_is_shipped()

    async def on_stop(self) -> None:
        await self._producer.stop()
