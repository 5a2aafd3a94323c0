"""Says when the shops of a partition are checkpointed, so that a restart needn't read their finished orders back."""

from collections.abc import Iterator
from itertools import islice
from time import monotonic

from rules.engine.engine import Engine
from rules.state.order_ledger import Worth
from rules.state.shop import Shop

LOOKED_AT = 100
"""Shops that are looked at after each commit cycle…"""

LONGEST_S = 0.02
"""…and after how long no other is checkpointed."""

FILL, FILL_IN_BACKLOG = 4_000, 400
"""Orders counted by checkpoints that are added after each commit cycle to those known to have left memory: some 8 ms,
or 1 ms."""

WORTH_IN_BACKLOG, WORTH, WORTH_SOON = Worth(1_000, 4), Worth(100, 4), Worth(1, 100)
"""When a checkpoint is worth its time: in a backlog, else, and now and then or before the worker stops."""

SOON_EVERY_S = 60.0
"""How often shops are checkpointed of which few orders have left memory since, while there is time to spare."""


class Checkpointing:
    """The turns of one partition's shops."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._round: Iterator[Shop] = iter(())
        self._is_soon = False
        self._soon_s = monotonic() + SOON_EVERY_S

    def turn(self, is_busy: bool, is_written: bool) -> None:
        """Looks at some shops, if all that was evaluated is written: a checkpoint that is ahead of it would have the
        next start emit nothing of what is missing. Called when `Engine.evict` is."""
        self._engine.ledger.fill(FILL_IN_BACKLOG if is_busy else FILL)
        if not is_written:
            return
        began_s, looked_at = monotonic(), 0
        for shop in islice(self._round, LOOKED_AT):
            looked_at += 1
            self._look_at(shop, WORTH_IN_BACKLOG if is_busy else WORTH_SOON if self._is_soon else WORTH)
            if monotonic() - began_s > LONGEST_S:
                return
        if looked_at < LOOKED_AT:
            self._begin_round(began_s)

    def _begin_round(self, now_s: float) -> None:
        self._round = iter(list(self._engine.shops.values()))
        self._is_soon = now_s >= self._soon_s
        if self._is_soon:
            self._soon_s = now_s + SOON_EVERY_S

    def finish(self, until_s: float) -> Iterator[None]:
        """Before the worker stops: goes through the shops, those first of which most has changed, until it is time.
        Yields after each."""
        for shop in sorted(self._engine.shops.values(), key=lambda shop: -shop.moved):
            if not shop.moved or monotonic() > until_s:
                break
            self._look_at(shop, WORTH_SOON)
            yield

    def _look_at(self, shop: Shop, worth: Worth) -> None:
        if self._engine.ledger.is_checkpoint_due(shop, worth):
            self._engine.checkpoint(shop)
