"""How many more shops and orders a partition may know, with a warning before the ceiling is reached."""

import logging
from collections.abc import Iterator

from rules.engine.engine import Engine

log = logging.getLogger(__name__)

NEARLY_FULL = 0.8


class CeilingWatch:
    """Of one partition; checked once a batch."""

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self._number = engine, number
        self._warned: set[str] = set()

    def used(self) -> Iterator[tuple[str, int, int]]:
        """`shops` and `orders`: how many are known, and how many may be."""
        engine = self._engine
        yield "shops", len(engine.shops), engine.ceilings.shops
        yield "orders", engine.order_count, engine.ceilings.orders

    def check(self) -> None:
        """Logs once that a ceiling is near; again only after there was more room."""
        for of, known, most in self.used():
            if known < NEARLY_FULL * most:
                self._warned.discard(of)
            elif of not in self._warned:
                self._warned.add(of)
                log.warning(
                    "partition %d knows %d %s; of more than %d the events become dead letters (SHIPCLOCK_MAX_%s)",
                    self._number,
                    known,
                    of,
                    most,
                    of.upper(),
                )
