"""Digests: a shop's changed alerts are gathered and sent together. Time comes in as an argument (epoch ms)."""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from rules.messages.alerts import Alert
from rules.messages.cost import rank_of

GATHER_MS: Final = 30_000
"""How long the first change of a shop waits for more, since several alerts often come together."""

RANK: Final = {"critical": 0, "warning": 1, "info": 2}

ShopKey = tuple[str, str]
"""`(platform, shop)`"""

Origin = tuple[int, int]
"""`(partition, offset)` of a record."""


class Digest(Struct):
    """The newest record of each alert that has changed, the worst first."""

    platform: str
    shop: str
    alerts: list[Alert]

    @property
    def gravest(self) -> str:
        """The highest severity that is open, or `resolved`."""
        is_open = [alert.data.severity for alert in self.alerts if alert.data.state == "open"]
        return min(is_open, key=RANK.__getitem__, default="resolved")


class _Gathered(Struct):
    """A shop's changes since its last digest. `oldest` is the first record's origin, `new` the alerts opened among
    them."""

    since_ms: int
    oldest: Origin
    alerts: dict[str, Alert] = {}
    new: set[str] = set()


class Digests:
    """One digest per shop and interval."""

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._gathered: dict[ShopKey, _Gathered] = {}
        self._last_ms: dict[ShopKey, int] = {}

    def add(self, alert: Alert, origin: Origin, now_ms: int, first: bool = False) -> None:
        """Adds the next record of an alert.

        An alert that opens and ends between two digests is left out, and with `first`, where nothing has ever been
        sent, so is one that has ended. Alerts of severity `info` are left out, and figures that have moved are no
        reason for a digest; the console shows them.
        """
        shop, name = (alert.platform, alert.shop), alert.data.alert
        gathered = self._gathered.get(shop) or _Gathered(now_ms, origin)
        known, informs = name in gathered.alerts, alert.data.severity == "info"
        if not known and (informs or (alert.data.reason == "figures_moved" and not first)):
            return
        if not known and (first or alert.type == "alert.opened"):
            gathered.new.add(name)
        gathered.alerts[name] = alert
        if name in gathered.new and (informs or alert.data.state == "resolved"):
            gathered.new.discard(name)
            del gathered.alerts[name]
        self._keep(shop, gathered)

    def _keep(self, shop: ShopKey, gathered: _Gathered) -> None:
        if gathered.alerts:
            self._gathered[shop] = gathered
        else:
            self._gathered.pop(shop, None)

    def due(self, now_ms: int, behind: Collection[int] = ()) -> list[Digest]:
        """The digests that are due; each is to be confirmed with `sent`. Those of partitions that are `behind` wait, as
        their alerts may be out of date."""
        return [
            _digest(shop, gathered.alerts.values())
            for shop, gathered in self._gathered.items()
            if gathered.oldest[0] not in behind and now_ms >= self._due_ms(shop, gathered)
        ]

    def sent(self, digest: Digest, now_ms: int) -> None:
        shop = (digest.platform, digest.shop)
        del self._gathered[shop]
        self._last_ms[shop] = now_ms
        self._last_ms = {each: at_ms for each, at_ms in self._last_ms.items() if at_ms + self._every_ms > now_ms}

    def holds(self, alert: Alert) -> bool:
        """Whether an earlier record of the alert waits for the next digest."""
        gathered = self._gathered.get((alert.platform, alert.shop))
        return gathered is not None and alert.data.alert in gathered.alerts

    def oldest(self, partition: int) -> int | None:
        """The offset from which a partition's records have not been sent yet."""
        origins = [each.oldest for each in self._gathered.values()]
        return min((offset for number, offset in origins if number == partition), default=None)

    def drop(self, partition: int) -> None:
        """Forgets a partition's gathered changes."""
        for shop, gathered in list(self._gathered.items()):
            if gathered.oldest[0] == partition:
                del self._gathered[shop]

    def _due_ms(self, shop: ShopKey, gathered: _Gathered) -> int:
        return max(gathered.since_ms + GATHER_MS, self._last_ms.get(shop, 0) + self._every_ms)


def _digest(shop: ShopKey, alerts: Iterable[Alert]) -> Digest:
    worst_first = sorted(
        alerts,
        key=lambda alert: (alert.data.state == "resolved", rank_of(alert), alert.data.due_at or "~"),
    )
    return Digest(*shop, worst_first)
