"""One metric of a shop's standing, how close it is to its threshold, and the bar that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import ceil, inf
from typing import Any

from rich.text import Text

NEAR_SHARE = 0.8
"""A metric that names no `near` level counts as near from this share of its threshold on."""

MARK_AT = 0.7
"""Where in a bar the threshold stands. The same in every bar, so the marks line up down the board."""


class Risk(IntEnum):
    """How bad a metric is, calmest first."""

    UNJUDGED = 0
    CALM = 1
    NEAR = 2
    CROSSED = 3


RISK_STYLE = {Risk.UNJUDGED: "default", Risk.CALM: "green", Risk.NEAR: "yellow", Risk.CROSSED: "red"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure the platform judges a shop by, as it stands in the contract's `metrics`.

    `value`, `threshold` and `near` are shares (0.05 is 5 %) when there is a `denominator`, else plain
    numbers; a `near` above the threshold says that lower is worse, as with a rating. `headroom` is how many
    more bad orders fit; below zero, how many there are too many.
    """

    clause: str
    value: float | None
    numerator: int | None
    denominator: int | None
    threshold: float | None
    near: float | None
    headroom: float | None

    @property
    def lower_is_worse(self) -> bool:
        """Whether the metric must stay above its threshold; without a `near` the headroom tells."""
        if self.threshold is None:
            return False
        if self.near is not None:
            return self.near > self.threshold
        if self.value is None or self.headroom is None:
            return False
        return self.headroom < 0 if self.value < self.threshold else self.headroom >= 0 and self.value > self.threshold

    @property
    def pressure(self) -> float:
        """How close the value is to the threshold: 0 far off or nothing to judge, 1 there, more when past."""
        if self.value is None or self.threshold is None:
            return 0.0
        least, most = (self.value, self.threshold) if self.lower_is_worse else (self.threshold, self.value)
        if least == 0:
            return inf if most else 0.0
        return most / least

    @property
    def risk(self) -> Risk:
        """On which side of `near` and `threshold` the value is."""
        if self.value is None or self.threshold is None:
            return Risk.UNJUDGED
        # "3 late marks" is reached at 3, but "over 5 %" only past 5 %.
        reached = self.denominator is None and self.value == self.threshold and not self.lower_is_worse
        if self.pressure > 1 or reached:
            return Risk.CROSSED
        if self.near is None:  # a share to be kept up is never far above its threshold
            return Risk.NEAR if self.pressure >= NEAR_SHARE and not self.lower_is_worse else Risk.CALM
        past_near = self.value < self.near if self.lower_is_worse else self.value >= self.near
        return Risk.NEAR if past_near else Risk.CALM

    def number(self, value: float) -> str:
        """`4.1%` for a share, `3` for a count."""
        return f"{round(value, 2):g}" if self.denominator is None else f"{value * 100:.1f}".removesuffix(".0") + "%"

    def now(self) -> str:
        """The value, `4.1%`."""
        return "–" if self.value is None else self.number(self.value)

    def limit(self) -> str:
        """The threshold, to stand behind the value: ` of 5%`."""
        return "" if self.threshold is None else f" of {self.number(self.threshold)}"

    def share(self) -> str:
        """The counts behind a ratio, `5/120`."""
        return "" if self.denominator is None else f"{self.numerator}/{self.denominator}"

    def headroom_text(self) -> str:
        """The headroom in the words of the console. Of a share, how many orders may still go bad: `3 more fit`, `2 too
        many`. Of a count, which is reached *at* its limit: `3 to go`, `at the limit`, `2 past`. Of what must be kept
        up: `3 to spare`, `short by 2`."""
        if self.headroom is None or self.value is None or self.threshold is None:
            return ""
        n = f"{round(abs(self.headroom), 1):,}".removesuffix(".0")
        is_past, is_count = self.headroom < 0, self.denominator is None
        if self.headroom == 0 and is_count:
            return "at the limit"
        if self.lower_is_worse:
            return f"short by {n}" if is_past else f"{n} to spare"
        if is_count:
            return f"{n} past" if is_past else f"{n} to go"
        fit, over = ("more fit", "too many") if abs(self.headroom) < 1_000 else ("fit", "over")
        return f"{n} {over if is_past else fit}"


def metrics_of(standing: Mapping[str, Any]) -> list[Metric]:
    """A shop's metrics, the worst first."""
    metrics = [
        Metric(
            clause=clause,
            value=found.get("value"),
            numerator=found.get("numerator"),
            denominator=found.get("denominator"),
            threshold=found.get("threshold"),
            near=found.get("near"),
            headroom=found.get("headroom"),
        )
        for clause, found in standing.get("metrics", {}).items()
    ]
    return sorted(metrics, key=lambda metric: (-metric.risk, -metric.pressure, metric.clause))


def stroke(halves: int, width: int, style: str) -> Text:
    """A line of `width` cells of which the first `halves` half cells are heavy."""
    full, half = divmod(min(halves, 2 * width), 2)
    heavy = "━" * full + "╸" * half
    return Text.assemble((heavy, style), ("─" * (width - len(heavy)), "dim"))


def cells_before_mark(width: int) -> int:
    """Where in a bar of `width` cells the threshold's mark stands, counted from 0."""
    return round(width * MARK_AT)


def bar(metric: Metric, width: int) -> Text:
    """The value as a bar with the threshold as a mark in it: `━━━━━━━╸──┃───`.

    The heavy line passes the mark only when the value is past the threshold, however close they are, and
    ends in an arrow where there is no room for it all.
    """
    if metric.threshold is None:
        return Text("no threshold", style="dim")
    style = RISK_STYLE[metric.risk]
    before = cells_before_mark(width)
    after = width - before - 1
    most = 4 * width  # enough for any bar, and finite
    upto = min(ceil(min(metric.pressure, 1) * before * 2), before * 2)
    past = ceil(min(max(metric.pressure - 1, 0) * before * 2, most))
    excess = stroke(past, after, style)
    if past > 2 * after:
        excess = Text.assemble(excess[: after - 1], ("▶", style))
    return Text.assemble(stroke(upto, before, style), ("┃", "bold"), excess)
