"""`python -m tests.bench.burst`: very many deadlines within one second, while events go on.

Time runs from the end of that second to the moment the broker appended the last of their alerts. Meanwhile other orders
are sent that are late already, as many a second as the idle worker's benchmark sends in ten; it is said how long their
alerts took.
"""

import argparse
import asyncio
from collections.abc import Mapping
from statistics import median

from streams.kafka.keys import partition_of
from tests.bench.figure import Figure
from tests.bench.live import FIRST_DEADLINE_MS, LOG_END, Live, key, live, now_ms, placed
from tests.bench.load import PARTITIONS, Writer
from tests.bench.parts import measure_alone
from tests.support.kafka import Kafka

COUNT = 100_000
SHOPS = 400
SECOND_MS = 1_000

ORDERS_A_SECOND = 5_000
"""How fast the orders are surely taken; they fall due when that is over."""

LEAST_LEAD_MS = 5_000
BESIDE_S = 0.03
"""Between two of the other events."""

GIVE_UP_S = 120.0
COMMAND = "python -m tests.bench.burst --count {count}"


async def figures(kafka: Kafka, core: int, count: int = COUNT) -> list[Figure]:
    async with live(kafka, core) as to:
        due_ms = now_ms() + LEAST_LEAD_MS + count * 1_000 // ORDERS_A_SECOND
        await _place(to, count, due_ms)
        await asyncio.sleep((due_ms - now_ms()) / 1000)
        sent_ms, alerts_ms = await _meanwhile(to, count)
    return found(due_ms, sent_ms, alerts_ms, count)


def found(due_ms: int, sent_ms: Mapping[str, int], alerts_ms: Mapping[str, int], count: int) -> list[Figure]:
    """`due_ms`: the first of the `count` deadlines. `sent_ms`: the other events. Raises ValueError for a deadline whose
    alert is missing, or came early."""
    burst = {order: at_ms for order, at_ms in alerts_ms.items() if order.startswith("due-")}
    if len(burst) != count:
        raise ValueError(f"{count - len(burst)} of {count} deadlines have no alert")
    if early := [order for order, at_ms in burst.items() if at_ms < due_of(order, due_ms, count)]:
        raise ValueError(f"{len(early)} alerts came before their deadline, such as that of {early[0]}")
    beside = [alerts_ms[order] - at_ms for order, at_ms in sent_ms.items() if order in alerts_ms]
    command = COMMAND.format(count=count)
    last_s = (max(burst.values()) - due_ms - SECOND_MS) / 1000
    return [
        Figure(f"{count:,} deadlines in one second, until the last alert", last_s, "s", command),
        Figure(f"an event meanwhile → alert, median of {len(beside)}", median(beside), "ms", command),
    ]


def due_of(order: str, due_ms: int, count: int) -> int:
    """The deadlines are spread evenly over the second."""
    return due_ms + int(order.removeprefix("due-")) * SECOND_MS // count


async def _place(to: Live, count: int, due_ms: int) -> None:
    topic = f"{to.site.prefix}orders"
    writers = [Writer(to.producer, topic, number) for number in range(PARTITIONS)]
    for n in range(count):
        shop, order = f"s{n % SHOPS}", f"due-{n}"
        value = placed(order, due_of(order, due_ms, count) - FIRST_DEADLINE_MS, shop)
        await writers[partition_of("joom", shop, PARTITIONS)].write(key(shop), value)
    for writer in writers:
        await writer.close()


async def _meanwhile(to: Live, count: int) -> tuple[dict[str, int], Mapping[str, int]]:
    """Sends other events until all deadlines have their alerts. Returns when each was sent, and when alerts came.
    Raises TimeoutError, with the end of the worker's log, if that takes too long, whatever is waited for."""
    sent_ms: dict[str, int] = {}
    alerts_ms: Mapping[str, int] = {}
    try:
        async with asyncio.timeout(GIVE_UP_S):
            while sum(order.startswith("due-") for order in alerts_ms) < count:
                await _send_some(to, sent_ms)
                # All of them are read only once they may be there: that takes the broker's core for seconds.
                if await to.alert_count() >= count:
                    alerts_ms = await to.first_alerts_ms()
    except TimeoutError:
        missing = f"after {GIVE_UP_S:.0f} s not all of {count} deadlines have alerts"
        raise TimeoutError(f"{missing}; the worker's log ends:\n{to.worker.log()[-LOG_END:]}") from None
    return sent_ms, alerts_ms


async def _send_some(to: Live, sent_ms: dict[str, int]) -> None:
    for _ in range(int(1 / BESIDE_S)):
        order = f"beside-{len(sent_ms)}"
        sent_ms[order] = now_ms()
        await to.place(order, sent_ms[order] - 2 * FIRST_DEADLINE_MS, shop=f"s{len(sent_ms) % SHOPS}")
        await asyncio.sleep(BESIDE_S)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.burst", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="deadlines (%(default)s)")
    count = parser.parse_args().count
    measure_alone(lambda kafka, core, _: figures(kafka, core, count))


if __name__ == "__main__":
    main()
