"""The table of shops, the one most at risk first."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.panel import Panel
from rich.text import Text

from rules.messages.cost import rough_usd
from rules.messages.text import visible
from streams.terminal.lines import BORDER, Column, heading, line, panel, total_width
from streams.terminal.metrics import RISK_STYLE, Metric, Risk, bar, cells_before_mark, metrics_of
from streams.terminal.words import day_and_time, instant_ms, money, span

WIDE = 96
"""Columns inside the frame from which every column fits; below it the less telling ones go."""

EXTRA_SHARE = 4
"""One in so many lines may go to further lines of the worst shops when not every shop fits."""

ROOMY = 120
"""Columns inside the frame from which even long shop names get the room they need."""

Titles = Mapping[str, str]
"""What people call each clause."""


def shop_column(inside: int) -> Column:
    """The column with the shop's name, the same in every panel."""
    return Column("shop", 24 if inside >= ROOMY else 14)


def title_of(clause: str, titles: Titles) -> str:
    """What people call a clause; its id where no pack names it."""
    return visible(titles.get(clause, clause))


def shop_name(place: Mapping[str, Any]) -> Text:
    """`joom/s17` of a standing or an alert, the platform dimmer than the shop."""
    return Text.assemble((visible(place["platform"]) + "/", "dim"), (visible(place["shop"]), "bold"))


def risk_order(standing: Mapping[str, Any]) -> tuple[float, ...]:
    """Sorts shops most at risk first: punished or past a threshold; of these the costliest: sanctions in force, then
    money at stake; then how far they are, then how much is open."""
    metrics = metrics_of(standing)
    alerts = standing.get("open_alerts", 0)
    risk = metrics[0].risk if metrics else Risk.UNJUDGED
    if standing.get("sanctions"):
        risk = Risk.CROSSED
    elif risk is Risk.UNJUDGED:  # no ratio speaks for this shop, so its alerts do
        risk = Risk.NEAR if alerts else Risk.CALM
    exposure = standing.get("exposure")
    sums = [exposure, *exposure.get("others", [])] if exposure else []
    usd = sum(rough_usd(each["amount"], each["currency"]) for each in sums)
    pressure = metrics[0].pressure if metrics else 0.0
    return (-risk, -len(standing.get("sanctions", ())), -usd, -pressure, -alerts)


def by_risk(standings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shops, most at risk first; equal ones by name, so that rows don't swap for nothing."""
    return sorted(standings, key=lambda shop: (risk_order(shop), shop["platform"], shop["shop"]))


def columns_for(inside: int) -> dict[str, Column]:
    """The columns that fit, by what they show; the bar takes the width that is left."""
    wide = inside >= WIDE
    columns = {"shop": shop_column(inside)}
    if wide:
        rule = 12 + min((inside - WIDE) // 2, 14)  # half of what is to spare, up to what most titles need
        columns |= {"open": Column("open", 4, "right"), "rule": Column("rule", rule)}
    columns |= {
        "bar": Column("", 0),
        "now": Column("now", 12 if wide else 6, "right"),
        "count": Column("count", 7, "right"),
        "headroom": Column("headroom", 13),
        "stake": Column("at stake", 11, "right"),
        "alerts": Column("alerts", 6, "right"),
    }
    rest = inside - total_width(list(columns.values()))
    columns["bar"] = Column("limit ┃".rjust(cells_before_mark(rest) + 1), rest)
    return columns


def metric_cells(metric: Metric, columns: Mapping[str, Column], titles: Titles) -> dict[str, Text]:
    """The cells that show one metric, by column."""
    style = RISK_STYLE[metric.risk]
    now = Text(metric.now(), style=style)
    limit = Text(metric.limit(), style="dim")
    if now.cell_len + limit.cell_len <= columns["now"].width:
        now = Text.assemble(now, limit)
    return {
        "rule": Text(title_of(metric.clause, titles), style="dim"),
        "bar": bar(metric, columns["bar"].width),
        "now": now,
        "count": Text(metric.share()),
        "headroom": Text(metric.headroom_text(), style=style if metric.risk >= Risk.NEAR else ""),
    }


def shop_cells(standing: Mapping[str, Any]) -> dict[str, Text]:
    """The cells that show the shop itself, by column."""
    exposure = standing.get("exposure")
    alerts = standing.get("open_alerts", 0)
    orders = standing.get("open_orders")
    return {
        "shop": shop_name(standing),
        "open": Text("" if orders is None else str(orders)),
        "stake": Text(money(exposure["amount"], exposure["currency"]) if exposure else ""),
        "alerts": Text(str(alerts), style="bold") if alerts else Text("·", style="dim"),
    }


def sanction_line(sanction: Mapping[str, Any], at_ms: int, indent: int, titles: Titles) -> Text:
    """A penalty in force, under its shop: `⊘ sales suspended until 17 Jan 00:00, 11d 04h left Late marks`."""
    until = sanction.get("until")
    if until is None:
        end = "for good"
    else:
        until_ms = instant_ms(until)
        end = f"until {day_and_time(until_ms)}, {span(max(until_ms - at_ms, 0))} left"
    return Text.assemble(
        " " * indent,
        (f"⊘ {visible(sanction['name'])} ", "bold red"),
        (f"{end} ", "red"),
        (title_of(sanction["clause"], titles), "dim"),
    )


def shop_lines(standing: Mapping[str, Any], columns: Mapping[str, Column], at_ms: int, titles: Titles) -> list[Text]:
    """A shop's lines: its worst metric, penalties in force, then its other metrics that are near or past."""
    metrics = metrics_of(standing)
    cells = [metric_cells(metric, columns, titles) for metric in metrics[:1]] or [
        {"bar": Text("no ratio", style="dim")}
    ]
    cells[0] |= shop_cells(standing)
    for metric in metrics[1:]:
        if metric.risk >= Risk.NEAR:
            # Where there is no column for the rule, it stands under the shop's name.
            under = Text("" if "rule" in columns else f"  {title_of(metric.clause, titles)}", style="dim")
            cells.append(metric_cells(metric, columns, titles) | {"shop": under})
    rows = [line([row.get(name, Text()) for name in columns], list(columns.values())) for row in cells]
    indent = columns["shop"].width + 1
    sanctions = [sanction_line(found, at_ms, indent, titles) for found in standing.get("sanctions", [])]
    return [rows[0], *sanctions, *rows[1:]]


def shops_panel(standings: Sequence[dict[str, Any]], at_ms: int, width: int, room: int, titles: Titles) -> Panel:
    """The shops in at most `room` lines: one for each, the rest for further lines of the worst."""
    columns = columns_for(width - BORDER)
    ranked = [shop_lines(standing, columns, at_ms, titles) for standing in by_risk(standings)]
    room -= 1  # the heading
    wanted = sum(len(rows) - 1 for rows in ranked)
    spare = min(wanted, max(room - len(ranked), room // EXTRA_SHARE))
    shown = ranked if len(ranked) + spare <= room else ranked[: room - spare - 1]
    lines = [heading(list(columns.values()))]
    for rows in shown:
        extra = min(spare, len(rows) - 1)
        spare -= extra
        lines += rows[: 1 + extra]
    if len(shown) < len(ranked):
        lines.append(Text(f"and {len(ranked) - len(shown)} calmer shops", style="dim"))
    return panel("shops, most at risk first", lines, width)
