"""One shop: its clauses against their thresholds, its points, its money."""

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.source.panels import GOOD_AT_NONE, USED, board, lines, number, query, rows, titled, variable

SHOP = 'platform="$platform",shop="$shop"'

NONE = "or on () vector(0)"
"""Where a shop has no such thing, it has 0 of it."""


def dashboard() -> Dashboard:
    made = board("shipclock-shop", "One shop", "One shop's clauses against their thresholds")
    shops = 'label_values(shipclock_shop_open_orders{platform="$platform"}, shop)'
    made = made.with_variable(
        variable("platform", "label_values(shipclock_shop_open_orders, platform)", all_of_them=False)
    ).with_variable(variable("shop", shops, all_of_them=False))
    for panel in (*_numbers(), _clauses(), *_over_time(), _sanctions()):
        made = made.with_panel(panel)
    return made


def _numbers() -> list[Any]:
    return [
        number("Open orders", f"shipclock_shop_open_orders{{{SHOP}}}"),
        number("Critical alerts", _alerts("critical"), colours=GOOD_AT_NONE),
        number("Warnings", _alerts("warning"), colours=[(None, "green"), (1, "orange")]),
        number(
            "Threshold used",
            f"max(shipclock_shop_threshold_used{{{SHOP}}})",
            unit="percentunit",
            colours=USED,
            says="Of the clause that has used the most; the penalty begins at 100 %",
        ),
        number("Penalty points", f"sum(shipclock_shop_points{{{SHOP}}}) {NONE}", colours=GOOD_AT_NONE),
        number(
            "At stake",
            f"sum by (currency) (shipclock_shop_exposure{{{SHOP}}})",
            unit="none",
            legend="{{currency}}",
            colours=[(None, "orange")],
        ),
    ]


def _alerts(severity: str) -> str:
    return f'sum(shipclock_shop_open_alerts{{{SHOP},severity="{severity}"}}) {NONE}'


def _clauses() -> Any:
    columns = {
        "Value": f"sum by (clause) (shipclock_shop_value{{{SHOP}}})",
        "Threshold": f"sum by (clause) (shipclock_shop_threshold{{{SHOP}}})",
        "Used, %": f"100 * max by (clause) (shipclock_shop_threshold_used{{{SHOP}}})",
        "Headroom": f"sum by (clause) (shipclock_shop_headroom{{{SHOP}}})",
        "Counted": f"sum by (clause) (shipclock_shop_numerator{{{SHOP}}})",
        "Out of": f"sum by (clause) (shipclock_shop_denominator{{{SHOP}}})",
    }
    named = {heading: titled(expr) for heading, expr in columns.items()}
    return rows("Clauses", named, ["title", "clause"], height=7)


def _over_time() -> list[Any]:
    ratio = f"shipclock_shop_denominator{{{SHOP}}} > 0"
    return [
        lines(
            "Ratios against their thresholds",
            query(titled(f"shipclock_shop_value{{{SHOP}}} and on (clause) {ratio}"), "{{title}}"),
            query(titled(f"shipclock_shop_threshold{{{SHOP}}} and on (clause) {ratio}"), "{{title}}, limit", ref="B"),
            unit="percentunit",
        ),
        lines("Headroom, in orders", query(titled(f"shipclock_shop_headroom{{{SHOP}}}"), "{{title}}")),
        lines(
            "Open alerts",
            query(f"sum by (severity) (shipclock_shop_open_alerts{{{SHOP}}})", "{{severity}}"),
            stacked=True,
        ),
        lines("Orders counted in the window", query(titled(f"shipclock_shop_numerator{{{SHOP}}}"), "{{title}}")),
        lines("Open orders", query(f"shipclock_shop_open_orders{{{SHOP}}}", "open")),
        lines("Penalty points", query(f"shipclock_shop_points{{{SHOP}}} {NONE}", "{{ledger}}")),
        lines("Money at stake", query(f"shipclock_shop_exposure{{{SHOP}}}", "{{currency}}")),
    ]


def _sanctions() -> Any:
    columns = {
        "In force": f"sum by (clause) (shipclock_shop_sanctions{{{SHOP}}})",
        "Days left": f"(max by (clause) (shipclock_shop_sanction_until_timestamp_seconds{{{SHOP}}})"
        " - scalar(max(shipclock_watermark_timestamp_seconds))) / 86400",
    }
    named = {heading: titled(expr) for heading, expr in columns.items()}
    return rows("Sanctions", named, ["title", "clause"], width=12, height=8)
