"""What polling remembers, and that one process at a time does."""

from pathlib import Path

import pytest

from streams.feeds.polling.ledger import InUse, Ledger, Tokens
from tests.commands.support import run
from tests.feeds.emulated.platform import DAY_MS, Clock
from tests.feeds.emulated.shopee import Shopee
from tests.feeds.polling import Notebook, polled, settings, write_settings


def test_it_is_this_users_alone_and_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "polls.sqlite"
    first = Ledger(file)
    tokens = Tokens("a", "r", 5, "g")
    first.set_mark("shopee/main/1/orders", 7)
    first.set_tokens("shopee/main/1", tokens)
    first.set_deadlines("shopee/main/1", {"A1": "2026-11-05T10:00:00Z", "A2": "2026-11-06T10:00:00Z"})
    first.set_deadlines("shopee/main/1", {"A2": None})
    first.close()
    second = Ledger(file)
    assert second.mark("shopee/main/1/orders") == 7
    assert second.tokens("shopee/main/1") == tokens
    assert second.deadline("shopee/main/1", "A1") == "2026-11-05T10:00:00Z"
    assert second.deadline("shopee/main/1", "A2") is None
    second.close()
    assert file.stat().st_mode & 0o077 == 0


async def test_marks_that_are_moved_back_are_read_from_again(tmp_path: Path) -> None:
    async with Shopee(Clock()) as shopee:
        feeds, clock = settings(tmp_path, shopee), shopee.clock
        shopee.order("A1", order_status="WAT")
        written = Notebook()
        async with polled(feeds, tmp_path, clock, written) as polls:
            began_ms = clock.at_ms
            clock.at_ms += DAY_MS
            await polls["orders"].read()
            assert len(written.reasons()) == 1
        shopee.orders["A1"]["order_status"] = "READY_TO_SHIP"  # as if the mapping was mended
        async with polled(feeds, tmp_path, clock, written) as polls:
            await polls["orders"].read()
            assert written.ids() == []
            polls["orders"].ledger.move_back(began_ms)
            await polls["orders"].read()
        assert written.ids() == ["A1:placed"]


def test_one_at_a_time_holds_it(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path / "polls.sqlite"), Ledger(tmp_path / "polls.sqlite")
    first.lock()
    with pytest.raises(InUse):
        second.lock()
    first.close()
    second.lock()
    second.close()


async def test_a_second_poll_ends_at_once_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Shopee(Clock()) as shopee:
        file = write_settings(tmp_path, shopee)
    for name, value in {"BROKER": "kafka://127.0.0.1:1", "FEEDS": str(file), "DATADIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"SHIPCLOCK_{name}", value)
    running = Ledger(tmp_path / "polls.sqlite")
    running.lock()
    result = run("poll")
    running.close()
    assert (result.exit_code, result.stderr) == (
        2,
        f"shipclock poll: another one polls with {tmp_path / 'polls.sqlite'}\n",
    )


async def test_a_refresh_token_that_is_new_in_the_settings_is_taken_over(tmp_path: Path) -> None:
    async with Shopee(Clock()) as shopee:
        written = Notebook()
        async with polled(settings(tmp_path, shopee), tmp_path, shopee.clock, written) as polls:
            await polls["orders"].read()
        shopee.grants.clear()  # the seller has withdrawn, and authorises again
        shopee.end_tokens()
        shopee.order("A1")
        async with polled(settings(tmp_path, shopee), tmp_path, shopee.clock, written) as polls:
            await polls["orders"].read()
        assert written.ids() == ["A1:placed"]
        assert shopee.refused == []
