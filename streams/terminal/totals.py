"""What a run came to, and the summary at its end."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.terminal.board import Board
from streams.terminal.metrics import metrics_of
from streams.terminal.shops import by_risk, shop_name
from streams.terminal.words import money

WORST_SHOPS = 5


@dataclass(slots=True)
class Totals:
    """Counted over a whole run. The caller keeps `events` and `orders`; `count` keeps the rest."""

    events: int = 0
    orders: int = 0
    alerts_opened: Counter[str] = field(default_factory=Counter)
    alerts_resolved: Counter[str] = field(default_factory=Counter)
    open_severity: dict[str, str] = field(default_factory=dict)
    """Severity of each alert that is open now, by alert id."""

    def count(self, alert: dict[str, Any]) -> None:
        """Takes in one change of an alert; each change must come once."""
        data = alert["data"]
        if alert["type"] == "alert.opened":
            self.alerts_opened[data["clause"]] += 1
        if alert["type"] == "alert.resolved":
            self.alerts_resolved[data["clause"]] += 1
            self.open_severity.pop(data["alert"], None)
        else:
            self.open_severity[data["alert"]] = data["severity"]

    def open_by_severity(self) -> Counter[str]:
        """How many alerts are open now, by severity."""
        return Counter(self.open_severity.values())


def exposed(standings: list[dict[str, Any]]) -> str:
    """All shops' exposure, a sum for each currency."""
    sums: dict[str, Decimal] = {}
    for standing in standings:
        if exposure := standing.get("exposure"):
            currency = exposure["currency"]
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(exposure["amount"])
    return ", ".join(money(amount, currency) for currency, amount in sorted(sums.items())) or "nothing"


def clause_table(totals: Totals) -> Table:
    """Alerts opened and resolved, a clause a row, the busiest first."""
    table = Table("clause", box=box.SIMPLE_HEAD)
    for title in ("opened", "resolved", "still open"):
        table.add_column(title, justify="right")
    for clause, opened in totals.alerts_opened.most_common():
        resolved = totals.alerts_resolved[clause]
        table.add_row(clause, f"{opened:,}", f"{resolved:,}", f"{opened - resolved:,}")
    opened, resolved = totals.alerts_opened.total(), totals.alerts_resolved.total()
    table.add_section()
    table.add_row("all", f"{opened:,}", f"{resolved:,}", f"{opened - resolved:,}", style="bold")
    return table


def worst_table(standings: list[dict[str, Any]]) -> Table:
    """The shops most at risk, with the metric that makes them so."""
    table = Table("worst shops", "clause", "now", "headroom", box=box.SIMPLE_HEAD)
    table.add_column("at stake", justify="right")
    for standing in by_risk(standings)[:WORST_SHOPS]:
        metrics = metrics_of(standing)
        shown = (
            [metrics[0].clause, metrics[0].now() + metrics[0].limit(), metrics[0].room()] if metrics else ["", "", ""]
        )
        exposure = standing.get("exposure")
        stake = money(exposure["amount"], exposure["currency"]) if exposure else ""
        table.add_row(shop_name(standing), *shown, stake)
    return table


def summary(board: Board, totals: Totals) -> RenderableType:
    """What to print when a run ends; in plain text too if the console has no colours."""
    return Group(
        Text.assemble(
            (f"{totals.events:,}", "bold"),
            " events of ",
            (f"{totals.orders:,}", "bold"),
            " orders processed; money exposed: ",
            (exposed(board.standings), "bold"),
        ),
        clause_table(totals),
        worst_table(board.standings),
    )
