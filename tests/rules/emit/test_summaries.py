"""Summaries of records, which are filled by `%`, and not by `format`."""

from decimal import Decimal

import pytest

from rules.emit.render import _template
from rules.kinds.rule import Rule
from streams import pack_files

RULES = list(pack_files.load(pack_files.built_in()).rules.values())
ODD = ("100 %", "%s", "{order}", None, 2, 0.1 + 0.2, Decimal("1.50"), True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_summary_is_as_format_would_fill_it(rule: Rule) -> None:
    for stage, summary in rule.summary.items():
        fill = _template(rule, stage).fill
        values = {name: ODD[(n + len(stage)) % len(ODD)] for n, name in enumerate(sorted(rule.NAMES))}
        assert fill is not None and fill(values) == summary.format_map(values)


def test_most_summaries_use_the_evidence_only() -> None:
    templates = [_template(rule, stage) for rule in RULES for stage in rule.summary]
    assert sum(template.uses_evidence_only for template in templates) > len(templates) / 2
