"""The Helm chart: it gives what deploy/kubernetes gives."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.ops.support import DEPLOY, program
from tests.ops.test_kubernetes import KUBERNETES, OPERATORS, fits, namespaces, peers, settings_in
from tests.ops.test_kubernetes import SETTINGS as KNOWN

CHART = DEPLOY / "helm" / "shipclock"
EVERYTHING = ("ingress.enabled", "keda.enabled", "prometheusOperator.enabled")

Manifests = dict[tuple[str, str], dict[str, Any]]


def rendered(*values: str) -> Manifests:
    given = [word for each in values for word in ("--set", each)]
    command = [program("helm"), "template", "shipclock", str(CHART), "--namespace", "shipclock"]
    done = subprocess.run([*command, "--kube-version", KUBERNETES, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout) if each}


@pytest.fixture(scope="module")
def chart() -> Manifests:
    return rendered()


@pytest.fixture(scope="module")
def whole() -> Manifests:
    return rendered(*(f"{each}=true" for each in EVERYTHING))


def test_helm_finds_nothing_wrong_with_it() -> None:
    done = subprocess.run([program("helm"), "lint", "--strict", str(CHART)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_makes_fits_the_schemas_of_kubernetes(whole: Manifests) -> None:
    own = [each for each in whole.values() if not each["apiVersion"].startswith(OPERATORS)]
    assert [each["metadata"]["name"] for each in own if not fits(each)] == []
    assert {kind for kind, _ in whole} >= {"Ingress", "NetworkPolicy", "ScaledObject", "PodMonitor", "PrometheusRule"}


def test_the_worker_is_the_one_of_kustomize(chart: Manifests) -> None:
    command = [program("kubectl"), "kustomize", str(DEPLOY / "kubernetes")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    ours = chart["StatefulSet", "shipclock"]["spec"]["template"]["spec"]
    other = theirs["StatefulSet"]["spec"]["template"]["spec"]
    for spec in (ours, other):
        spec.pop("topologySpreadConstraints")  # they name the pods' labels
        for container in spec["containers"]:
            container.pop("envFrom")
    assert ours == other
    policy = chart["NetworkPolicy", "shipclock"]
    assert peers(policy, "to") == peers(theirs["NetworkPolicy"], "to")
    assert peers(policy, "from") == peers(theirs["NetworkPolicy"], "from")
    assert chart["ConfigMap", "shipclock"]["data"] == theirs["ConfigMap"]["data"]


def test_selectors_mean_the_workers_pods(whole: Manifests) -> None:
    labels = whole["StatefulSet", "shipclock"]["spec"]["template"]["metadata"]["labels"].items()
    for (kind, _), each in whole.items():
        spec = each.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        assert selector.get("matchLabels", selector).items() <= labels, kind


def test_its_settings_are_settings(chart: Manifests) -> None:
    assert settings_in(chart["ConfigMap", "shipclock"]["data"]) <= KNOWN


def test_people_are_let_in_through_the_ingress_and_metrics_stay_inside(whole: Manifests) -> None:
    assert namespaces(whole["NetworkPolicy", "shipclock"], "from") == {"monitoring": {"web"}, "ingress-nginx": {"web"}}
    (rule,) = whole["Ingress", "shipclock"]["spec"]["rules"]
    paths = {each["path"]: each["pathType"] for each in rule["http"]["paths"]}
    assert paths == {"/": "Exact", "/api": "Prefix", "/console": "Prefix", "/openapi.json": "Exact"}
    for each in rule["http"]["paths"]:
        assert ("Service", each["backend"]["service"]["name"]) in whole


def test_keda_asks_for_the_topics_of_the_worker() -> None:
    made = rendered("keda.enabled=true", "settings.SHIPCLOCK_TOPIC_PREFIX=eu-", "settings.SHIPCLOCK_APP_ID=eu-app")
    assert "replicas" not in made["StatefulSet", "shipclock"]["spec"]
    spec = made["ScaledObject", "shipclock"]["spec"]
    assert spec["maxReplicaCount"] == 12
    asked = [(each["metadata"]["topic"], each["metadata"]["consumerGroup"]) for each in spec["triggers"]]
    assert asked == [("eu-orders", "eu-app"), ("eu-pickups", "eu-app"), ("eu-tracking", "eu-app")]
    assert {each["metadata"]["bootstrapServers"] for each in spec["triggers"]} == {"kafka.kafka:9092"}


def test_the_rules_are_those_of_prometheus(whole: Manifests) -> None:
    groups = [
        group
        for name in ("alerts.yml", "feeds.yml")
        for group in yaml.safe_load((DEPLOY / "prometheus" / name).read_text())["groups"]
    ]
    assert whole["PrometheusRule", "shipclock"]["spec"]["groups"] == groups


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ((), "shipclock:0.1.0"),
        (("image.repository=registry.example/shipclock", "image.tag=0.2.0"), "registry.example/shipclock:0.2.0"),
        (("image.digest=sha256:abc",), "shipclock@sha256:abc"),
    ],
)
def test_the_image_is_of_an_exact_version(given: tuple[str, ...], image: str) -> None:
    spec = rendered(*given)["StatefulSet", "shipclock"]["spec"]["template"]["spec"]
    assert [each["image"] for each in spec["containers"]] == [image]
