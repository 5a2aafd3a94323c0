"""System (a), the limit: plain aiokafka consume and orjson parse of every record in one process, no more.

``python -m tests.bench.limit BOOTSTRAP PREFIX GROUP``
"""

import asyncio
import sys

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench.load import INPUTS, PARTITIONS
from tests.bench.marks import FIRST, LAST, mark


async def consume(bootstrap: str, prefix: str, group: str) -> None:
    partitions = [TopicPartition(prefix + topic, number) for topic in INPUTS for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign(partitions)
        total = sum((await consumer.end_offsets(partitions)).values())
        count = 0
        while count < total:
            batches = await consumer.getmany(timeout_ms=1000)
            if batches and not count:
                mark(FIRST)
            for records in batches.values():
                for record in records:
                    orjson.loads(record.value)
                count += len(records)
        mark(LAST)
        await consumer.commit()
        print(f"counted {count}", flush=True)
        await asyncio.Event().wait()  # until the harness, which still reads this process's CPU and memory, ends it


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:]))
