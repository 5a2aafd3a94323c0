"""Whether platforms and carriers are heard of, and what becomes of what they send."""

from functools import partial
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.source.panels import GOOD_AT_NONE, board, lines, number, query

RATE = "[$__rate_interval]"
third = partial(lines, width=8)

REFUSED = 'outcome!="stored"'


def dashboard() -> Dashboard:
    made = board("shipclock-feeds", "Feeds", "Whether platforms and carriers are heard of, and what becomes of it")
    for panel in (*_numbers(), *_shops(), *_pushes(), *_polls()):
        made = made.with_panel(panel)
    return made


def _of_shops(state: str) -> str:
    """Each worker exports all shops."""
    return f'sum(max by (source) (shipclock_feed_shops{{state="{state}"}})) or on () vector(0)'


def _numbers() -> list[Any]:
    return [
        number("Shops healthy", _of_shops("healthy"), colours=[(None, "green")], width=3),
        number("Shops late", _of_shops("late"), colours=[(None, "green"), (1, "orange")], width=3),
        number("Shops silent", _of_shops("silent"), colours=GOOD_AT_NONE, width=3),
        number(
            "Pushes refused, 1 h",
            f"sum(increase(shipclock_feed_pushes_total{{{REFUSED}}}[1h]))",
            colours=[(None, "green"), (1, "orange")],
            width=3,
        ),
        number(
            "Dead letters, 1 h", "sum(increase(shipclock_feed_dead_letters_total[1h]))", colours=GOOD_AT_NONE, width=3
        ),
        number("Bodies yet to be mapped", "sum(shipclock_feed_lag_records)", width=3),
        number("API read, longest ago", "max(shipclock_feed_poll_lag_seconds)", unit="s", width=3),
        number(
            "Notices of platforms, 1 d",
            "sum(increase(shipclock_feed_notices_total[1d]))",
            colours=GOOD_AT_NONE,
            width=3,
            says="Authorisations that end or were withdrawn, pushes that fail",
        ),
    ]


def _shops() -> list[Any]:
    return [
        third(
            "Shops by the state of their feeds",
            query("sum by (state) (max by (source, state) (shipclock_feed_shops))", "{{state}}"),
            stacked=True,
        ),
        third(
            "Newest push, ago",
            query("time() - max by (source) (shipclock_feed_newest_seconds)", "{{source}}"),
            unit="s",
            says="Of the receivers that run now",
        ),
        third(
            "First token ends in",
            query("min by (source) (shipclock_feed_token_end_seconds) - time()", "{{source}}"),
            unit="s",
            says="Access tokens are renewed when they are next used",
        ),
    ]


def _pushes() -> list[Any]:
    return [
        third(
            "Pushes stored",
            query(f'sum by (source) (rate(shipclock_feed_pushes_total{{outcome="stored"}}{RATE}))', "{{source}}"),
            unit="ops",
        ),
        third(
            "Pushes refused, by why",
            query(
                f"sum by (source, outcome) (rate(shipclock_feed_pushes_total{{{REFUSED}}}{RATE}))",
                "{{source}} {{outcome}}",
            ),
            unit="ops",
        ),
        third(
            "Events mapped",
            query(f"sum by (source) (rate(shipclock_feed_events_total{RATE}))", "{{source}}"),
            unit="ops",
            says="Of pushes and of answers",
        ),
        third(
            "Dead letters",
            query(f"sum by (source) (rate(shipclock_feed_dead_letters_total{RATE}))", "{{source}}"),
            unit="ops",
        ),
        third(
            "Orders asked for, by outcome",
            query(f"sum by (source, outcome) (rate(shipclock_feed_fetches_total{RATE}))", "{{source}} {{outcome}}"),
            unit="ops",
            says="A push that tells little waits for its order's detail",
        ),
        third(
            "Tracking numbers registered with services, by outcome",
            query(
                f"sum by (source, outcome) (rate(shipclock_feed_registrations_total{RATE})) or on () vector(0)",
                "{{source}} {{outcome}}",
            ),
            unit="ops",
        ),
        third("Bodies yet to be mapped", query("sum by (instance) (shipclock_feed_lag_records)", "{{instance}}")),
    ]


def _polls() -> list[Any]:
    return [
        third(
            "Readings of APIs, by outcome",
            query(f"sum by (source, outcome) (rate(shipclock_feed_polls_total{RATE}))", "{{source}} {{outcome}}"),
            unit="ops",
        ),
        third(
            "API read, ago",
            query("max by (source) (shipclock_feed_poll_lag_seconds)", "{{source}}"),
            unit="s",
            says="The shop that waits longest",
        ),
        third(
            "Newest change read, ago",
            query("time() - max by (source) (shipclock_feed_poll_mark_seconds)", "{{source}}"),
            unit="s",
        ),
    ]
