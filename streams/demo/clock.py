"""The demo's clock: real time from some instant on, so many times faster."""

import asyncio
from time import monotonic


class Clock:
    """Runs from when it is made."""

    def __init__(self, start_ms: int, speed: float) -> None:
        self.start_ms, self.speed = start_ms, speed
        self._began_s = monotonic()

    def now_ms(self) -> int:
        return self.start_ms + round((monotonic() - self._began_s) * self.speed * 1000)

    async def pause(self, seconds: float) -> None:
        """So long by this clock."""
        await asyncio.sleep(seconds / self.speed)
