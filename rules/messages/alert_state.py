"""The state of an alert: desired, and last emitted; and whether the two differ."""

from msgspec import UNSET, Struct, UnsetType

from rules.calendar.instants import NEVER, from_rfc3339
from rules.messages.alerts import Alert, Severity, Stage
from rules.messages.figures import Figures, figures_in


class Emitted(Struct, array_like=True, gc=False):
    """What was last emitted of an alert: the part of its newest record that later transitions need.

    It is derived from that record, so the `alerts` topic is the only memory of it.
    """

    rule: str
    revision: int
    open: bool
    severity: str
    stage: str
    judgement: int
    at_ms: int
    opened_at_ms: int
    due_ms: int | None
    until_ms: int | None = None
    tier: str | None = None
    figures: Figures | None = None


class Desired(Struct, gc=False):
    """The state that an open alert should have."""

    stage: Stage
    severity: Severity
    due_ms: int | None = None
    judgement: int = 0
    until_ms: int | None = None
    tier: str | None = None


def emitted_from(alert: Alert) -> Emitted:
    """The state in an alert's newest record."""
    data = alert.data
    return Emitted(
        rule=data.rule,
        revision=data.revision,
        open=data.state == "open",
        severity=data.severity,
        stage=data.stage,
        judgement=0 if data.judgement is UNSET else data.judgement,
        at_ms=from_rfc3339(alert.time),
        opened_at_ms=from_rfc3339(data.opened_at),
        due_ms=None if data.due_at is None else from_rfc3339(data.due_at),
        until_ms=_until(data.until),
        tier=None if data.tier is UNSET else data.tier,
        figures=figures_in(data),
    )


def _until(until: str | UnsetType | None) -> int | None:
    if isinstance(until, str):
        return from_rfc3339(until)
    return NEVER if until is None else None


def record_emitted(
    rule: str, last_emitted: Emitted | None, desired: Desired | None, figures: Figures | None, at_ms: int
) -> Emitted:
    """The state in a record that is being written now: what `emitted_from` would read from it."""
    last = desired or last_emitted
    assert last is not None
    return Emitted(
        rule=rule,
        revision=1 if last_emitted is None else last_emitted.revision + 1,
        open=desired is not None,
        severity=last.severity,
        stage=last.stage,
        judgement=last.judgement,
        at_ms=at_ms,
        opened_at_ms=at_ms if last_emitted is None or not last_emitted.open else last_emitted.opened_at_ms,
        due_ms=last.due_ms,
        until_ms=last.until_ms,
        tier=last.tier,
        figures=figures,
    )


def needs_emit(last_emitted: Emitted | None, desired: Desired | None) -> bool:
    """Whether the desired state differs from what was last emitted."""
    if desired is None:
        return last_emitted is not None and last_emitted.open
    return (
        last_emitted is None
        or not last_emitted.open
        or last_emitted.stage != desired.stage
        or last_emitted.severity != desired.severity
        or last_emitted.judgement != desired.judgement
        or last_emitted.tier != desired.tier
    )
