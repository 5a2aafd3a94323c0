"""Builds the HTTP request of a call in a source file, signed as its platform wants it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from yarl import URL

from streams.feeds.api_language import Api, ApiSignature, Call
from streams.feeds.places import PLACE

Names = Mapping[str, Any]


class Prepared(NamedTuple):
    """A request; `url` and `body` may hold secrets."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def instant(name: str, at_ms: int, zone: ZoneInfo) -> dict[str, Any]:
    """What an instant is called in calls."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return {
        f"{name}_s": at_ms // 1000,
        f"{name}_ms": at_ms,
        f"{name}_utc": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{name}_iso": at.isoformat(timespec="seconds"),
        f"{name}_local": at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
    }


def prepare(api: Api, call: Call, names: Names, host: str | None = None) -> Prepared:
    """`host`, as `https://example.net`, stands for those of the file."""
    of_shop = ("shop", "access_token", *api.shop_credentials)
    shared = {**names, **dict.fromkeys(of_shop, "")} if call.of_app else names
    parameters = _texts({} if call.plain else filled(api.parameters, shared)) | _texts(filled(call.parameters, names))
    headers = _texts({} if call.plain else filled(api.headers, shared))
    body = b""
    if call.body is not None:
        body = _json(filled(call.body, names)).encode()
        headers["Content-Type"] = "application/json"
    if api.signature is not None and not call.plain:
        parameters[api.signature.parameter] = sign(api.signature, call.path, parameters, body, shared)
    if call.form:
        body, headers["Content-Type"] = urlencode(parameters).encode(), "application/x-www-form-urlencoded"
    url = _base(str(filled(call.host or api.host, names)), host) + call.path
    return Prepared(
        call.method, url if call.form or not parameters else f"{url}?{urlencode(parameters)}", headers, body
    )


def sign(how: ApiSignature, path: str, parameters: Mapping[str, str], body: bytes, names: Names) -> str:
    """The value of the parameter that proves who sends."""
    pairs = "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    known = {**names, **parameters, "path": path, "pairs": pairs, "body": body.decode()}
    signed = PLACE.sub(lambda place: _text(known.get(place[1], "")), how.signed)
    if how.method == "md5":
        digest = hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()
    else:
        digest = hmac.digest(str(names[how.key]).encode(), signed.encode(), "sha256").hex()
    if how.written == "base64 of hex":
        return base64.b64encode(digest.encode()).decode()
    return digest.upper() if how.upper else digest


def _base(host: str, instead: str | None) -> str:
    return host if instead is None else instead.rstrip("/") + URL(host).path.rstrip("/")


def filled(written: Any, names: Names) -> Any:
    """None for what has an empty place, and inside lists and objects it is left out."""
    if isinstance(written, dict):
        parts = {name: filled(each, names) for name, each in written.items()}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(written, list):
        return [part for each in written if (part := filled(each, names)) is not None]
    if not isinstance(written, str):
        return written
    if any(names.get(place[1]) in (None, "", []) for place in PLACE.finditer(written)):
        return None
    if (whole := PLACE.fullmatch(written)) is not None:
        return int(names[whole[1]]) if whole[2] else names[whole[1]]
    return PLACE.sub(lambda place: _text(names[place[1]]), written)


def _texts(parameters: dict[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in parameters.items()}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict | bool):
        return _json(value)
    return str(value)


def _json(value: Any) -> str:
    """Names in order and no spaces: Douyin signs this text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
