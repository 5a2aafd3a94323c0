"""Whole ship-next and chase lists of shops of which the standings list only the first entries, from the workers that
have them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple, Protocol
from zlib import error as ZlibError  # noqa: N812

import msgspec
from aiokafka.errors import KafkaError

from streams.kafka.keys import partition_of
from streams.paced_log import PacedLog
from streams.questions.messages import Answer, Question, WholeList
from streams.questions.whole_list import from_body
from streams.views.shops import Due, ShopKey, entries_of

log = logging.getLogger(__name__)
log.addFilter(PacedLog(60.0))

FRESH_S = 15.0
"""How long a list is used again before it is asked for anew. The same for who didn't answer: a page mustn't wait for
the same worker each time."""

PATIENCE_S = 3.0
"""How long one page waits for answers, at most."""

ASKING_S = 8.0
"""For how long a page that wanted several lists of one partition goes on asking for them."""

AT_ONCE = 1_000
"""Entries read before the event loop's other tasks run."""

HELD = 20_000
"""How many entries are held at most, for the next page; some 1 KB each."""


class ShopList(NamedTuple):
    """`total` is how many there are, also those beyond the entries."""

    entries: Sequence[Due]
    total: int


class Asking(Protocol):
    """The question service."""

    async def ask(self, platform: str, shop: str, question: Question) -> Answer: ...


class _Held(NamedTuple):
    until_s: float
    found: ShopList | None


_Key = tuple[ShopKey, bool]


class WholeLists:
    """`get` may be called from any task. Of one partition one list is asked for at a time."""

    def __init__(self, questions: Asking, partitions: int) -> None:
        self._questions, self._partitions = questions, partitions
        self._held: dict[_Key, _Held] = {}  # the one asked for longest ago first
        self._silent_until_s: dict[int, float] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._asking: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, shops: Sequence[ShopKey], for_carrier: bool) -> dict[ShopKey, ShopList]:
        """The lists of those shops whose worker answers in time; of the others nothing. What comes later is held for
        the next time."""
        by_partition: defaultdict[int, list[ShopKey]] = defaultdict(list)
        for shop in shops:
            by_partition[partition_of(*shop, self._partitions)].append(shop)
        found: dict[ShopKey, ShopList] = {}
        asking = [self._of_partition(number, each, for_carrier, found) for number, each in by_partition.items()]
        tasks = {asyncio.ensure_future(each) for each in asking}
        self._tasks |= tasks
        for task in tasks:
            task.add_done_callback(self._tasks.discard)
        await asyncio.wait(tasks, timeout=PATIENCE_S)
        in_time = dict(found)
        self._drop_old()
        return in_time

    async def _of_partition(
        self, number: int, shops: list[ShopKey], for_carrier: bool, found: dict[ShopKey, ShopList]
    ) -> None:
        """Adds to `found` the lists of some shops of a partition."""
        until_s = monotonic() + ASKING_S
        async with self._asking[number]:
            for shop in shops:
                held, now_s = self._held.get((shop, for_carrier)), monotonic()
                if held is None or held.until_s <= now_s:
                    if now_s > until_s or now_s < self._silent_until_s.get(number, now_s):
                        continue
                    held = await self._ask(number, shop, for_carrier)
                if held.found is not None:
                    found[shop] = held.found

    async def _ask(self, number: int, shop: ShopKey, for_carrier: bool) -> _Held:
        try:
            answer = await self._questions.ask(*shop, WholeList(*shop, for_carrier))
        except (KafkaError, OSError, TimeoutError):
            answer = Answer(503)
        except Exception:  # a list that can't be made must not fail the page
            log.exception("the list of %s/%s can't be made", *shop)
            answer = Answer(503)
        until_s = monotonic() + FRESH_S
        if answer.status == 503:
            self._silent_until_s[number] = until_s
        self._held.pop((shop, for_carrier), None)
        held = self._held[shop, for_carrier] = _Held(until_s, await _read(answer))
        return held

    def _drop_old(self) -> None:
        """Drops what is no longer fresh, and the oldest where there is too much."""
        now_s, count = monotonic(), 0
        for key, held in reversed(list(self._held.items())):
            count += 0 if held.found is None else len(held.found.entries)
            if held.until_s <= now_s or count > HELD:
                del self._held[key]


async def _read(answer: Answer) -> ShopList | None:
    if answer.status != 200:
        return None
    entries: list[Due] = []
    try:
        reply = from_body(answer.body)
        for entry in entries_of(reply.entries, reply.at_ms):
            entries.append(entry)
            if len(entries) % AT_ONCE == 0:
                await asyncio.sleep(0)
    except (msgspec.DecodeError, ValueError, ZlibError) as error:  # a worker of another version
        log.warning("the list in another worker's answer can't be read: %r", error)
        return None
    return ShopList(entries, reply.total)
