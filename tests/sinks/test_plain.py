"""Names that would call somebody or lead somewhere in a chat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clock import wall_ms
from streams.sinks.notify.digests import GATHER_MS, Digest
from streams.sinks.notify.wording import Wording
from streams.sinks.plain import plain
from tests.sinks.support import Receiver, alert, read
from tests.sinks.test_notify import hand, json_url

MENTIONS = (
    "@everyone",
    "@here",
    "@all",
    "@channel",
    "<!channel>",
    "<@U024BE7LH>",
    "<at user_id=",
    "<at id=all>",
    "<a href",
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Order 8412 is late by 12.50 h", "Order 8412 is late by 12.50 h"),
        ("小店 №7 (PO.7) 50 % [joom-1]", "小店 №7 (PO.7) 50 % [joom-1]"),
        ("@everyone @here @all", "＠everyone ＠here ＠all"),
        ('<at user_id="all">all</at>', '‹at user_id="all"›all‹/at›'),
        ("<!channel> <@U024BE7LH>", "‹!channel› ‹＠U024BE7LH›"),
        ("https://evil.example/login", "https:∕∕evil․example/login"),
        ("[click](evil.example)", "[click] (evil․example)"),
        ("www.shop.com", "www․shop․com"),
        ("a\nb\x1b", r"a\nb\x1b"),
    ],
)
def test_a_name_is_text_and_nothing_else(name: str, shown: str) -> None:
    assert plain(name) == shown


@given(st.text(), st.sampled_from(MENTIONS), st.text())
def test_no_mention_and_no_link_is_left_wherever_it_stands(before: str, mention: str, after: str) -> None:
    shown = plain(before + mention + "https://x.example" + after)
    assert not {"@", "<", ">", "\n"} & set(shown)
    assert "://" not in shown and "](" not in shown


async def test_a_digest_calls_nobody_by_a_shops_or_an_orders_name() -> None:
    value = alert("@all](x", shop="@everyone", platform="<at", summary="Order @here <!channel> is late", clause="c-1")
    async with Receiver() as receiver, hand(json_url(receiver)) as sink:
        await sink.send(value)
        await sink.run(wall_ms() + GATHER_MS)
    (body,) = receiver.bodies
    assert body["title"] == "‹at/＠everyone: 1 critical"
    assert body["message"].splitlines()[0] == "!! Shipped late: Order ＠here ‹!channel› is late"


def test_the_link_to_the_console_stays_a_link() -> None:
    digest = Digest("joom", "s17", [read(alert())])
    assert (
        Wording()
        .body(digest, "https://shipclock.example.com")
        .endswith("\nhttps://shipclock.example.com/#/shops/joom/s17")
    )
