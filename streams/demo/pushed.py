"""The demo's other feed: an emulated Shopee pushes, and the real receiver, mapper and poller make events of it."""

import asyncio
import hmac
import json
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from rules.calendar.instants import rfc3339
from rules.messages.text import visible
from streams.demo.clock import Clock
from streams.demo.pace import STEP_S, tick
from streams.demo.shopee import Shopee
from streams.demo.shopee_orders import SHOPS
from streams.feeds import apps
from streams.feeds.apps import FeedSettings
from streams.feeds.inbox import Inbox, Received
from streams.feeds.mapper import Mapper
from streams.feeds.polling.client import Time
from streams.feeds.polling.clients import Clients, session
from streams.feeds.polling.enricher import Enricher
from streams.feeds.polling.ledger import LEDGER, Ledger
from streams.feeds.polling.poller import ShopPoll
from streams.feeds.polling.polls import KafkaWriter, polls_of
from streams.feeds.polling.watching import update_token_ends, watch
from streams.feeds.receiver import site
from streams.kafka.topics import TopicNames
from streams.settings import Settings
from streams.web.connections import limits
from streams.web.server import Server, address_of, listen

SOURCE, APP = "shopee", "demo"
PORT = 6067
POLLED_EVERY_MIN = 360
"""By the demo's clock. What pushes reported before is read again, and what was lost of them is found."""

BEHIND_S = 1.0
"""By life's clock: as long a push may take to become an event before time goes on without it."""


class TimedInbox(Inbox):
    """Takes pushes as received by the demo's clock."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings)
        self._clock = clock

    async def put(self, received: Received, within_s: float) -> None:
        await super().put(replace(received, received_ms=self._clock.now_ms()), within_s)


class PushedFeed:
    """`say` is given a line for the first push of each kind; `folder` is where its settings, secrets and marks lie."""

    def __init__(self, settings: Settings, clock: Clock, seed: int, folder: Path, say: Callable[[str], None]) -> None:
        self._settings = replace(settings, embedded=True)
        self._names = TopicNames(settings.topic_prefix, settings.app_id)
        self._clock, self._folder, self._say = clock, folder, say
        self._receiver, self._api = listen("127.0.0.1", PORT, or_any=True), listen("127.0.0.1", 0)
        self.address = f"{address_of(self._receiver)}feeds/{SOURCE}/{APP}"
        self._shopee = Shopee(clock, seed, self.address, self._print_push)
        self._seen: set[tuple[str, int]] = set()
        self.forged: Counter[int] = Counter()

    async def run(self, producer: AIOKafkaProducer, partitions: int) -> None:
        """Until cancelled. Raises what any part of it fails of."""
        feeds = self._feed_settings()
        inbox = TimedInbox(self._settings, self._clock)
        ledger = Ledger(self._folder / LEDGER)
        writer = KafkaWriter({"bootstrap_servers": self._settings.broker.removeprefix("kafka://")})
        try:
            async with session() as http, asyncio.TaskGroup() as group:
                time = Time(self._clock.now_ms, self._clock.pause)
                clients = Clients(http, ledger, time)
                mapper = Mapper(self._settings, feeds, Enricher(clients, ledger, time))
                polls = list(polls_of(feeds, clients, ledger, writer, self._names, time))
                watch(polls, time)
                parts = [
                    inbox.run(),
                    _serve(Server(site(feeds, inbox, None), limits()), self._receiver),
                    self._shopee.serve(self._api),
                    mapper.run(),
                    *(poll.run() for poll in polls),
                    self._push_on(),
                    self._send_ticks(producer, partitions, polls),
                ]
                for part in parts:
                    group.create_task(part)
        finally:
            await writer.close()
            ledger.close()

    async def _push_on(self) -> None:
        await self._forge()
        await self._shopee.push_on(self.address)

    async def _send_ticks(self, producer: AIOKafkaProducer, partitions: int, polls: Sequence[ShopPoll]) -> None:
        while True:
            at_ms = self._shopee.through_ms - round(BEHIND_S * self._clock.speed * 1000)
            await tick(producer, self._names, partitions, max(at_ms, self._clock.start_ms))
            update_token_ends(polls)
            await asyncio.sleep(STEP_S)

    def summary(self) -> str:
        """One line on what came of the pushes."""
        shopee, taken = self._shopee, self._shopee.answered[204]
        failed = shopee.answered.total() - taken
        counted = {
            name: int(REGISTRY.get_sample_value(f"shipclock_feed_{name}_total", {"source": SOURCE}) or 0)
            for name in ("events", "dead_letters")
        }
        return (
            f"pushes: {taken:,} taken, {shopee.lost:,} lost on their way, {failed:,} to be sent again, "
            f"{self.forged[401]:,} forged and refused; with what was polled {counted['events']:,} events and "
            f"{counted['dead_letters']:,} dead letters"
        )

    def _feed_settings(self) -> FeedSettings:
        """Those that a seller would write, with the secrets in files."""
        of_app = self._shopee.app_credentials
        shops = {
            shop: {"credentials": {"refresh_token": self._secret(f"refresh-token-{shop}", token)}}
            for shop, token in self._shopee.refresh_tokens.items()
        }
        app = {
            "credentials": of_app | {"partner_key": self._secret("partner-key", of_app["partner_key"])},
            "aliases": SHOPS,
            "poll": {
                "host": address_of(self._api).rstrip("/"),
                "every_min": POLLED_EVERY_MIN,
                "shops": shops,
            },
        }
        file = self._folder / "feeds.yaml"
        file.write_text(json.dumps({"apps": {SOURCE: {APP: app}}}, indent=2))
        return apps.load(file, {})

    def _secret(self, name: str, secret: str) -> dict[str, str]:
        file = self._folder / name
        file.touch(mode=0o600)
        file.write_text(secret)
        return {"file": name}

    def _print_push(self, code: int, data: dict[str, Any], status: int) -> None:
        state = str(data.get("fulfillment_status") or data.get("status"))
        if (state, status) in self._seen:
            return
        self._seen.add((state, status))
        became = "taken" if status == 204 else "to be sent again"
        what = f"order {data['ordersn']} {state}: {became}, answered {status}"
        self._say(visible(f"{rfc3339(data['update_time'] * 1000)} PUSH    code {code}: {what}"))

    async def _forge(self) -> None:
        """A push that somebody else made up."""
        body = b'{"code": 3, "shop_id": 910044217, "data": {"ordersn": "FORGED", "status": "CANCELLED"}}'
        proof = hmac.digest(b"guessed", body, "sha256").hex()
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.address, data=body, headers={"Authorization": proof}) as answer,
        ):
            self.forged[answer.status] += 1
            self._say(f"{rfc3339(self._clock.now_ms())} PUSH    code 3: forged: refused, answered {answer.status}")


async def _serve(server: Server, listening: socket.socket) -> None:
    """Until cancelled; answers that are under way are given."""
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
