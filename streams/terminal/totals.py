"""What a run came to, and the summary at its end."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rules.messages.text import visible
from streams.terminal.board import Board
from streams.terminal.metrics import metrics_of
from streams.terminal.shops import Titles, by_risk, shop_name, title_of
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


def clause_table(totals: Totals, titles: Titles) -> Table:
    """Alerts opened and resolved, a clause a row, the busiest first. Its id tells apart what several platforms call the
    same."""
    table = Table("rule", box=box.SIMPLE_HEAD)
    for title in ("opened", "resolved", "still open"):
        table.add_column(title, justify="right")
    for clause, opened in totals.alerts_opened.most_common():
        resolved = totals.alerts_resolved[clause]
        name = f"{visible(titles[clause])} ({clause})" if clause in titles else clause
        table.add_row(name, f"{opened:,}", f"{resolved:,}", f"{opened - resolved:,}")
    opened, resolved = totals.alerts_opened.total(), totals.alerts_resolved.total()
    table.add_section()
    table.add_row("all", f"{opened:,}", f"{resolved:,}", f"{opened - resolved:,}", style="bold")
    return table


def worst_table(standings: list[dict[str, Any]], titles: Titles) -> Table:
    """The shops most at risk, with the metric that makes them so."""
    table = Table("worst shops", "rule", "now", "headroom", box=box.SIMPLE_HEAD)
    table.add_column("at stake", justify="right")
    for standing in by_risk(standings)[:WORST_SHOPS]:
        metrics = metrics_of(standing)
        shown = ["", "", ""]
        if metrics:
            worst = metrics[0]
            shown = [title_of(worst.clause, titles), worst.now() + worst.limit(), worst.headroom_text()]
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
        clause_table(totals, board.titles),
        worst_table(board.standings, board.titles),
    )
