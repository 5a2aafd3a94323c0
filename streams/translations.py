"""Texts of packs in Chinese.

Alert records say everything in English. A text is found by the phrase it was made from: `Order {order} is late` stands
for `Order 8412 is late`, and what stands for `{order}` is put into the Chinese phrase.
"""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Final

COMMON: Final = {
    "{within} h ship deadline": "{within} 小时发货期限",
    "{within} h deadline": "{within} 小时期限",
    "ship deadline of {due}": "发货期限 {due}",
    "deadline of {due}": "期限 {due}",
    "further notice": "另行通知",
}
"""What summaries of all packs may have in them."""


class Translations:
    """`chinese` is by English phrase; with {names} they are patterns, of which the one with most of its own counts."""

    def __init__(self, chinese: Mapping[str, str]) -> None:
        whole = {**COMMON, **chinese}
        self._exact = {english: text for english, text in whole.items() if "{" not in english}
        patterns = sorted((each for each in whole if "{" in each), key=lambda each: -len(re.sub("{.*?}", "", each)))
        self._patterns = [(_pattern(english), whole[english]) for english in patterns]

    def chinese(self, text: str) -> str | None:
        """The text in Chinese; None where there is no phrase for it."""
        if (exact := self._exact.get(text)) is not None:
            return exact
        for pattern, chinese in self._patterns:
            if found := pattern.fullmatch(text):
                return chinese.format(**{name: self.chinese(part) or part for name, part in found.groupdict().items()})
        return None


def _pattern(phrase: str) -> re.Pattern[str]:
    parts, seen = [], set[str]()
    for literal, name, _, _ in Formatter().parse(phrase):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
            seen.add(name)
    return re.compile("".join(parts), re.DOTALL)
