"""How the worker's databases use memory: all of them together, however many partitions it has.

Each database by itself would keep up to two write buffers and a block cache, and there are two of them a partition.
"""

from typing import Final

from rocksdict import BlockBasedOptions, Cache, Options, WriteBufferManager

WRITE_BUFFERS_BYTES: Final = 32 * 1024 * 1024
"""What all databases gather in memory before they write it to files; beyond that, the one that is written to begins a
file early. What is on its way into a file counts, and may lie above."""

WRITE_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""After so much a database writes a file in any case: writing small ones costs no more."""

BLOCK_CACHE_BYTES: Final = 16 * 1024 * 1024
"""Blocks of the files that all databases have read last. Indexes are kept beside it: looked up in it they would make a
read of an order a hundred times slower."""

INDEX_RESTART: Final = 16
"""Of so many keys in an index only the first is written whole: an index takes 1 byte an order in place of 9, and a read
no longer."""

WRITE_BUFFERS: Final = WriteBufferManager(WRITE_BUFFERS_BYTES, False)
BLOCK_CACHE: Final = Cache(BLOCK_CACHE_BYTES)


def options() -> Options:
    """For one database: keys and values are bytes, and memory is shared with all others of this process."""
    found = Options(raw_mode=True)
    found.create_if_missing(True)
    found.set_max_background_jobs(2)
    found.set_write_buffer_size(WRITE_BUFFER_BYTES)
    found.set_write_buffer_manager(WRITE_BUFFERS)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(BLOCK_CACHE)
    blocks.set_index_block_restart_interval(INDEX_RESTART)
    found.set_block_based_table_factory(blocks)
    return found
