"""`python -m tests.bench.alert_memory [ORDERS]`: what an alert takes in the console's view, which is in every worker.

Orders of a hundred shops aren't shipped for five days, with all packs. Bytes in use (`tests.bench.heap`), and of those
the bytes of its records: all of an alert are kept.
"""

import argparse
import gc

from rules.calendar.instants import DAY_MS
from rules.engine.engine import Engine
from rules.messages import alerts
from rules.messages.events import decode
from streams import pack_files
from streams.views.alerts import Alerts
from tests.bench.heap import bytes_in_use
from tests.bench.order_memory import life
from tests.bench.shop_memory import AT_MS

ORDERS = 10_000


def records_of(orders: int) -> list[bytes]:
    """The records of their alerts."""
    found: list[bytes] = []
    engine = Engine(pack_files.load([]), stepping=False, emit=lambda _, alert: found.append(alerts.encode(alert)))
    for n in range(orders):
        engine.apply(*decode(next(life(n, AT_MS))))
    for day in range(6):
        engine.advance(AT_MS + day * DAY_MS)
        engine.drain()
    return found


def main(orders: int = ORDERS) -> None:
    records = records_of(orders)
    view = Alerts()
    view.apply(b"", records[0])
    gc.collect()
    before = bytes_in_use()
    for value in records[1:]:
        view.apply(b"", bytes(bytearray(value)))  # as the consumer gives it: nobody else holds it
    gc.collect()
    held = view.having(None)
    each, raw = (bytes_in_use() - before) / len(held), sum(map(len, records)) / len(held)
    print(f"{len(held):,} alerts, {len(records) / len(held):.1f} records each, bytes each: {each:.0f}, ", end="")
    print(f"{raw:.0f} of them of records")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.alert_memory", description=__doc__)
    parser.add_argument("orders", nargs="?", type=int, default=ORDERS, help="(%(default)s)")
    main(parser.parse_args().orders)
