"""Which alerts are muted, for those that deliver: as the view of this worker's web knows it."""

from rules.messages.alerts import Alert
from streams.views.acks import Ack
from streams.views.view import View


class Mutes:
    """Knows none until it follows a view."""

    def __init__(self) -> None:
        self._view: View | None = None

    def follow(self, view: View) -> None:
        self._view = view

    def of(self, alert: Alert) -> Ack | None:
        """The mute of an alert that holds. None as well where the view doesn't know this record yet: it may be that of
        a worsening, which no mute may hide."""
        return None if self._view is None else self._view.mute_of(alert.data.alert, alert.data.revision)

    def hides(self, alert: Alert) -> bool:
        return self.of(alert) is not None
