"""What alerts cost, to put the worst first: sanctions in force, then money, then points, then the severity."""

from collections.abc import Iterable
from math import isfinite
from typing import Final

from rules.messages.alerts import Alert

ROUGH_USD: Final = {
    "USD": 1.0, "EUR": 1.1, "GBP": 1.3, "CHF": 1.1, "CNY": 0.14, "HKD": 0.13, "TWD": 0.03, "JPY": 0.0067, "KRW": 0.0007,
    "SGD": 0.75, "MYR": 0.23, "THB": 0.03, "PHP": 0.017, "IDR": 0.00006, "VND": 0.00004, "INR": 0.012, "AUD": 0.65,
    "CAD": 0.73, "MXN": 0.055, "BRL": 0.18, "CLP": 0.001, "COP": 0.00025, "RUB": 0.012, "KZT": 0.002, "BYN": 0.3,
    "UAH": 0.024, "PLN": 0.27, "CZK": 0.045, "TRY": 0.025, "ILS": 0.28, "AED": 0.27, "SAR": 0.27,
}  # fmt: skip
"""About what one unit of a currency is worth, so that 90,000 IDR don't come before 80 USD. Only for the order of lists,
never shown, so the rates of a day don't matter; an unknown currency counts as one dollar."""

SEVERITIES: Final = {"info": 1, "warning": 2, "critical": 3}

Rank = tuple[float, float, float, float]
"""A place in a list of open alerts: the worst has the smallest."""


def rank(stage: str, severity: str, money: Iterable[tuple[str, str | None]], points: float | None) -> Rank:
    """An alert's place. `money` are sums with their currencies."""
    usd = sum(rough_usd(*each) for each in money)
    return float(stage != "active"), -usd, -(points or 0.0), -SEVERITIES.get(severity, 0)


def rough_usd(amount: str, currency: str | None) -> float:
    """About what a sum is worth; 0 for what is no sum."""
    try:
        usd = float(amount) * ROUGH_USD.get(currency or "", 1.0)
    except ValueError:
        return 0.0
    return usd if isfinite(usd) else 0.0


def money_of(alert: Alert) -> list[tuple[str, str | None]]:
    """The sums that an alert costs, with their currencies."""
    penalty = alert.data.penalty
    if penalty is None:
        return []
    own = [] if penalty.amount is None else [(penalty.amount, penalty.currency)]
    return own + [(each["amount"], each.get("currency")) for each in penalty.others or ()]


def rank_of(alert: Alert) -> Rank:
    data = alert.data
    points = None if data.penalty is None else data.penalty.points
    return rank(data.stage, data.severity, money_of(alert), points)
