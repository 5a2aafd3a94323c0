"""What should be open of an alert, what was last emitted of it, and whether they differ."""

from msgspec import UNSET, Struct, UnsetType

from rules.calendar.instants import NEVER, from_rfc3339
from rules.messages.alerts import Alert, Severity, Stage


class Emitted(Struct, gc=False):
    """What was last said of an alert: enough to tell whether there is anything new to say.

    Derived from the newest record of the alert, so the `alerts` topic is its memory.
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


class Open(Struct, gc=False):
    """That an alert should be open, as a rule judges it."""

    stage: Stage
    severity: Severity
    due_ms: int | None = None
    judgement: int = 0
    until_ms: int | None = None
    tier: str | None = None


def emitted_from(alert: Alert) -> Emitted:
    """What the newest record of an alert leaves to remember."""
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
    )


def _until(until: str | UnsetType | None) -> int | None:
    if isinstance(until, str):
        return from_rfc3339(until)
    return NEVER if until is None else None


def record_emitted(rule: str, said: Emitted | None, wanted: Open | None, at_ms: int) -> Emitted:
    """What a record being written now leaves to remember: `emitted_from` of it, without reading it back."""
    last = wanted or said
    assert last is not None
    return Emitted(
        rule=rule,
        revision=1 if said is None else said.revision + 1,
        open=wanted is not None,
        severity=last.severity,
        stage=last.stage,
        judgement=last.judgement,
        at_ms=at_ms,
        opened_at_ms=at_ms if said is None or not said.open else said.opened_at_ms,
        due_ms=last.due_ms,
        until_ms=last.until_ms,
        tier=last.tier,
    )


def needs_emit(said: Emitted | None, wanted: Open | None) -> bool:
    """True when what should be open differs from what was last said."""
    if wanted is None:
        return said is not None and said.open
    return (
        said is None
        or not said.open
        or said.stage != wanted.stage
        or said.severity != wanted.severity
        or said.judgement != wanted.judgement
        or said.tier != wanted.tier
    )
