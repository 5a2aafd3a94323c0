"""The shops as Prometheus sees them: the worst by name, all others of a platform as one, named `_other`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from rules.instants import from_rfc3339
from streams.metrics.survey import Reading, Survey, threshold_used

NAMED_SHOPS = 50
"""Shops told of by name; a worker may have a hundred thousand."""

NAMED_CURRENCIES = 20
"""Currencies told apart; what stands there is whatever the senders wrote."""

OTHER = "_other"

Samples = Iterator[tuple[tuple[str, ...], float]]


def families(survey: Survey, platforms: Collection[str]) -> Iterator[Metric]:
    """`platforms` are those the packs name; the `_other` of any further one is `_other`'s."""
    ranked = survey.worst_first()
    named = [(reading.standing["platform"], reading.standing["shop"], reading) for reading in ranked[:NAMED_SHOPS]]
    others = [(_known(reading, platforms), OTHER, reading) for reading in ranked[NAMED_SHOPS:]]
    everyone = named + others
    yield _gauge("value", "A clause's ratio, count or level", ["clause"], _of_metrics(named, "value"))
    yield _gauge("threshold", "Where a clause's penalty begins", ["clause"], _of_metrics(named, "threshold"))
    yield _gauge("threshold_used", "1 at a clause's threshold, more past it", ["clause"], _used(named))
    yield _gauge("headroom", "Bad orders that still fit", ["clause"], _of_metrics(named, "headroom"))
    yield _gauge(
        "numerator",
        "Orders that a clause counts: late ones, or in some clauses good ones",
        ["clause"],
        _of_metrics(everyone, "numerator"),
    )
    yield _gauge("denominator", "Orders that they are counted out of", ["clause"], _of_metrics(everyone, "denominator"))
    yield _gauge("points", "Penalty points that stand", ["ledger"], _points(everyone))
    yield _gauge("exposure", "Money that penalties due by now would take", ["currency"], _exposure(everyone))
    yield _gauge("sanctions", "Sanctions in force", ["clause"], _sanctions(everyone))
    yield _gauge("sanction_until_timestamp_seconds", "When a sanction ends (epoch s)", ["clause"], _untils(named))
    yield _gauge("open_alerts", "Alerts that are open", ["severity"], _open_alerts(everyone))
    yield _gauge("open_orders", "Orders neither shipped nor cancelled", [], _open_orders(everyone))


Labelled = Iterable[tuple[str, str, Reading]]


def _known(reading: Reading, platforms: Collection[str]) -> str:
    platform: str = reading.standing["platform"]
    return platform if platform in platforms else OTHER


def _gauge(name: str, means: str, labels: list[str], samples: Samples) -> GaugeMetricFamily:
    """Sums samples of equal labels, as those of `_other` are."""
    family = GaugeMetricFamily(f"shipclock_shop_{name}", means, labels=["platform", "shop", *labels])
    sums: dict[tuple[str, ...], float] = {}
    for key, value in samples:
        sums[key] = sums.get(key, 0.0) + value
    for key, value in sums.items():
        family.add_metric(key, value)
    return family


def _of_metrics(shops: Labelled, name: str) -> Samples:
    for platform, shop, reading in shops:
        for clause, metric in reading.standing["metrics"].items():
            if metric.get(name) is not None:
                yield (platform, shop, clause), float(metric[name])


def _used(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        for clause, metric in reading.standing["metrics"].items():
            used = threshold_used(metric)
            if used is not None:
                yield (platform, shop, clause), used


def _points(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        for ledger, each in reading.standing["ledgers"].items():
            yield (platform, shop, ledger), float(each["points"])


def _exposure(shops: Labelled) -> Samples:
    currencies: set[str] = set()
    for platform, shop, reading in shops:
        for each in _sums(reading.standing["exposure"]):
            currency = each["currency"]
            if len(currencies) < NAMED_CURRENCIES:
                currencies.add(currency)
            yield (platform, shop, currency if currency in currencies else OTHER), float(each["amount"])


def _sums(exposure: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """One sum for each currency; the largest holds the others."""
    return [] if exposure is None else [exposure, *exposure.get("others", [])]


def _sanctions(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        for each in reading.standing["sanctions"]:
            yield (platform, shop, each["clause"]), 1.0


def _untils(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        untils: dict[str, int] = {}
        for each in reading.standing["sanctions"]:
            if each.get("until") is not None:
                untils[each["clause"]] = max(untils.get(each["clause"], 0), from_rfc3339(each["until"]))
        for clause, until_ms in untils.items():
            yield (platform, shop, clause), until_ms / 1000


def _open_alerts(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        for (_, severity), number in reading.open_alerts.items():
            yield (platform, shop, severity), float(number)


def _open_orders(shops: Labelled) -> Samples:
    for platform, shop, reading in shops:
        yield (platform, shop), float(reading.open_orders)
