"""How often a shop is read: often while it changes, less and less often while it doesn't."""

MINUTE_MS = 60_000

FASTER = 3
"""So many times as often as usual, but at most once a minute."""


class Rhythm:
    """`pause_ms` is how long to wait before the next reading, `every_ms` the longest such wait."""

    def __init__(self, every_ms: int) -> None:
        self._slow_ms = every_ms
        self._fast_ms = min(every_ms, max(MINUTE_MS, every_ms // FASTER))
        self.pause_ms = every_ms

    def was_read(self, has_news: bool) -> None:
        self.pause_ms = self._fast_ms if has_news else min(self._slow_ms, 2 * self.pause_ms)
