"""Summaries of records, which are filled by `%` where that gives the same as `format`."""

from decimal import Decimal

import pytest

from rules.emit.render import _template
from rules.kinds.rule import Rule
from streams import pack_files

RULES = list(pack_files.load(pack_files.built_in()).rules.values())
ODD = ("100 %", "%s", "{order}", None, 2, 0.1 + 0.2, Decimal("1.50"), True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_summary_is_the_same_whichever_way_it_is_filled(rule: Rule) -> None:
    for stage, summary in rule.summary.items():
        template = _template(rule, stage)
        names = {name: ODD[(n + len(stage)) % len(ODD)] for n, name in enumerate(sorted(rule.NAMES))}
        if template.quick is not None:
            assert template.quick % template.named(names) == summary.format_map(names)


def test_most_summaries_are_filled_by_the_quicker_way() -> None:
    templates = [_template(rule, stage) for rule in RULES for stage in rule.summary]
    assert sum(template.quick is not None for template in templates) > len(templates) / 2
