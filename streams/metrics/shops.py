"""The shops' metrics: the worst shops by name, all others of a platform as one, named `_other`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from rules.calendar.instants import from_rfc3339
from streams.metrics.shop_stats import OtherShops, ShopStats, WorkerStats, exposure_usd, sums, threshold_used

NAMED_CURRENCIES = 20
"""How many currencies are shown; senders may write anything."""

OTHER = "_other"

Samples = Iterator[tuple[tuple[str, ...], float]]


def families(worker_stats: WorkerStats, platforms: Collection[str]) -> Iterator[Metric]:
    """`platforms` are those that packs name; the shops of others go to the platform `_other`."""
    named = [(each.standing["platform"], each.standing["shop"], each) for each in worker_stats.worst_first()]
    others = [(platform if platform in platforms else OTHER, each) for platform, each in worker_stats.others.items()]
    yield _gauge("value", "A clause's ratio, count or level", ["clause"], _of_metrics(named, "value"))
    yield _gauge("threshold", "Where a clause's penalty begins", ["clause"], _of_metrics(named, "threshold"))
    yield _gauge("threshold_used", "1 at a clause's threshold, more past it", ["clause"], _used(named))
    yield _gauge("headroom", "Bad orders that still fit", ["clause"], _of_metrics(named, "headroom"))
    yield _gauge(
        "numerator",
        "Orders that a clause counts: late ones, or in some clauses good ones",
        ["clause"],
        chain(_of_metrics(named, "numerator"), _of_others(others, "numerator")),
    )
    yield _gauge(
        "denominator",
        "Orders that they are counted out of",
        ["clause"],
        chain(_of_metrics(named, "denominator"), _of_others(others, "denominator")),
    )
    points = chain(_points(named), _of_others(others, "points"))
    yield _gauge("points", "Penalty points that stand", ["ledger"], points)
    exposure = _few_currencies(chain(_exposure(named), _of_others(others, "exposure")))
    yield _gauge("exposure", "Money that penalties due by now would take", ["currency"], exposure)
    about = ((platform, shop, exposure_usd(each)) for platform, shop, each in named)
    yield _gauge(
        "exposure_usd",
        "The same in all currencies together, at fixed rough rates: only to sort by",
        [],
        (((platform, shop), usd) for platform, shop, usd in about),
    )
    sanctions = chain(_sanctions(named), _of_others(others, "sanctions"))
    yield _gauge("sanctions", "Sanctions in force", ["clause"], sanctions)
    yield _gauge("sanction_until_timestamp_seconds", "When a sanction ends (epoch s)", ["clause"], _untils(named))
    open_alerts = chain(_open_alerts(named), _of_others(others, "open_alerts"))
    yield _gauge("open_alerts", "Alerts that are open", ["severity"], open_alerts)
    yield _gauge("open_orders", "Orders neither shipped nor cancelled", [], _open_orders(named, others))


def clause_info(titles: Mapping[str, Mapping[str, str]]) -> Metric:
    """What clauses are called, for dashboards to join with: `titles` are by clause and language."""
    family = GaugeMetricFamily("shipclock_clause_info", "What a clause is called; always 1", labels=["clause", "title"])
    for clause, title in titles.items():
        family.add_metric((clause, title["en"]), 1)
    return family


Labelled = Iterable[tuple[str, str, ShopStats]]
LabelledOthers = Iterable[tuple[str, OtherShops]]


def _gauge(name: str, means: str, labels: list[str], samples: Samples) -> GaugeMetricFamily:
    """A gauge; samples with equal labels, such as those of `_other`, are summed."""
    family = GaugeMetricFamily(f"shipclock_shop_{name}", means, labels=["platform", "shop", *labels])
    sums: dict[tuple[str, ...], float] = {}
    for key, value in samples:
        sums[key] = sums.get(key, 0.0) + value
    for key, value in sums.items():
        family.add_metric(key, value)
    return family


def _of_metrics(shops: Labelled, name: str) -> Samples:
    for platform, shop, stats in shops:
        for clause, metric in stats.standing["metrics"].items():
            if metric.get(name) is not None:
                yield (platform, shop, clause), float(metric[name])


def _used(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        for clause, metric in stats.standing["metrics"].items():
            used = threshold_used(metric)
            if used is not None:
                yield (platform, shop, clause), used


def _points(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        for ledger, each in stats.standing["ledgers"].items():
            yield (platform, shop, ledger), float(each["points"])


def _exposure(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        for each in sums(stats.standing["exposure"]):
            yield (platform, shop, each["currency"]), float(each["amount"])


def _few_currencies(samples: Samples) -> Samples:
    """All but the first `NAMED_CURRENCIES` as one."""
    currencies: set[str] = set()
    for (platform, shop, currency), amount in samples:
        if len(currencies) < NAMED_CURRENCIES:
            currencies.add(currency)
        yield (platform, shop, currency if currency in currencies else OTHER), amount


def _of_others(others: LabelledOthers, name: str) -> Samples:
    for platform, each in others:
        for key, value in getattr(each, name).items():
            yield (platform, OTHER, key), float(value)


def _sanctions(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        for each in stats.standing["sanctions"]:
            yield (platform, shop, each["clause"]), 1.0


def _untils(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        untils: dict[str, int] = {}
        for each in stats.standing["sanctions"]:
            if each.get("until") is not None:
                untils[each["clause"]] = max(untils.get(each["clause"], 0), from_rfc3339(each["until"]))
        for clause, until_ms in untils.items():
            yield (platform, shop, clause), until_ms / 1000


def _open_alerts(shops: Labelled) -> Samples:
    for platform, shop, stats in shops:
        for (_, severity), number in stats.open_alerts.items():
            yield (platform, shop, severity), float(number)


def _open_orders(shops: Labelled, others: LabelledOthers) -> Samples:
    for platform, shop, stats in shops:
        yield (platform, shop), float(stats.open_orders)
    for platform, each in others:
        yield (platform, OTHER), float(each.open_orders)
