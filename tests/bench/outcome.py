"""What a system put on its alerts topic, brought to one form and held against the expectation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from tests.bench.expected import ORDER_RULES, Expected


@dataclass
class Outcome:
    """``raised``: per order rule, every ``platform/shop/order`` ever raised. ``ratio``: per ``platform/shop``,
    the last word on ratio_5pct."""

    raised: dict[str, set[str]] = field(default_factory=lambda: {rule: set() for rule in ORDER_RULES})
    ratio: dict[str, bool] = field(default_factory=dict)

    def differences(self, expected: Expected) -> list[str]:
        """In words; none when the system was right."""
        found = []
        for rule in ORDER_RULES:
            missing, extra = (
                expected.raised[rule] - self.raised[rule],
                self.raised[rule] - expected.raised[rule],
            )
            if missing or extra:
                sample = sorted(missing | extra)[:3]
                found.append(f"{rule}: {len(missing)} missing, {len(extra)} too many, such as {', '.join(sample)}")
        wrong = sorted(shop for shop, above in expected.ratio.items() if self.ratio.get(shop, False) != above)
        if wrong:
            found.append(f"ratio_5pct: {len(wrong)} shops end wrong, such as {', '.join(wrong[:3])}")
        return found


Reading = Callable[[Iterable[ConsumerRecord]], Outcome]


def of_shipclock(records: Iterable[ConsumerRecord]) -> Outcome:
    """From alerts as in the contract; those of other packs than the job's are passed over."""
    outcome = Outcome()
    for event in _values(records):
        alert, shop = event["data"], f"{event['platform']}/{event['shop']}"
        if not alert["rule"].startswith("job."):
            continue
        rule = alert["rule"].removeprefix("job.")
        if rule == "ratio_5pct":
            outcome.ratio[shop] = alert["state"] == "open" and alert["stage"] == "crossed"
        elif alert["stage"] == "overdue":
            outcome.raised[rule].add(f"{shop}/{event['order']}")
    return outcome


def of_faust_stock(records: Iterable[ConsumerRecord]) -> Outcome:
    """From the plain form of ``faust_stock.py``."""
    outcome = Outcome()
    for alert in _values(records):
        raised = alert["state"] == "raised"
        if alert["rule"] == "ratio_5pct":
            outcome.ratio[alert["shop"]] = raised
        elif raised:
            outcome.raised[alert["rule"]].add(alert["order"])
    return outcome


def _values(records: Iterable[ConsumerRecord]) -> Iterable[dict[str, Any]]:
    return (orjson.loads(record.value) for record in records if record.value is not None)
