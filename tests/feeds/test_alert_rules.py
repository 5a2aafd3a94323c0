"""The alert rules of the feeds, held to by Prometheus's own tool."""

import re

import yaml
from prometheus_client import REGISTRY

from streams.metrics import feeds
from streams.metrics.feeds import FeedStates
from tests.ops.support import program
from tests.ops.test_alert_rules import FOLDER, succeeds

RULES = [rule for group in yaml.safe_load((FOLDER / "feeds.yml").read_text())["groups"] for rule in group["rules"]]
TESTS = yaml.safe_load((FOLDER / "feeds.test.yml").read_text())["tests"]


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    succeeds(program("promtool"), "test", "rules", "feeds.test.yml")
    succeeds(program("promtool"), "check", "config", "--syntax-only", "prometheus.yml")


def test_each_rule_has_a_test_that_fires_and_one_that_does_not() -> None:
    tried = {(each["alertname"], bool(each["exp_alerts"])) for test in TESTS for each in test["alert_rule_test"]}
    assert tried == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


def test_each_rule_speaks_of_what_the_processes_tell() -> None:
    feeds.begin("shopee")
    feeds.begin_mapping("shopee")
    feeds.TOKEN_END.labels("shopee")
    states = FeedStates(lambda: {("shopee", "silent"): 1})
    families = list(states.collect())
    known = {sample.name for family in families for sample in family.samples}
    known |= {sample.name for family in REGISTRY.collect() for sample in family.samples}
    asked = {name for rule in RULES for name in re.findall(r"\bshipclock_\w+", rule["expr"])}
    assert asked <= known
    outcomes = {
        word
        for rule in RULES
        for found in re.findall(r'outcome=~?"([^"]*)"', rule["expr"])
        for word in found.split("|")
    }
    assert outcomes <= set(feeds.OUTCOMES)
