"""Whether a push comes from whom it says: signatures over the bytes as received, compared in constant time."""

import base64
import hashlib
import hmac
import re
import unicodedata
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network

from streams.feeds.decoding import Request, UnreadableBody
from streams.feeds.language import Signature


def is_genuine(
    signature: Signature, request: Request, credentials: Mapping[str, str], trusted_proxies: Iterable[str] = ()
) -> bool:
    """`credentials` holds what `signature` names, and a key with nothing wrong."""
    if not _headers_agree(signature, request, credentials):
        return False
    if signature.method == "none":
        return not signature.senders or _is_sender(signature.senders, request, trusted_proxies)
    sent, expected = _sent(signature, request), proof(signature, request, credentials)
    if signature.any_case:
        sent, expected = sent.lower(), expected.lower()
    return hmac.compare_digest(sent.encode(errors="replace"), expected.encode())


def proof(signature: Signature, request: Request, credentials: Mapping[str, str]) -> str:
    """What a genuine request has where its signature stands."""
    return signature.prefix + _written(signature, _digest(signature, request, credentials))


def credentials_of(signature: Signature) -> set[str]:
    """The names of the credentials that an app needs."""
    places = re.findall(r"\{([^{}]+)\}", signature.signed) if signature.method != "none" else []
    named = {place for place in places if place != "body" and not place.startswith(("header.", "form."))}
    return named | ({signature.key} if signature.key else set()) | set(signature.equal_headers.values())


def secrets_of(signature: Signature) -> set[str]:
    """Those of them that nobody else may know: an HMAC's key; else what is hashed and not sent along."""
    if signature.key is not None:
        return {signature.key}
    return credentials_of(signature) - set(signature.equal_headers.values())


def key_problem(signature: Signature, credentials: Mapping[str, str]) -> str | None:
    """What is wrong with an HMAC's key, which is not shown."""
    try:
        return None if signature.key is None or _key(signature, credentials) else f"{signature.key} is empty"
    except NotBase64:
        return f"{signature.key} is not base64"


def _headers_agree(signature: Signature, request: Request, credentials: Mapping[str, str]) -> bool:
    return all(
        hmac.compare_digest(request.headers.get(header.lower(), "").encode(), credentials[name].encode())
        for header, name in signature.equal_headers.items()
    )


def _sent(signature: Signature, request: Request) -> str:
    if signature.header is not None:
        return request.headers.get(signature.header.lower(), "")
    return _form(request, signature.form or "")


def _form(request: Request, name: str) -> str:
    try:
        return request.form.get(name, "")
    except UnreadableBody:
        return ""


def _digest(signature: Signature, request: Request, credentials: Mapping[str, str]) -> bytes:
    signed = b"".join(
        _part(piece, request, credentials) if n % 2 else piece.encode()
        for n, piece in enumerate(_pieces(signature.signed))
    )
    if signature.method == "hmac-sha256":
        return hmac.digest(_key(signature, credentials), signed, "sha256")
    return hashlib.new(signature.method, signed, usedforsecurity=False).digest()


@cache
def _pieces(signed: str) -> list[str]:
    """Text and names of places, by turns."""
    return re.split(r"\{([^{}]+)\}", signed)


def _part(name: str, request: Request, credentials: Mapping[str, str]) -> bytes:
    if name == "body":
        return request.body
    kind, _, field = name.partition(".")
    if field and kind == "header":
        return request.headers.get(field.lower(), "").encode()
    if field and kind == "form":
        return _form(request, field).encode()
    return credentials[name].encode()


def _key(signature: Signature, credentials: Mapping[str, str]) -> bytes:
    key = credentials[signature.key or ""]
    if signature.key_form == "base64":
        return base64.b64decode(key.removeprefix("whsec_"), validate=True)
    return (unicodedata.normalize("NFKD", key) if signature.key_form == "nfkd" else key).encode()


def _written(signature: Signature, digest: bytes) -> str:
    if signature.written == "hex":
        return digest.hex()
    return base64.b64encode(digest if signature.written == "base64" else digest.hex().encode()).decode()


def _is_sender(networks: Iterable[str], request: Request, trusted_proxies: Iterable[str]) -> bool:
    """The caller; where that is a proxy of ours, the last one it names in `X-Forwarded-For` that is none."""
    trusted = list(trusted_proxies)
    ahead = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",") if each.strip()]
    sender = request.peer
    while ahead and _is_in(sender, trusted):
        sender = ahead.pop()
    return _is_in(sender, networks)


def _is_in(address: str, networks: Iterable[str]) -> bool:
    try:
        return any(ip_address(address) in ip_network(network) for network in networks)
    except ValueError:
        return False
