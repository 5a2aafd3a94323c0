"""Mapping bodies of built-in sources, and a small source of one's own."""

import json
from pathlib import Path
from typing import Any

from streams.feeds import library
from streams.feeds.decoding import Request
from streams.feeds.language import SourceFile
from streams.feeds.mapping import Mapped, Transport, map_request

OWN = """\
source: etsy
platform: etsy
signature: {method: hmac-sha256, key: secret, header: X-Sign}
shop: shop_id
order: receipt
time: at
messages:
  - name: receipt
    when: {event: order}
    status: status
    statuses: {paid: [placed], canceled: [cancelled]}
    facts:
      placed: {type: order.placed, id: "{order}:placed", data: {amount: total, ship_by: until}}
      cancelled: {type: order.cancelled, id: "{order}:cancelled", data: {by: {path: who, table: parties}}}
tables:
  parties: {shopper: buyer, "*": system}
"""


def source(name: str) -> SourceFile:
    return library.read(library.files()[name]).source


def mapped(name: str, body: Any, transport: Transport = "push", **setting: Any) -> Mapped:
    """What comes of a body; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return map_request(source(name), Request(raw), transport, setting)


def own(folder: Path, old: str = "", new: str = "") -> Path:
    """A folder with a small good source, `old` in it replaced by `new`."""
    assert old in OWN
    folder.mkdir(exist_ok=True)
    (folder / "etsy.yaml").write_text(OWN.replace(old, new, 1))
    return folder


def shopee(status: str = "SHIPPED", **data: Any) -> dict[str, Any]:
    """A push that says an order's status."""
    change = {"ordersn": "A1", "status": status, "update_time": 1_793_784_600} | data
    return {"code": 3, "shop_id": 910044217, "timestamp": 1_793_784_601, "data": change}
