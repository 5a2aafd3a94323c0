"""What was last emitted of a shop's alerts: the part that matters here of each alert's newest record in the `alerts`
topic."""

from collections.abc import Collection, Iterator

from rules.kinds.nothing import NOTHING
from rules.messages.alert_state import Emitted


class EmittedLog:
    """The shop's own `alerts` by id, which of them are open by rule, and how many alerts are open (`open_total`, and
    `open_by_severity`), including those of its orders, which each order holds itself."""

    __slots__ = ("_open_by_rule", "alerts", "open_by_severity", "open_total")

    def __init__(self) -> None:
        self.alerts: dict[str, Emitted] = {}
        self.open_total = 0
        self.open_by_severity: dict[str, int] = NOTHING
        self._open_by_rule: dict[str, set[str]] = NOTHING

    def record(self, held: dict[str, Emitted], alert: str, emitted: Emitted) -> None:
        """Records what was emitted of an alert, in the shop's own `alerts` or in those of an order."""
        last_emitted = held.get(alert)
        held[alert] = emitted
        self._count(last_emitted.severity if last_emitted is not None and last_emitted.open else None, emitted)
        if held is self.alerts:
            self._index(alert, emitted)

    def reopen(self, held: dict[str, Emitted], alert: str) -> None:
        """Takes a resolved alert to be open, because another process has written so."""
        emitted = held[alert]
        before = emitted.severity if emitted.open else None
        emitted.open = True
        self._count(before, emitted)
        if held is self.alerts:
            self._index(alert, emitted)

    def _count(self, before: str | None, emitted: Emitted) -> None:
        """`before`: the severity with which the alert was open; None if it wasn't."""
        now = emitted.severity if emitted.open else None
        if now == before:
            return
        counts = self.open_by_severity or {}
        if before is not None:
            counts[before] -= 1
            self.open_total -= 1
        if now is not None:
            counts[now] = counts.get(now, 0) + 1
            self.open_total += 1
        self.open_by_severity = counts

    def _index(self, alert: str, emitted: Emitted) -> None:
        if emitted.open:
            self._open_by_rule = self._open_by_rule or {}
            self._open_by_rule.setdefault(emitted.rule, set()).add(alert)
        else:
            self._open_by_rule.get(emitted.rule, set()).discard(alert)

    def open_of(self, rule: str) -> Collection[str]:
        """The shop's own open alerts of a rule."""
        return self._open_by_rule.get(rule, ())

    def open_alerts(self) -> Iterator[Emitted]:
        """The shop's own open alerts."""
        return (self.alerts[alert] for alerts in self._open_by_rule.values() for alert in alerts)

    def forget(self, alert: str) -> None:
        """Drops one of the shop's own alerts, which ended long ago."""
        del self.alerts[alert]
