"""`python -m deploy.prometheus.rules` writes the alert rules as the Prometheus operator wants them."""

from pathlib import Path

import yaml

HERE = Path(__file__).parent
FILES = ("alerts.yml", "feeds.yml")
RULE = HERE.parent / "kubernetes" / "components" / "prometheus-operator" / "prometheusrule.yaml"


def prometheus_rule() -> str:
    groups = [group for name in FILES for group in yaml.safe_load((HERE / name).read_text())["groups"]]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "shipclock"},
        "spec": {"groups": groups},
    }
    made = yaml.safe_dump(rule, sort_keys=False, allow_unicode=True, width=1_000)
    return f"# Made by `make rules` from deploy/prometheus.\n{made}"


if __name__ == "__main__":
    RULE.write_text(prometheus_rule())
