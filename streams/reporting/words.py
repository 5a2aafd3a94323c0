"""What a report is written with: words in English and Chinese, and how figures are shown."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from rules.messages.daily_values import PointsOfDay, RatioOfDay
from streams.reporting.shop_week import Money

Language = Literal["en", "zh"]

_ENGLISH: Final = {
    "title": "Week {week}: {first} to {last}",
    "shops": "{n} shops",
    "shop": "Shop",
    "platform": "Platform",
    "lost": "Lost to penalties",
    "avoided": "Penalties avoided",
    "at_stake": "At stake at its end",
    "opened": "Alerts opened",
    "resolved": "Alerts resolved",
    "open": "Open at its end",
    "missed": "Deadlines missed",
    "late": "Orders past a deadline",
    "still_late": "still waiting at its end",
    "ratios": "Ratios",
    "points": "Points",
    "worst": "Rules with most alerts",
    "rule": "Rule",
    "start": "At its start",
    "end": "At its end",
    "threshold": "Threshold",
    "days": "Days known",
    "partly": "of {n} of its 7 days something is known",
    "critical": "critical",
    "warning": "warning",
    "info": "info",
    "more": "... and {n} more shops",
    "known": "Lost and avoided are as far as Kafka still has the alerts; currencies are not added up.",
}
_CHINESE: Final = {
    "title": "{week} 周报：{first} 至 {last}",
    "shops": "{n} 家店铺",
    "shop": "店铺",
    "platform": "平台",
    "lost": "已扣罚款",
    "avoided": "避免的罚款",
    "at_stake": "周末风险金额",
    "opened": "新增预警",
    "resolved": "解除预警",
    "open": "周末未解除",
    "missed": "超时期限",
    "late": "有期限超时的订单",
    "still_late": "周末仍未处理",
    "ratios": "比率",
    "points": "扣分",
    "worst": "预警最多的规则",
    "rule": "规则",
    "start": "周初",
    "end": "周末",
    "threshold": "阈值",
    "days": "有数据的天数",
    "partly": "7 天中仅 {n} 天有数据",
    "critical": "严重",
    "warning": "警告",
    "info": "提示",
    "more": "……另有 {n} 家店铺",
    "known": "已扣和避免的罚款仅统计 Kafka 中尚存的预警；不同币种不合计。",
}
_WORDS: Final = {"en": _ENGLISH, "zh": _CHINESE}

NONE: Final = "–"
"""Stands for what isn't known."""


class Words(Struct, frozen=True):
    """`titles` are what rules are called, by language; of others the id stands."""

    language: Language = "en"
    titles: Mapping[str, Mapping[str, str]] = {}

    def text(self, what: str, **names: object) -> str:
        return _WORDS[self.language][what].format(**names)

    def rule(self, rule: str, others: Mapping[str, str] | None = None) -> str:
        """What a rule is called; `others` are titles that an alert of it has."""
        known = self.titles.get(rule) or others or {}
        return known.get(self.language) or known.get("en") or rule

    def money(self, sums: Money) -> str:
        return " + ".join(f"{amount:,f} {currency}".strip() for currency, amount in sorted(sums.items())) or "0"

    def share(self, ratio: RatioOfDay | None) -> str:
        if ratio is None or ratio.value is None:
            return NONE
        return f"{_percent(ratio.value)} ({ratio.numerator}/{ratio.denominator})"

    def limit(self, ratio: RatioOfDay | None) -> str:
        return NONE if ratio is None or ratio.threshold is None else _percent(ratio.threshold)

    def points(self, points: PointsOfDay | None) -> str:
        return NONE if points is None else f"{points.points:g}"

    def open_alerts(self, by_severity: Mapping[str, int]) -> str:
        known = [
            f"{by_severity[each]} {self.text(each)}"
            for each in ("critical", "warning", "info")
            if by_severity.get(each)
        ]
        return ("，" if self.language == "zh" else ", ").join(known) or "0"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
