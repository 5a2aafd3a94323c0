"""An app of each kind of answer, and pushes signed as their senders do it."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.inbox import Inbox, Received

CALLBACK = "https://hooks.example.net/feeds/shopee/main"
OZON = "a-name-that-nobody-guesses"
FILE = f"""\
listen: {{port: 0}}
trusted_proxies: [10.0.0.0/8]
apps:
  shopee:
    main:
      credentials: {{callback_url: "{CALLBACK}", partner_key: {{file: key}}}}
      aliases: {{"910044217": jakarta}}
    other:
      credentials: {{callback_url: "https://hooks.example.net/feeds/shopee/other", partner_key: {{file: key}}}}
  lazada:
    sg: {{credentials: {{app_key: "139904", app_secret: {{file: key}}}}}}
  ozon:
    {OZON}: {{}}
  kdniao:
    main: {{credentials: {{app_key: {{file: key}}}}}}
"""
KEY = "s3cr3t"

Push = tuple[str, bytes, dict[str, str]]
"""Path, body, headers."""


class Stored(Inbox):
    """In memory: what was `taken`."""

    is_open = True

    def __init__(self) -> None:
        self.taken: list[Received] = []

    async def put(self, received: Received, within_s: float) -> None:
        self.taken.append(received)


def settings_file(folder: Path) -> Path:
    (folder / "key").write_text(KEY)
    (folder / "feeds.yaml").write_text(FILE)
    return folder / "feeds.yaml"


def settings(folder: Path) -> FeedSettings:
    return apps.load(settings_file(folder), {})


def from_shopee(body: Any, key: str = KEY) -> Push:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    proof = hmac.new(key.encode(), f"{CALLBACK}|".encode() + raw, hashlib.sha256).hexdigest()
    return "/feeds/shopee/main", raw, {"authorization": proof, "content-type": "application/json"}


def from_lazada(body: Any) -> Push:
    raw = json.dumps(body).encode()
    proof = hmac.new(KEY.encode(), b"139904" + raw, hashlib.sha256).hexdigest()
    return "/feeds/lazada/sg", raw, {"authorization": proof}


def from_ozon(body: Any, address: str = "185.73.195.14") -> Push:
    return f"/feeds/ozon/{OZON}", json.dumps(body).encode(), {"x-forwarded-for": address}


def from_kdniao(data: Any) -> Push:
    text = json.dumps(data)

    digest = hashlib.md5((text + KEY).encode()).hexdigest()
    form = {"RequestData": text, "RequestType": "102", "DataSign": base64.b64encode(digest.encode()).decode()}
    return "/feeds/kdniao/main", urlencode(form).encode(), {"content-type": "application/x-www-form-urlencoded"}
