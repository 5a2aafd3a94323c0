"""The sinks of one worker: those whose settings are set."""

import asyncio
import logging
from collections.abc import Iterator

from rules.plan.rule_book import RuleBook
from streams.kafka.topics import TopicNames
from streams.settings import Settings
from streams.sinks.alertmanager.sink import Alertmanager
from streams.sinks.delivery import Counters, Delivery
from streams.sinks.notify.sink import Notifier
from streams.sinks.redis.alerts import RedisAlerts
from streams.sinks.redis.ship_next_set import RedisDue
from streams.sinks.runner import Runner
from streams.sinks.webhook import Webhook
from streams.warehouses import Warehouses

log = logging.getLogger(__name__)


class Sinks:
    """`counters` are for the metrics. Raises BadSettingError."""

    def __init__(
        self, settings: Settings, names: TopicNames, book: RuleBook, warehouses: Warehouses, console_url: str
    ) -> None:
        self._runners = list(_runners(settings, names, book, warehouses, console_url))
        self.counters: list[Counters] = [runner.sink.delivery.counters for runner in self._runners]

    async def run(self) -> None:
        """Until cancelled."""
        if self._runners:
            log.info("alerts go to %s", ", ".join(runner.sink.name for runner in self._runners))
        async with asyncio.TaskGroup() as group:
            for runner in self._runners:
                group.create_task(runner.run(), name=runner.group)


def _runners(
    settings: Settings, names: TopicNames, book: RuleBook, warehouses: Warehouses, console_url: str
) -> Iterator[Runner]:
    if settings.alertmanager:
        alertmanager = Alertmanager(Delivery("alertmanager"), settings.alertmanager, console_url)
        yield Runner(alertmanager, names.alerts, settings)
    if settings.webhook and settings.webhook_secret:
        yield Runner(Webhook(Delivery("webhook"), settings.webhook, settings.webhook_secret), names.alerts, settings)
    for place, url in enumerate(settings.notify, start=1):
        # Each reads on its own, so that an unavailable one delays no other.
        notifier = Notifier(Delivery(f"notify-{place}"), place, url, settings.notify_every, console_url)
        yield Runner(notifier, names.alerts, settings)
    if settings.redis:
        yield Runner(RedisAlerts(Delivery("redis"), settings.redis, warehouses), names.alerts, settings)
        due = RedisDue(Delivery("redis-due"), settings.redis, book, warehouses)
        yield Runner(due, names.facts, settings)
