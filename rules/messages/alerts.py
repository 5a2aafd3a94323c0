"""The alerts that go out: CloudEvents 1.0 whose newest record is the alert's whole state."""

import re
from string import ascii_letters, digits
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rules.calendar.instants import from_rfc3339, rfc3339
from rules.messages.names import decoded, encoded

Severity = Literal["info", "warning", "critical"]
Stage = str
"""`due_soon`, `overdue`; `near`, `crossed` or the name of the tier reached; `active` for a sanction."""
State = Literal["open", "resolved"]
Change = Literal["alert.opened", "alert.updated", "alert.resolved"]

Reason = Literal[
    "deadline_near",
    "deadline_passed",
    "happened",
    "judged_again",
    "went_silent",
    "threshold_near",
    "threshold_crossed",
    "sanction_started",
    "fulfilled",
    "cancelled",
    "deadline_moved",
    "evidence_arrived",
    "fell_back",
    "period_ended",
    "sanction_ended",
    "no_longer_applies",
    "too_many",
    "voided",
    "figures_moved",
]
"""Why a record was written: the closed list behind `reason`. `too_many`: so many alerts of one rule and shop are open
that some are only counted. `figures_moved`: at a full hour a figure differed by a tenth or more from the record
before."""


Addressee = Literal["warehouse", "purchasing", "listing", "customer_service", "finance"]
"""Who should do something about an alert."""


class Action(Struct, frozen=True, gc=False):
    """What somebody should do about it."""

    to: Addressee
    do: str


class Penalty(Struct, omit_defaults=True, gc=False):
    """What it costs: money (a decimal in `currency`), points in a `ledger`, or what the marketplace does, in words."""

    amount: str | None = None
    currency: str | None = None
    others: list[dict[str, str]] | None = None
    points: float | None = None
    ledger: str | None = None
    effect: str | None = None


class AlertData(Struct, kw_only=True, gc=False):
    """`value`, `threshold` and `headroom` belong to ratios, counts, levels and ledgers; `headroom` is how many more bad
    orders (or points, or units of stock) fit before the next step, negative when past it. `until` belongs to sanctions;
    null means for good.

    `title` is the rule's short name, `titles` the same by language (`en`, `zh`). `link` is the alert's page in the
    console: an address where the worker knows the console's, else a path of the console. They are empty in records
    written before there were any."""

    alert: str
    revision: int
    rule: str
    clause: str
    state: State
    severity: Severity
    stage: Stage
    reason: Reason
    opened_at: str
    due_at: str | None = None
    summary: str
    title: str = ""
    titles: dict[str, str] = {}
    link: str = ""
    value: float | None = None
    threshold: float | None = None
    headroom: float | None = None
    judgement: int | UnsetType = UNSET
    tier: str | UnsetType = UNSET
    until: str | UnsetType | None = UNSET
    evidence: dict[str, Any]
    penalty: Penalty | None = None
    actions: list[Action]


class Alert(Struct, kw_only=True, gc=False):
    """One record of the `alerts` topic."""

    specversion: str = "1.0"
    id: str
    source: str = "shipclock"
    type: Change
    time: str
    platform: str
    shop: str
    order: str | UnsetType = UNSET
    data: AlertData


def alert_id(rule: str, shop: str, subject: str, episode: str) -> str:
    """The id of an alert, made only of what it is about, so that the same facts give the same id.

    `shop` is a `shop_key`; `subject` an order, a SKU, a provider or `-`; `episode` an instant, a period, `-`, or `more`
    for the alert that counts those not shown one by one.
    """
    return f"{rule}:{shop}:{encoded(subject)}:{episode}"


def subject_and_episode(alert: str, rule: str, shop: str) -> tuple[str, str]:
    """The last two parts of an alert id. Only the episode may contain colons, since names are encoded."""
    subject, _, episode = alert.removeprefix(f"{rule}:{shop}:").partition(":")
    return decoded(subject), episode or "-"


def instant_of(episode: str) -> int | None:
    """The instant (epoch ms) that an episode names; None if it names something else."""
    try:
        return from_rfc3339(episode)
    except ValueError:
        return None


def shop_of(alert: str) -> tuple[str, str] | None:
    """Platform and shop in an alert's id; None if it is no id."""
    _, _, rest = alert.partition(":")
    platform, slash, shop = rest.partition(":")[0].partition("/")
    return (decoded(platform), decoded(shop)) if slash else None


_IN_MOST_IDS: Final = (ascii_letters + digits + "_.~:/%-").encode()
_RESERVED: Final = re.compile(r"[^A-Za-z0-9_.~-]")


def console_path(alert: str) -> str:
    """The page of an alert, as a path of the console."""
    if alert.encode().translate(None, _IN_MOST_IDS):
        return "/#/alerts/" + _RESERVED.sub(_percent_encoded, alert)
    # Gives the same for most ids, in a sixth of the time: every record has it.
    return "/#/alerts/" + encoded(alert)


def _percent_encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


encode: Final = msgspec.json.Encoder().encode

decode: Final = msgspec.json.Decoder(Alert).decode
"""Raises msgspec.DecodeError for what is no alert."""


def instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
