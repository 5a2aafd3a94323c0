"""`python -m tests.bench.shop_memory [SHOPS] [PLATFORMS] [PART]`: what a shop with one order takes, with all packs.

Bytes of the process (RSS) for one more, by its parts: the engine, and what the console's view keeps of the standing.
Each part is measured in a process of its own, so that none finds memory that another has let go.
"""

import argparse
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
from aiokafka import ConsumerRecord

from rules.engine.engine import Engine
from rules.messages.events import decode
from rules.reports.forecast import with_forecast
from rules.reports.standing import standing
from streams import pack_files
from streams.kafka.topics import TopicNames
from streams.views.view import View

AT_MS = 1_767_225_600_000
CYCLE_EVENTS = 5_000
PAGE_BYTES = 4_096
SHOPS = 20_000
PLATFORMS = "joom,douyin,shopee,ozon"


def placed(n: int, platform: str) -> bytes:
    """One order of a shop of its own."""
    data = {"amount": "12.50", "currency": "USD", "items": [{"sku": "A1", "qty": 1}]}
    event = {"id": f"e-{n}", "source": "erp/1", "type": "order.placed", "time": AT_MS + n, "platform": platform}
    return orjson.dumps(event | {"shop": f"shop-{n}", "order": f"order-{n}", "data": data})


def engine_with(shops: int, platforms: list[str], begun: Engine | None = None) -> Engine:
    engine = begun or Engine(pack_files.load([]), stepping=False)
    for n in range(len(engine.shops), len(engine.shops) + shops):
        engine.apply(*decode(placed(n, platforms[n % len(platforms)])))
        if n % CYCLE_EVENTS == 0:
            engine.advance(AT_MS + n)
            engine.drain()
    engine.advance(AT_MS + len(engine.shops))
    engine.drain()
    return engine


def standings_of(engine: Engine) -> Iterator[bytes]:
    for shop in engine.shops.values():
        yield orjson.dumps(with_forecast(standing(shop, engine.clock_ms), shop, engine.clock_ms))


def of_engine(shops: int, platforms: list[str]) -> float:
    engine = engine_with(100, platforms)
    before = rss()
    engine_with(shops, platforms, engine)
    return (rss() - before) / shops


def of_view(standings: Iterator[bytes]) -> float:
    names = TopicNames("", "bench")
    view = View(names, 4)
    before = rss()
    for n, value in enumerate(standings):
        view.apply(ConsumerRecord(names.standings, 0, n, AT_MS, 0, b"key", value, None, 3, len(value), ()))
    return (rss() - before) / (n + 1)


def rss() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def main(shops: int = SHOPS, platforms: str = PLATFORMS, part: str | None = None) -> None:
    among = platforms.split(",")
    match part:
        case "engine":
            print(round(of_engine(shops, among)))
        case "standings":
            sys.stdout.buffer.writelines(each + b"\n" for each in standings_of(engine_with(shops, among)))
        case "view":
            print(round(of_view(line.rstrip() for line in sys.stdin.buffer)))
        case _:
            run = [sys.executable, "-m", "tests.bench.shop_memory", str(shops), platforms]
            engine = int(subprocess.check_output([*run, "engine"]))
            standings = subprocess.check_output([*run, "standings"])
            view = int(subprocess.run([*run, "view"], input=standings, stdout=subprocess.PIPE, check=True).stdout)
            print(f"{shops:,} shops of {platforms}, bytes each: engine {engine:,}, view {view:,}, ", end="")
            print(f"together {engine + view:,} (a standing is {len(standings) / shops:,.0f})")


def parser() -> argparse.ArgumentParser:
    described = {"description": __doc__, "formatter_class": argparse.RawDescriptionHelpFormatter}
    made = argparse.ArgumentParser(prog="python -m tests.bench.shop_memory", **described)
    made.add_argument("shops", nargs="?", type=int, default=SHOPS, help="(%(default)s)")
    made.add_argument("platforms", nargs="?", default=PLATFORMS, help="comma-separated (%(default)s)")
    made.add_argument("part", nargs="?", choices=("engine", "standings", "view"), help="one part alone")
    return made


if __name__ == "__main__":
    main(**vars(parser().parse_args()))
