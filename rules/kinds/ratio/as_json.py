"""A ratio's count as standings and alerts show it."""

from typing import Any

from rules.calendar.days import start_of_day
from rules.calendar.instants import rfc3339
from rules.calendar.windows import Period
from rules.kinds.ratio.compiled import CompiledRatio, Count
from rules.kinds.ratio.counters import RatioCounter
from rules.kinds.ratio.period_results import PeriodResult


def ratio_json(counter: RatioCounter, count: Count) -> dict[str, Any]:
    ratio = counter.ratio
    return {
        "value": ratio.numerator(count) / count.total if count.total else None,
        "numerator": ratio.numerator(count),
        "denominator": count.total,
        "threshold": ratio.threshold(count),
        "headroom": ratio.headroom(count),
        "window": window_json(counter, count.period),
    }


def computed_json(ratio: CompiledRatio, boundary: int, found: PeriodResult) -> dict[str, Any]:
    good = found.total - found.bad if ratio.rule.good else found.bad
    return {"at": rfc3339(boundary), "numerator": good, "denominator": found.total, "stage": found.step}


def window_json(counter: RatioCounter, period: Period) -> dict[str, str]:
    """The bounds of a period; `to` is excluded."""
    zone = counter.ratio.zone
    return {
        "from": rfc3339(start_of_day(period.first, zone)),
        "to": rfc3339(start_of_day(period.last + 1, zone)),
    }
