"""Every panel asks a real Prometheus that has scraped the demo, and gets an answer; and so may every alert rule."""

import math
import re
from typing import Any

import pytest
import yaml

from deploy.grafana.source.__main__ import written
from streams.metrics import feeds
from tests.ops.conftest import IN_TROUBLE
from tests.ops.dashboards import FOLDER, Panel, boards, panels
from tests.ops.support import DEPLOY, ROOT, Prometheus
from tests.ops.test_alert_rules import rules

CHOSEN = {
    "shops-at-risk": {"platform": ".*"},
    "one-shop": dict(part.replace('"', "").split("=") for part in IN_TROUBLE.split(",")),
    "the-worker": {},
    "feeds": {},
}


def has_figures(series: list[dict[str, Any]]) -> bool:
    values = [value for each in series for _, value in each.get("values", [each.get("value")])]
    return any(math.isfinite(float(value)) for value in values)


def show_something(panel: Panel, server: Prometheus) -> None:
    """Fails where one of a panel's queries has no figures."""
    answers = panel.answers(server, CHOSEN[panel.board], seconds=15)
    assert answers
    assert [has_figures(each) for each in answers] == [True] * len(answers), panel.json["targets"]


def titled(panel: Panel) -> str:
    return f"{panel.board}: {panel.title}"


@pytest.mark.slow
@pytest.mark.parametrize("panel", [each for each in panels() if each.board != "feeds"], ids=titled)
def test_every_panel_has_something_to_show(scraped_demo: Prometheus, panel: Panel) -> None:
    show_something(panel, scraped_demo)


@pytest.mark.slow
def test_the_variables_of_one_shop_offer_the_platforms_and_each_ones_shops(scraped_demo: Prometheus) -> None:
    variables = {each["name"]: each["query"] for each in boards()["one-shop"]["templating"]["list"]}
    assert variables["platform"] == "label_values(shipclock_shop_open_orders, platform)"
    assert "joom" in scraped_demo.values_of("platform", "shipclock_shop_open_orders")
    assert variables["shop"] == 'label_values(shipclock_shop_open_orders{platform="$platform"}, shop)'
    assert scraped_demo.values_of("shop", 'shipclock_shop_open_orders{platform="joom"}') == [
        "hongkong-gadgets",
        "s17",
        "slow-river",
        "steady-hands",
    ]


@pytest.mark.slow
def test_every_alert_rule_speaks_of_what_the_worker_tells(scraped_demo: Prometheus) -> None:
    known = set(scraped_demo.values_of("__name__", '{job="shipclock"}'))
    for metric in (feeds.POLLS, feeds.POLL_LAG):  # of processes that the demo doesn't have
        (family,) = metric.describe()
        known.add(f"{family.name}_total" if family.type == "counter" else family.name)
    asked = {name for rule in rules() for name in re.findall(r"\bshipclock_\w+", rule["expr"])}
    assert {name for name in asked - known if "_sink_" not in name} == set()  # the demo has no sinks


def test_the_dashboards_are_those_that_the_source_writes() -> None:
    wanted = dict(written())
    assert sorted(wanted) == sorted(FOLDER.iterdir())
    for file, text in wanted.items():
        assert file.read_text() == text, f"{file.name} is out of date: make dashboards"


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in grafana["volumes"] if volume[0] == "."}
    provisioning = DEPLOY / "grafana" / "provisioning"
    assert ROOT / mounted["/etc/grafana/provisioning"] == provisioning
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "shipclock.yml").read_text())["providers"]
    assert ROOT / mounted[provider["options"]["path"]] == FOLDER
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    for board in boards().values():
        assert {panel["datasource"]["type"] for panel in board["panels"]} == {"prometheus"}
