"""A digest as text: in English or Chinese, with times of the reader's zone."""

from typing import Final, Literal
from urllib.parse import quote

from msgspec import Struct

from rules.messages.alerts import Alert
from streams.sinks.local_times import INSTANT, local_times
from streams.sinks.notify.digests import RANK, Digest
from streams.sinks.plain import plain
from streams.translations import Translations

LINES: Final = 10
"""Alerts that a digest lists; it always says how many more there are."""

SIGN: Final = {"critical": "!!", "warning": "!", "info": "-"}

_CHINESE: Final = {
    "critical": "{n} 条严重",
    "warning": "{n} 条警告",
    "info": "{n} 条提示",
    "resolved": "{n} 条已解除",
    "more": "……另有 {n} 条",
    "times": "时间为 {zone}",
}
_ENGLISH: Final = {
    "critical": "{n} critical",
    "warning": "{n} warning",
    "info": "{n} info",
    "resolved": "{n} resolved",
    "more": "... and {n} more",
    "times": "Times are of {zone}",
}
_WORDS: Final = {"en": _ENGLISH, "zh": _CHINESE}


NONE: Final = Translations({})


class Wording(Struct, frozen=True):
    """The reader's language and time zone, and what texts are in Chinese."""

    language: Literal["en", "zh"] = "en"
    zone: str = "UTC"
    translations: Translations = NONE

    def title(self, digest: Digest) -> str:
        counts = dict.fromkeys((*RANK, "resolved"), 0)
        for alert in digest.alerts:
            counts["resolved" if alert.data.state == "resolved" else alert.data.severity] += 1
        parts = [self._text(what, n=n) for what, n in counts.items() if n]
        comma = "，" if self.language == "zh" else ", "
        return f"{plain(digest.platform)}/{plain(digest.shop)}: {comma.join(parts)}"

    def body(self, digest: Digest, console_url: str) -> str:
        lines = [self._line(alert) for alert in digest.alerts[:LINES]]
        more = len(digest.alerts) - LINES
        if more > 0:
            lines.append(self._text("more", n=more))
        if any(INSTANT.search(alert.data.summary) for alert in digest.alerts[:LINES]):
            lines += ["", self._text("times", zone=self.zone)]
        return "\n".join([*lines, "", f"{console_url}/#/shops/{quote(digest.platform, '')}/{quote(digest.shop, '')}"])

    def _text(self, what: str, **names: object) -> str:
        return _WORDS[self.language][what].format(**names)

    def _line(self, alert: Alert) -> str:
        data = alert.data
        name = plain(data.titles.get(self.language) or data.title or data.clause)
        sign = "ok" if data.state == "resolved" else SIGN[data.severity]
        return f"{sign} {name}: {plain(self._summary(alert))}"

    def _summary(self, alert: Alert) -> str:
        summary = local_times(alert.data.summary, self.zone)
        return self.translations.chinese(summary) or summary if self.language == "zh" else summary
