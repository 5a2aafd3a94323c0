"""Signature primitives, with the published examples of senders that have no built-in source."""

import hmac
from typing import Any

import pytest

from streams.feeds.decoding import Request
from streams.feeds.language import Signature
from streams.feeds.signatures import credentials_of, is_genuine

BODY = b'{"id":5500112233445566,"name":"#1001"}'


@pytest.mark.parametrize(
    ("signature", "secret", "sent"),
    [
        (
            Signature(method="hmac-sha256", key="secret", written="base64", header="X-Shopify-Hmac-Sha256"),
            "shpss_abc",
            {"x-shopify-hmac-sha256": "WEhhIIiK4+0oykrMaxz0HpatmJGYb7w5k53GR2wrIsw="},
        ),
        (
            Signature(
                method="hmac-sha256",
                key="secret",
                key_form="nfkd",
                prefix="hmac-sha256-hex=",
                header="X-Hmac-Signature",
            ),
            "seçret",
            {"x-hmac-signature": "hmac-sha256-hex=254d00264b8ef088b6d71f01579175ec4ca81f2360ac7820ff39d691e8f23677"},
        ),
        (
            Signature(method="hmac-sha256", key="secret", signed="{header.timestamp}", header="signature"),
            "tm-1",
            {
                "timestamp": "1793700000",
                "signature": "c99c96f44f4f8a61fdfac838e534d329a52c0a281fa2d9451d195d72fff2b058",
            },
        ),
        (
            Signature(
                method="hmac-sha256",
                key="secret",
                key_form="base64",
                signed="{header.webhook-id}.{header.webhook-timestamp}.{body}",
                written="base64",
                prefix="v1,",
                header="webhook-signature",
            ),
            "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM=",
            {
                "webhook-id": "msg_1",
                "webhook-timestamp": "1793700000",
                "webhook-signature": "v1,rsiAaZmcad3b+d6pQV6HfEC01GxQc+ftt24ZekcVm0g=",
            },
        ),
    ],
    ids=["shopify", "easypost", "trackingmore", "standard webhooks"],
)
def test_a_source_of_ones_own_finds_its_signature_among_the_primitives(
    signature: Signature, secret: str, sent: dict[str, str]
) -> None:
    assert is_genuine(signature, Request(BODY, "", sent), {"secret": secret})
    assert not is_genuine(signature, Request(BODY, "", sent), {"secret": f"{secret[:-3]}Q{secret[-2:]}"})
    assert not is_genuine(signature, Request(BODY, "", {}), {"secret": secret})


LAZADA = Signature(method="hmac-sha256", key="app_secret", signed="{app_key}{body}", header="Authorization")


def test_the_bytes_as_received_are_what_is_signed() -> None:
    proof = hmac.digest(b"s3", b"k1" + BODY, "sha256").hex()
    credentials = {"app_key": "k1", "app_secret": "s3"}
    assert is_genuine(LAZADA, Request(BODY, "", {"authorization": proof}), credentials)
    assert not is_genuine(LAZADA, Request(BODY + b"\n", "", {"authorization": proof}), credentials)
    assert not is_genuine(LAZADA, Request(BODY, "", {"authorization": proof.upper()}), credentials)
    assert not is_genuine(LAZADA, Request(BODY, "", {"authorization": "é\ud800"}), credentials)


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or False)
    is_genuine(LAZADA, Request(BODY, "", {"authorization": "x"}), {"app_key": "k1", "app_secret": "s3"})
    assert len(compared) == 1


def test_what_an_app_must_know() -> None:
    assert credentials_of(LAZADA) == {"app_key", "app_secret"}
    douyin = Signature(
        method="md5", signed="{k}{body}{form.x}{header.y}", header="sign", equal_headers={"app-id": "id"}
    )
    assert credentials_of(douyin) == {"k", "id"}
