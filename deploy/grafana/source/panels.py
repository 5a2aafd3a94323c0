"""Panels of one style, so that the dashboards say only what they show."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")

Thresholds = list[tuple[float | None, str]]
"""Colours from a value on; the first from None."""

GOOD_AT_NONE: Thresholds = [(None, "green"), (1, "red")]
CALM: Thresholds = [(None, "blue")]
USED: Thresholds = [(None, "green"), (0.8, "orange"), (1, "red")]


def board(uid: str, title: str, says: str, since: str = "now-1h") -> dashboard.Dashboard:
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags(["shipclock"])
        .time(since, "now")
        .refresh("10s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(dashboard.DashboardLink("shipclock").type("dashboards").tags(["shipclock"]).keep_time(True))
        .with_variable(dashboard.DatasourceVariable("source").label("Source").type("prometheus"))
    )


def variable(name: str, values: str, *, all_of_them: bool) -> dashboard.QueryVariable:
    """A choice among label values; `values` is a `label_values(…)`."""
    chosen = dashboard.QueryVariable(name).label(name.capitalize()).datasource(SOURCE).query(values)
    chosen = chosen.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    if not all_of_them:
        return chosen
    everything = VariableOption(text="All", value="$__all", selected=True)
    return chosen.multi(True).include_all(True).all_value(".*").current(everything)


def query(expr: str, legend: str = "", *, now: bool = False, ref: str = "A") -> prometheus.Dataquery:
    """`now` asks for the newest value only."""
    asked = prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE)
    return asked.instant() if now else asked.range()


def titled(expr: str) -> str:
    """An expression by `clause`, with what the clause is called as label `title` beside. Of two releases that call it
    differently, one counts."""
    return f"({expr}) * on (clause) group_left (title) topk by (clause) (1, shipclock_clause_info)"


def number(
    title: str,
    expr: str,
    *,
    unit: str = "short",
    colours: Thresholds = CALM,
    legend: str = "",
    width: int = 4,
    says: str = "",
) -> stat.Panel:
    panel = stat.Panel().title(title).description(says).datasource(SOURCE).span(width).height(4).unit(unit)
    return (
        panel.thresholds(_steps(colours))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .no_value("0")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(query(expr, legend))
    )


def lines(
    title: str,
    *queries: prometheus.Dataquery,
    unit: str = "short",
    stacked: bool = False,
    width: int = 12,
    says: str = "",
) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(says).datasource(SOURCE).span(width).height(8).unit(unit)
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(LegendPlacement.BOTTOM)).line_width(2).fill_opacity(25 if stacked else 8)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for each in queries:
        panel = panel.with_target(each)
    return panel


def bars(
    title: str, expr: str, legend: str, *, unit: str, colours: Thresholds, width: int = 12, says: str = ""
) -> bargauge.Panel:
    panel = bargauge.Panel().title(title).description(says).datasource(SOURCE).span(width).height(10).unit(unit)
    return (
        panel.thresholds(_steps(colours))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .min(0)
        .with_target(query(expr, legend, now=True))
    )


def rows(
    title: str,
    columns: dict[str, str],
    by: list[str],
    *,
    sort: Sequence[str] = (),
    width: int = 24,
    height: int = 10,
    says: str = "",
) -> table.Panel:
    """A table with a row for each set of labels `by`; `columns` are expressions by heading, those in `sort` put the
    largest first."""
    panel = table.Panel().title(title).description(says).datasource(SOURCE).span(width).height(height)
    refs = {heading: chr(ord("A") + n) for n, heading in enumerate(columns)}
    for heading, expr in columns.items():
        panel = panel.with_target(query(expr, now=True, ref=refs[heading]).format(PromQueryFormat.TABLE))
    order = {label: n for n, label in enumerate(by)}
    order |= {f"Value #{ref}": len(by) + n for n, ref in enumerate(refs.values())}
    names = {f"Value #{ref}": heading for heading, ref in refs.items()} | {label: label.capitalize() for label in by}
    arranged = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=arranged))
    return panel.sort_by([common.TableSortByFieldState().display_name(each).desc(True) for each in sort])


def _steps(colours: Thresholds) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=value, color=colour) for value, colour in colours]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
