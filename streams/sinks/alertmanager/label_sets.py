"""Which alerts Alertmanager should know as firing, under which labels, and which have ended.

Alertmanager identifies an alert by its set of labels. Severity and stage are labels, because its routes and inhibitions
use them. So when one of them changes, the old set is ended at once and sent with the new one; otherwise it would go on
firing.
"""

from collections.abc import Iterator

from msgspec import UNSET, Struct

from rules.calendar.instants import from_rfc3339, rfc3339
from rules.messages.alerts import Alert, console_path
from streams.sinks.local_times import local_times

EXPIRES_MS = 240_000
"""Alertmanager ends an alert that isn't sent again for so long: then this process and its successors are gone."""

KEPT_MS = 900_000
"""How long the end of an alert is sent again."""

Labels = tuple[tuple[str, str], ...]


class LabelSetEpisode(Struct):
    """The time for which an alert had one set of labels. `ended_ms` is None while it fires."""

    alert: Alert
    since_ms: int
    ended_ms: int | None = None


class ActiveAlerts:
    """The label-set episodes of one partition's alerts. Times are epoch ms, by the clock of whoever wrote the records.

    `changes` are the episodes that have begun or ended since it was last cleared.
    """

    def __init__(self) -> None:
        self.changes: list[LabelSetEpisode] = []
        self._episodes: dict[str, dict[Labels, LabelSetEpisode]] = {}

    def apply(self, alert: Alert, at_ms: int, now_ms: int) -> None:
        """A record of an alert, written at `at_ms`."""
        episodes = self._episodes.setdefault(alert.data.alert, {})
        is_open, under = alert.data.state == "open", labels(alert)
        self._end(episodes, at_ms, but=under)
        since_ms = min(from_rfc3339(alert.data.opened_at), at_ms)
        episode = episodes[under] = LabelSetEpisode(alert, since_ms, None if is_open else at_ms)
        self.changes.append(episode)
        self._drop_old(alert.data.alert, now_ms)

    def forget(self, alert: str, at_ms: int) -> None:
        """The alert's record was deleted."""
        self._end(self._episodes.get(alert, {}), at_ms)

    def firing(self) -> Iterator[Alert]:
        """The newest record of each alert that fires."""
        for episodes in self._episodes.values():
            yield from (episode.alert for episode in episodes.values() if episode.ended_ms is None)

    def all(self, now_ms: int) -> Iterator[LabelSetEpisode]:
        """Episodes that fire, and those that ended not long ago."""
        for alert in list(self._episodes):
            self._drop_old(alert, now_ms)
        for episodes in self._episodes.values():
            yield from episodes.values()

    def _end(self, episodes: dict[Labels, LabelSetEpisode], at_ms: int, but: Labels | None = None) -> None:
        for under, episode in episodes.items():
            if under != but and episode.ended_ms is None:
                episode.ended_ms = at_ms
                self.changes.append(episode)

    def _drop_old(self, alert: str, now_ms: int) -> None:
        episodes = self._episodes[alert]
        for under, episode in list(episodes.items()):
            if episode.ended_ms is not None and episode.ended_ms + KEPT_MS <= now_ms:
                del episodes[under]
        if not episodes:
            del self._episodes[alert]


def labels(alert: Alert) -> Labels:
    """The labels that identify an alert to Alertmanager."""
    data = alert.data
    return (
        ("alertname", data.rule),
        ("alert", data.alert),
        ("platform", alert.platform),
        ("shop", alert.shop),
        ("rule", data.rule),
        ("clause", data.clause),
        ("severity", data.severity),
        ("stage", data.stage),
    )


def posted(episode: LabelSetEpisode, now_ms: int, console_url: str, zone: str) -> dict[str, object]:
    """An episode as Alertmanager's API takes it, its summary in the times of a zone. It fires until `endsAt`, which is
    set a while ahead each time."""
    alert, data = episode.alert, episode.alert.data
    notes = {
        "title": data.title or data.rule,
        "summary": local_times(data.summary, zone, named=True),
        "reason": data.reason,
    }
    notes["revision"] = str(data.revision)
    if alert.order is not UNSET:
        notes["order"] = alert.order
    if data.due_at is not None:
        notes["due_at"] = data.due_at
    if data.headroom is not None:
        notes["headroom"] = f"{data.headroom:g}"
    ends_ms = now_ms + EXPIRES_MS if episode.ended_ms is None else episode.ended_ms
    return {
        "labels": dict(labels(alert)),
        "annotations": notes,
        "startsAt": rfc3339(min(episode.since_ms, ends_ms)),
        "endsAt": rfc3339(ends_ms),
        "generatorURL": console_url + console_path(data.alert),
    }
