"""Whatever the console says it can say in Chinese."""

import re
from pathlib import Path
from typing import get_args

from rules.messages.alerts import Reason
from rules.messages.events import CancelReason, Party
from tests.rules.history import every_pack

CONSOLE = Path("streams/web/console")


def _keys(file: str, after: str, before: str = "\n};") -> set[str]:
    """The keys of one object in a file of the console."""
    text = (CONSOLE / file).read_text(encoding="utf-8")
    body = text[text.index(after) :]
    return set(re.findall(r'(?:^|[ {,])"?([A-Za-z][\w. ]*)"?: ["`]', body[: body.index(before)], re.MULTILINE))


TOGETHER = ("i18n.js", "order_words.js", "trend_words.js")
"""The files that have both languages."""

CHINESE = set[str]().union(*(_keys(file, "const CHINESE") for file in TOGETHER)) | _keys("words_zh.js", "const WORDS")


def test_every_text_of_the_console_has_its_chinese() -> None:
    english = set[str]().union(*(_keys(file, "const ENGLISH") for file in TOGETHER))
    assert len(english) > 100
    assert english - CHINESE == set()


def test_every_stage_reason_and_action_has_its_chinese() -> None:
    rules = every_pack().rules.values()
    wanted = {f"stage.{stage}" for rule in rules for stage in rule.stages()}
    wanted |= {f"do.{action.do}" for rule in rules for action in rule.actions}
    wanted |= {f"reason.{reason}" for reason in get_args(Reason)}
    wanted |= {f"code.{code}" for code in (*get_args(CancelReason), *get_args(Party))}
    assert wanted - CHINESE == set()
