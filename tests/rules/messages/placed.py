"""An event as its sender writes it, and why it is turned away."""

import re
from typing import Any

import orjson
import pytest

from rules.messages.bad_events import BadEvent
from rules.messages.events import (
    decode,
)

PLACED = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "erp/1",
    "type": "order.placed",
    "time": "2026-01-01T00:00:00Z",
    "platform": "joom",
    "shop": "s17",
    "order": "8412",
    "data": {"amount": "12.50", "currency": "USD", "items": [{"sku": "A1", "qty": 1}]},
}


def read(**changes: Any) -> tuple[Any, int]:
    return decode(orjson.dumps({**PLACED, **changes}))


def reason(raw: bytes) -> str:
    """Why a record is turned away, or a detail of it left out, with the place as in a JSON path."""
    with pytest.raises(BadEvent) as bad:
        decode(raw)
    return re.sub(r"kept without (data[^:]*): (.*)", r"\2 - at `$.\1`", str(bad.value))


def reason_for(**changes: Any) -> str:
    return reason(orjson.dumps({**PLACED, **changes}))


def with_number(digits: str, *, kind: str = "order.placed", data: dict[str, Any] | None = None) -> bytes:
    """The record with `digits` for the number 77, which JSON encoders would refuse to write."""
    return orjson.dumps({**PLACED, "type": kind, "data": data}).replace(b"77", digits.encode())
