"""The watermark: how far event time has come in one partition."""

from collections.abc import Iterable, Mapping

from rules.calendar.instants import LONGEST_LEAP_MS, MIN_MS, NEVER


class Watermark:
    """The clock of one partition in event time: the smallest, over its inputs, of the largest time seen.

    For each input it keeps the newest instant seen and the instant through which it is complete. An event completes all
    before its own instant, since another of the same instant may follow; a tick completes its own instant too.
    """

    def __init__(self, inputs: Iterable[str]) -> None:
        self.through_ms = dict.fromkeys(inputs, MIN_MS)
        self.ticked_ms = MIN_MS
        self._newest_ms = dict.fromkeys(inputs, MIN_MS)

    def observe(self, topic: str, newest_ms: int) -> None:
        """Notes the largest event time of a batch."""
        self._raise(topic, newest_ms - 1, newest_ms)

    def tick(self, topic: str, at_ms: int) -> None:
        self.ticked_ms = max(self.ticked_ms, at_ms)
        self._raise(topic, at_ms, at_ms)

    def restore(self, through_ms: Mapping[str, int], ticked_ms: int) -> None:
        """Notes what was kept of an earlier worker's. It doesn't say whether an event or a tick came last: it is taken
        for an event, whose instant is complete once idle."""
        self.ticked_ms = max(self.ticked_ms, ticked_ms)
        for topic, each_ms in through_ms.items():
            self._raise(topic, each_ms, each_ms + 1 if each_ms > MIN_MS else MIN_MS)

    def _raise(self, topic: str, through_ms: int, newest_ms: int) -> None:
        if topic in self.through_ms:
            self.through_ms[topic] = max(self.through_ms[topic], through_ms)
            self._newest_ms[topic] = max(self._newest_ms[topic], newest_ms)

    def believed_to_ms(self, topic: str, now_ms: int) -> int:
        """The latest believable time of an event or tick on an input: one that leaps past everything seen on any input
        comes from a wrong clock. The very first is believed. An input that hasn't been seen yet may begin anywhere up
        to now (`now_ms`), since its log may not reach back as far as the others'; so may one that is no part of the
        clock."""
        heard_ms = max(self.ticked_ms, *self.through_ms.values())
        if heard_ms == MIN_MS:
            return NEVER
        if self.through_ms.get(topic, MIN_MS) == MIN_MS:
            heard_ms = max(heard_ms, now_ms)
        # The newest event lies a millisecond past the instant its input is complete through.
        return heard_ms + 1 + LONGEST_LEAP_MS

    def now_ms(self) -> int:
        return min(self.through_ms.values())

    def idle_ms(self) -> int:
        """The clock once everything appended has been read and nothing more comes: then the newest instant of the
        slowest input is complete as well, and a tick on any one input speaks for the whole partition."""
        return max(min(self._newest_ms.values()), self.ticked_ms)
