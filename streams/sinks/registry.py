"""The sinks of one worker: those whose settings are set. The clients of Redis and of people's channels are imported
only then, as that is a sixth of what a worker's start takes."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rules.plan.rule_book import RuleBook
from streams.kafka.topics import TopicNames
from streams.reporting.words import Words
from streams.settings import Settings
from streams.sinks.alertmanager.sink import Alertmanager
from streams.sinks.delivery import Counters, Delivery
from streams.sinks.notify.routes import Route, load, sent_to_nobody
from streams.sinks.notify.weekly import SentInKafka, Weekly, WeeklyTime
from streams.sinks.runner import Runner
from streams.sinks.webhook import Webhook
from streams.translations import Translations
from streams.views.mutes import Mutes
from streams.views.zones import Zones
from streams.warehouses import Warehouses

if TYPE_CHECKING:
    from apprise import Apprise

log = logging.getLogger(__name__)


class Sinks:
    """What runs the sinks. `counters` are for the metrics."""

    def __init__(self, runners: Iterable[Runner]) -> None:
        self._runners = list(runners)
        self.counters: list[Counters] = [runner.sink.delivery.counters for runner in self._runners]

    async def run(self) -> None:
        """Until cancelled."""
        if self._runners:
            log.info("alerts go to %s", ", ".join(runner.sink.name for runner in self._runners))
        async with asyncio.TaskGroup() as group:
            for runner in self._runners:
                group.create_task(runner.run(), name=runner.group)


def runners_of(
    settings: Settings,
    names: TopicNames,
    book: RuleBook,
    warehouses: Warehouses,
    console_url: str,
    mutes: Mutes,
    zones: Zones,
) -> Iterator[Runner]:
    """A runner for each sink that the settings turn on. Raises BadSettingError."""
    if settings.alertmanager:
        alertmanager = Alertmanager(Delivery("alertmanager"), settings.alertmanager, console_url, zones, mutes)
        yield Runner(alertmanager, names.alerts, settings)
    if settings.webhook and settings.webhook_secret:
        yield Runner(Webhook(Delivery("webhook"), settings.webhook, settings.webhook_secret), names.alerts, settings)
    if settings.notify or settings.notify_routes is not None:
        yield from _notifiers(settings, names, book, console_url, mutes, zones)
    if settings.redis:
        yield from _of_redis(settings, names, book, warehouses, settings.redis)


def _notifiers(
    settings: Settings, names: TopicNames, book: RuleBook, console_url: str, mutes: Mutes, zones: Zones
) -> Iterator[Runner]:
    from streams.sinks.notify.sink import Notifier

    translations = Translations(book.chinese())
    for route, to in _routes(settings, book):
        # Each reads on its own, so that an unavailable one delays no other.
        delivery = Delivery(f"notify-{route.name}")
        weekly = _weekly(route, settings, names, book)
        notifier = Notifier(delivery, route, to, settings.notify_every, console_url, zones, mutes, translations, weekly)
        yield Runner(notifier, names.alerts, settings)


def _of_redis(
    settings: Settings, names: TopicNames, book: RuleBook, warehouses: Warehouses, url: str
) -> Iterator[Runner]:
    from streams.sinks.redis.alerts import RedisAlerts
    from streams.sinks.redis.ship_next_set import RedisDue

    yield Runner(RedisAlerts(Delivery("redis"), url, warehouses), names.alerts, settings)
    yield Runner(RedisDue(Delivery("redis-due"), url, book, warehouses), names.facts, settings)


def _weekly(route: Route, settings: Settings, names: TopicNames, book: RuleBook) -> Weekly | None:
    if route.weekly is None:
        return None
    words = Words(route.language, {rule: each.titles() for rule, each in book.rules.items()})
    sent = SentInKafka(settings, f"{settings.app_id}-sink-notify-{route.name}-weekly", names.alerts)
    at = WeeklyTime.parse(route.weekly)
    return Weekly(at, route.zone or "UTC", words, settings, sent, route.platforms, route.shops)


def _routes(settings: Settings, book: RuleBook) -> Iterator[tuple[Route, "Apprise"]]:
    """Those of SHIPCLOCK_NOTIFY, which hear of everything, and those of the file."""
    from streams.sinks.notify.sink import target

    for place, url in enumerate(settings.notify, start=1):
        yield Route(name=str(place), to=url), target(url, f"address {place} of SHIPCLOCK_NOTIFY")
    if settings.notify_routes is None:
        return
    routes = load(settings.notify_routes)
    for at, route in routes:
        yield route, target(route.to, f"{at}: the address of {route.name}")
    for line in sent_to_nobody(routes, book, by_others=bool(settings.notify)):
        log.warning("%s", line)
