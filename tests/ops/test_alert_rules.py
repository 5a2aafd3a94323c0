"""The alert rules of the worker's own health, held to by Prometheus's own tools."""

import subprocess
from pathlib import Path

import yaml

from deploy.prometheus import rules as prometheus_rules
from tests.ops.support import DEPLOY, program

FOLDER = DEPLOY / "prometheus"


def succeeds(*command: str, folder: Path = FOLDER) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    succeeds(program("promtool"), "test", "rules", "alerts.test.yml")


def test_no_rule_is_without_a_test_that_fires_and_one_that_does_not() -> None:
    tried: dict[str, set[bool]] = {rule["alert"]: set() for rule in rules()}
    for group in yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]:
        for test in group["alert_rule_test"]:
            tried[test["alertname"]].add(bool(test["exp_alerts"]))
    assert {alert for alert, outcomes in tried.items() if outcomes != {True, False}} <= {"SinkGivesUp"}


def test_the_operators_rules_are_the_same() -> None:
    assert prometheus_rules.RULE.read_text() == prometheus_rules.prometheus_rule(), "run `make rules`"


def test_prometheus_and_alertmanager_can_read_their_files() -> None:
    succeeds(program("promtool"), "check", "config", "--syntax-only", "prometheus.yml")
    succeeds(program("amtool"), "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))
