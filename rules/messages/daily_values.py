"""A shop's figures of one local day, as they lie in the topic of daily values for trends."""

import msgspec
from msgspec import Struct

from rules.messages.alert_state import Emitted
from rules.messages.names import shop_key


class RatioOfDay(Struct, frozen=True, kw_only=True):
    """What a ratio was: `numerator` of `denominator` orders, and the share at which its next step lies. It counts the
    local days from `first_day` to `last_day`, both included; `period` is the name of a calendar period, such as
    `2026-11`."""

    value: float | None
    threshold: float | None
    numerator: int
    denominator: int
    first_day: str
    last_day: str
    period: str | None = None


class PointsOfDay(Struct, frozen=True, kw_only=True):
    """What a ledger of penalty points was. `limit`: the points at which the next sanction begins, or past the last one
    that of the last; null where there is none. Points from before `first_day` are cleared; it is null where they go in
    another way."""

    ledger: str
    points: float
    limit: float | None
    first_day: str | None = None


class AlertsOfDay(Struct, kw_only=True):
    """How many alerts were opened and resolved since the day began, and how many deadlines were missed."""

    opened: int = 0
    resolved: int = 0
    deadlines_missed: int = 0

    def count(self, emitted: Emitted, since_ms: int) -> None:
        """Counts what was last emitted of an alert, by when the day began (epoch ms)."""
        self.opened += emitted.opened_at_ms >= since_ms
        self.resolved += not emitted.open and emitted.at_ms >= since_ms
        self.deadlines_missed += emitted.stage == "overdue" and (emitted.due_ms or 0) >= since_ms


class DailyValues(Struct, kw_only=True):
    """A shop's figures of one local day in `zone`, as of the instant `at`: that of the day's end, unless it is not over
    yet or nobody was there when it was. Ratios and ledgers are keyed by rule. `open_alerts` are by severity, and
    `penalties` is what those about the shop as a whole cost; `exposure` is the money at stake, what penalties due then
    would take. Each has a sum a currency, the largest first."""

    platform: str
    shop: str
    day: str
    zone: str
    at: str
    ratios: dict[str, RatioOfDay]
    ledgers: dict[str, PointsOfDay]
    open_alerts: dict[str, int]
    alerts: AlertsOfDay
    exposure: list[dict[str, str]]
    penalties: list[dict[str, str]]

    def key(self) -> bytes:
        """That of its record: `platform/shop/day`."""
        return f"{shop_key(self.platform, self.shop)}/{self.day}".encode()


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(DailyValues).decode
"""Records of the topic. Raises msgspec.DecodeError for what is none."""
