"""What was last emitted of a shop's alerts: the part that matters here of each alert's newest record in the `alerts`
topic."""

from collections.abc import Collection

from rules.kinds.nothing import NOTHING
from rules.messages.alert_state import Emitted


class EmittedLog:
    """The shop's own `alerts` by id, which of them are open by rule, and how many alerts are open (`open_total`),
    including those of its orders, which each order holds itself."""

    __slots__ = ("_open_by_rule", "alerts", "open_total")

    def __init__(self) -> None:
        self.alerts: dict[str, Emitted] = {}
        self.open_total = 0
        self._open_by_rule: dict[str, set[str]] = NOTHING

    def record(self, held: dict[str, Emitted], alert: str, emitted: Emitted) -> None:
        """Records what was emitted of an alert, in the shop's own `alerts` or in those of an order."""
        before = held.get(alert)
        held[alert] = emitted
        self._count(held, alert, emitted, before is not None and before.open)

    def reopen(self, held: dict[str, Emitted], alert: str) -> None:
        """Takes a resolved alert to be open, because another process has written so."""
        emitted = held[alert]
        was_open, emitted.open = emitted.open, True
        self._count(held, alert, emitted, was_open)

    def _count(self, held: dict[str, Emitted], alert: str, emitted: Emitted, was_open: bool) -> None:
        self.open_total += emitted.open - was_open
        if held is not self.alerts:
            return
        if emitted.open:
            self._open_by_rule = self._open_by_rule or {}
            self._open_by_rule.setdefault(emitted.rule, set()).add(alert)
        else:
            self._open_by_rule.get(emitted.rule, set()).discard(alert)

    def open_of(self, rule: str) -> Collection[str]:
        """The shop's own open alerts of a rule."""
        return self._open_by_rule.get(rule, ())

    def forget(self, alert: str) -> None:
        """Drops one of the shop's own alerts, which ended long ago."""
        del self.alerts[alert]
