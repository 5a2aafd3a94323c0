"""Which shops are in trouble, the worst first."""

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.source.panels import GOOD_AT_NONE, USED, bars, board, lines, number, query, rows, titled, variable

HERE = 'platform=~"$platform"'


def dashboard() -> Dashboard:
    made = board("shipclock-risk", "Shops at risk", "Ratios, points and money against what the marketplaces allow")
    made = made.with_variable(
        variable("platform", "label_values(shipclock_shop_open_orders, platform)", all_of_them=True)
    )
    for panel in (*_numbers(), *_shops(), *_over_time()):
        made = made.with_panel(panel)
    return made


def _numbers() -> list[Any]:
    troubled = f'count(sum by (platform, shop) (shipclock_shop_open_alerts{{{HERE},severity="critical"}}) > 0)'
    return [
        number("Shops in trouble", f"{troubled} or on () vector(0)", colours=GOOD_AT_NONE, says="With critical alerts"),
        number(
            "Sanctions in force", f"sum(shipclock_shop_sanctions{{{HERE}}}) or on () vector(0)", colours=GOOD_AT_NONE
        ),
        number("Critical alerts", _alerts("critical"), colours=GOOD_AT_NONE),
        number("Warnings", _alerts("warning"), colours=[(None, "green"), (1, "orange")]),
        number("Open orders", f"sum(shipclock_shop_open_orders{{{HERE}}})"),
        number(
            "At stake",
            f"sum by (currency) (shipclock_shop_exposure{{{HERE}}})",
            unit="none",
            legend="{{currency}}",
            colours=[(None, "orange")],
            says="What penalties due by now would take",
        ),
    ]


def _alerts(severity: str) -> str:
    return f'sum(shipclock_shop_open_alerts{{{HERE},severity="{severity}"}}) or on () vector(0)'


def _shops() -> list[Any]:
    shop = "sum by (platform, shop)"
    columns = {
        "Sanctions": f"{shop} (shipclock_shop_sanctions{{{HERE}}})",
        "At stake, about USD": f"{shop} (shipclock_shop_exposure_usd{{{HERE}}})",
        "Critical": f'{shop} (shipclock_shop_open_alerts{{{HERE},severity="critical"}})',
        "Warnings": f'{shop} (shipclock_shop_open_alerts{{{HERE},severity="warning"}})',
        "Most used, %": f"100 * max by (platform, shop) (shipclock_shop_threshold_used{{{HERE}}})",
        "Points": f"{shop} (shipclock_shop_points{{{HERE}}}) or 0 * {shop} (shipclock_shop_open_orders{{{HERE}}})",
        "Open orders": f"{shop} (shipclock_shop_open_orders{{{HERE}}})",
    }
    used = f"topk(12, max by (platform, shop, clause) (shipclock_shop_threshold_used{{{HERE}}}))"
    points = f"topk(12, {columns['Points']})"
    return [
        rows(
            "Shops, the worst first",
            columns,
            ["platform", "shop"],
            sort=["Sanctions", "At stake, about USD", "Critical"],
        ),
        bars(
            "How much of each threshold is used",
            titled(used),
            "{{platform}}/{{shop}} {{title}}",
            unit="percentunit",
            colours=USED,
            says="The penalty begins at 100 %",
        ),
        bars(
            "Penalty points",
            points,
            "{{platform}}/{{shop}}",
            unit="short",
            colours=[(None, "green"), (3, "orange"), (12, "red")],
        ),
    ]


def _over_time() -> list[Any]:
    return [
        lines(
            "Open alerts",
            query(f"sum by (severity) (shipclock_shop_open_alerts{{{HERE}}})", "{{severity}}"),
            stacked=True,
        ),
        lines("Money at stake", query(f"sum by (currency) (shipclock_shop_exposure{{{HERE}}})", "{{currency}}")),
        lines(
            "Open alerts by clause",
            query(titled("topk(10, sum by (clause) (shipclock_open_alerts))"), "{{title}}"),
            says="Of all platforms",
        ),
        lines(
            "Alert records a minute, by reason",
            query("60 * sum by (reason) (rate(shipclock_alerts_total[$__rate_interval]))", "{{reason}}"),
            says="Of all platforms",
        ),
    ]
