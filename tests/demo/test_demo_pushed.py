"""`shipclock demo --feed`: an emulated Shopee's pushes end in alerts."""

import asyncio
import contextlib
import io
import os
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from rules.calendar.instants import DAY_MS, HOUR_MS, from_rfc3339
from streams import pack_files
from streams.demo import show
from streams.demo.shopee_orders import DAYS_TO_SHIP, SHOPS, TROUBLED, Change, Orders
from tests.runtime.support import until
from tests.runtime.test_embedded import left_in
from tests.runtime.workers import SHIPCLOCK

START_MS = from_rfc3339("2026-06-01T00:00:00Z")
DAYS = 12


def changes(seed: int = 1) -> list[Change]:
    """Of the first days, asked for hour by hour."""
    orders = Orders(seed, START_MS)
    return [each for hour in range(DAYS * 24) for each in orders.until(START_MS + hour * HOUR_MS)]


def test_the_same_seed_gives_the_same_orders_in_the_order_of_time() -> None:
    first, second, other = changes(), changes(), changes(seed=2)
    assert [(each.order, each.at_ms, each.pushes) for each in first] == [
        (each.order, each.at_ms, each.pushes) for each in second
    ]
    assert {each.order for each in first}.isdisjoint({each.order for each in other})
    assert all(one.at_ms <= later.at_ms for one, later in pairwise(first))


def test_one_shop_ships_in_time_and_the_other_leaves_three_orders_in_ten_until_they_are_cancelled() -> None:
    late: Counter[str] = Counter()
    placed: Counter[str] = Counter()
    for each in changes():
        placed[each.shop] += each.at_ms < START_MS + 6 * DAY_MS and each.detail["order_status"] == "READY_TO_SHIP"
        if each.detail.get("cancel_by") == "system":
            late[each.shop] += each.at_ms < START_MS + (6 + DAYS_TO_SHIP + 2) * DAY_MS
    assert set(late) == {TROUBLED}
    assert set(placed) == set(SHOPS)
    assert 0.2 < late[TROUBLED] / placed[TROUBLED] < 0.4


@pytest.mark.slow
async def test_a_push_becomes_an_alert() -> None:
    out = io.StringIO()
    run = show.run(pack_files.load(()), speed=60_000, seconds=None, seed=1, out=out, pushed=True)
    running = asyncio.create_task(run)

    def overdue() -> bool:
        assert not running.done(), running.result()
        return bool(
            re.search(r"OPEN|CHANGE", out.getvalue()) and " critical shopee/lion-city Order 2606" in out.getvalue()
        )

    try:
        await until(overdue)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    output = out.getvalue()
    assert "PUSH    code 3: forged: refused, answered 401" in output
    for status in ("READY_TO_SHIP", "SHIPPED", "LOGISTICS_PICKUP_DONE"):
        assert re.search(rf"PUSH    code \d+: order 2606\w+ {status}: taken, answered 204", output), status


@pytest.mark.slow
async def test_it_ends_by_itself_says_what_came_of_the_pushes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    running = await asyncio.create_subprocess_exec(
        SHIPCLOCK,
        *("demo", "--feed", "--seconds", "8", "--speed", "60000"),
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await running.communicate()
    assert (running.returncode, errors.decode()) == (0, "")
    last = out.decode().splitlines()[-1]
    found = re.fullmatch(
        r"pushes: ([\d,]+) taken, [\d,]+ lost on their way, [\d,]+ to be sent again, 1 forged and refused; "
        r"with what was polled ([\d,]+) events and 0 dead letters",
        last,
    )
    assert found, last
    assert all(int(number.replace(",", "")) > 0 for number in found.groups())
    assert left_in(tmp_path) == []
