"""Batches of the inbox, divided by who sent them: what comes of one sender is written in order, and waits for no other.

A platform that answers slowly holds up its own pushes. How far the inbox may be committed rests on all of them.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

Fetched = Mapping[TopicPartition, list[ConsumerRecord]]


class _Batch(NamedTuple):
    """`ends`: where the partitions go on after it. `size`: of its bodies, in bytes."""

    ends: dict[TopicPartition, int]
    bodies: int
    size: int
    work: list[asyncio.Task[None]]


class Lanes:
    """`work` writes some records of the sender that `sender_of` names. Whoever holds it calls `close` at last."""

    def __init__(
        self,
        sender_of: Callable[[ConsumerRecord], Hashable],
        work: Callable[[Iterable[ConsumerRecord]], Awaitable[object]],
    ) -> None:
        self._sender_of, self._work = sender_of, work
        self._batches: deque[_Batch] = deque()
        #: The last work of each sender.
        self._last: dict[Hashable, asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        """How many bodies are in batches that are not done."""
        return sum(batch.bodies for batch in self._batches)

    @property
    def waiting_bytes(self) -> int:
        """How large these are."""
        return sum(batch.size for batch in self._batches)

    def add(self, fetched: Fetched) -> None:
        """Begins with a batch, behind what is left of those before it."""
        by_sender: dict[Hashable, list[ConsumerRecord]] = {}
        for records in fetched.values():
            for record in records:
                by_sender.setdefault(self._sender_of(record), []).append(record)
        work = []
        for sender, records in by_sender.items():
            task = asyncio.create_task(self._after(self._last.get(sender), records))
            self._last[sender] = task
            work.append(task)
        ends = {tp: records[-1].offset + 1 for tp, records in fetched.items()}
        bodies = [record.value or b"" for records in fetched.values() for record in records]
        self._batches.append(_Batch(ends, len(bodies), sum(map(len, bodies)), work))

    async def _after(self, before: asyncio.Task[None] | None, records: list[ConsumerRecord]) -> None:
        if before is not None:
            await before
        await self._work(records)

    async def take_done(self, most: int, most_bytes: int) -> dict[TopicPartition, int]:
        """Up to where the inbox is done since the last call; waits until at most so many bodies wait, and so many bytes
        of them. Raises what a work has raised."""
        ends: dict[TopicPartition, int] = {}
        while self._batches:
            first = self._batches[0]
            if self.waiting > most or self.waiting_bytes > most_bytes:
                await asyncio.wait(first.work)
            self._raise()
            if not all(task.done() for task in first.work):
                break
            ends |= self._batches.popleft().ends
        self._last = {sender: task for sender, task in self._last.items() if not task.done()}
        return ends

    def _raise(self) -> None:
        for batch in self._batches:
            for task in batch.work:
                if task.done():
                    task.result()

    async def close(self) -> None:
        """Ends what is left."""
        work = [task for batch in self._batches for task in batch.work]
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
