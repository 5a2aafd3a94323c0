"""What Docker and Kubernetes are given, as far as that can be told without either."""

import re
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.kafka.topics import CLOCKED
from tests.ops.support import DEPLOY, program

KUBERNETES = "1.34"
SETTINGS = {
    *("BROKER", "APP_ID", "TOPIC_PREFIX", "PARTITIONS", "PACKS", "CLOCK", "DATADIR", "LOG_LEVEL"),
    *("WEB_HOST", "WEB_PORT", "TOKEN", "TOKEN_FILE", "REDIS", "REDIS_FILE", "ALERTMANAGER"),
    *("KAFKA_SECURITY", "KAFKA_MECHANISM", "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE", "KAFKA_CA"),
    *("MAX_SHOPS", "MAX_ORDERS", "FEEDS"),
}
"""The contract's, how to log in to Kafka, the files that secrets may be in, and the ceilings."""


FEEDS = {"receiver": "receive", "mapper": "feed-map", "poller": "poll"}
"""The commands of the feeds' processes by the services that run them."""

FEED_PODS = (("Deployment", "shipclock-receiver"), ("StatefulSet", "shipclock-feeds"))

WITHOUT_DATA = {"feed", "receiver"}


def settings_in(environment: dict[str, Any]) -> set[str]:
    return {name.removeprefix("SHIPCLOCK_") for name in environment if name.startswith("SHIPCLOCK_")}


# -- Kubernetes ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    """By kind, as kustomize puts them together."""
    command = [program("kubectl"), "kustomize", str(DEPLOY / "kubernetes")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}


def fits(manifest: dict[str, Any]) -> bool:
    """By the schemas of Kubernetes itself, in which nothing may stand that they don't name."""
    program("kubernetes-validate")
    import kubernetes_validate

    try:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        print(error)
        return False
    return True


def test_the_manifests_fit_the_schemas_of_kubernetes(manifests: dict[str, dict[str, Any]]) -> None:
    """So they apply to a fresh cluster, where nothing but Kubernetes is."""
    assert set(manifests) == {
        "Namespace",
        "StatefulSet",
        "Service",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ConfigMap",
    }
    assert [kind for kind in manifests if not fits(manifests[kind])] == []


def test_their_namespace_is_made_with_them(manifests: dict[str, dict[str, Any]]) -> None:
    name = manifests["Namespace"]["metadata"]["name"]
    assert {each["metadata"].get("namespace", name) for each in manifests.values()} == {name}


def test_a_manifest_with_a_misspelt_field_would_not_fit(manifests: dict[str, Any]) -> None:
    assert not fits(manifests["PodDisruptionBudget"] | {"spec": {"maxUnavailible": 1}})


def test_the_pod_is_probed_where_the_worker_answers(manifests: dict[str, Any]) -> None:
    (container,) = pod(manifests)["containers"]
    assert container["ports"] == [{"name": "web", "containerPort": 6066}]
    paths = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/health/live", "port": "web"},
        "liveness": {"path": "/health/live", "port": "web"},
        "readiness": {"path": "/health/ready", "port": "web"},
    }


def test_the_pod_is_nobody_special_and_writes_only_to_its_volumes(manifests: dict[str, Any]) -> None:
    spec = pod(manifests)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (secrets,) = [each for each in spec["volumes"] if "secret" in each]
    assert secrets["secret"]["secretName"] == "shipclock"
    assert "Secret" not in manifests


def test_the_pods_settings_are_settings(manifests: dict[str, Any]) -> None:
    (container,) = pod(manifests)["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]} | manifests["ConfigMap"]["data"]
    assert settings_in(given) <= SETTINGS
    assert container["envFrom"] == [{"configMapRef": {"name": manifests["ConfigMap"]["metadata"]["name"]}}]


def test_there_are_never_more_workers_than_partitions(everything: dict[tuple[str, str], dict[str, Any]]) -> None:
    spec = everything["ScaledObject", "shipclock"]["spec"]
    (settings,) = [each["data"] for (kind, _), each in everything.items() if kind == "ConfigMap"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shipclock"}
    assert ("StatefulSet", "shipclock") in everything
    assert spec["minReplicaCount"] == 1
    assert str(spec["maxReplicaCount"]) == settings["SHIPCLOCK_PARTITIONS"]
    assert [each["metadata"]["topic"] for each in spec["triggers"]] == list(CLOCKED)
    for trigger in spec["triggers"]:
        assert trigger["type"] == "kafka"
        assert trigger["metadata"]["allowIdleConsumers"] == "false"
        assert f"kafka://{trigger['metadata']['bootstrapServers']}" == settings["SHIPCLOCK_BROKER"]
        assert all(isinstance(value, str) for value in trigger["metadata"].values())


def test_services_budgets_and_policies_mean_the_workers_pods(manifests: dict[str, Any]) -> None:
    labels = manifests["StatefulSet"]["spec"]["template"]["metadata"]["labels"].items()
    assert manifests["Service"]["spec"]["selector"].items() <= labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert manifests["StatefulSet"]["spec"]["selector"]["matchLabels"].items() <= labels


def peers(policy: dict[str, Any], way: str) -> list[tuple[dict[str, Any], set[int | str]]]:
    """Each peer that a policy lets `from` it in or `to` it out, with the ports."""
    rules = policy["spec"]["ingress" if way == "from" else "egress"]
    return [(peer, {port for each in rule["ports"] for port in _ports(each)}) for rule in rules for peer in rule[way]]


def _ports(given: dict[str, Any]) -> range | list[str]:
    port = given["port"]
    return [port] if isinstance(port, str) else range(port, given.get("endPort", port) + 1)


def namespaces(policy: dict[str, Any], way: str) -> dict[str, set[int | str]]:
    """The ports of the peers that are named by their namespace."""
    return {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: ports
        for peer, ports in peers(policy, way)
        if "namespaceSelector" in peer
    }


def test_prometheus_is_let_in_by_its_own_label(manifests: dict[str, Any]) -> None:
    first, _ = peers(manifests["NetworkPolicy"], "from")[0]
    assert first["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    assert set(namespaces(manifests["NetworkPolicy"], "from")) == {"monitoring"}


def test_what_goes_out_goes_where_the_policy_names(manifests: dict[str, Any]) -> None:
    inside = namespaces(manifests["NetworkPolicy"], "to")
    assert inside["kafka"] == set(range(9092, 9099))
    assert inside["monitoring"] == {9093}
    assert inside["kube-system"] == {53}
    assert inside["redis"] >= {6379}
    blocks = [(peer["ipBlock"], ports) for peer, ports in peers(manifests["NetworkPolicy"], "to") if "ipBlock" in peer]
    outside = [(block, ports) for block, ports in blocks if "except" in block]
    assert {block["cidr"]: ports for block, ports in outside} == {"0.0.0.0/0": {443, 465, 587}, "::/0": {443, 465, 587}}
    kept = [ip_network(cidr) for block, _ in outside for cidr in block["except"]]
    for address in ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "fd00::1", "fe80::1"):
        assert any(ip_address(address) in network for network in kept), address


def test_no_volume_grows_without_bound(manifests: dict[str, Any]) -> None:
    temporary = [each["emptyDir"] for each in pod(manifests)["volumes"] if "emptyDir" in each]
    assert temporary and all("sizeLimit" in each for each in temporary)
    (container,) = pod(manifests)["containers"]
    assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()


def test_datadir_is_a_folder_that_the_worker_makes_itself(manifests: dict[str, Any]) -> None:
    (container,) = pod(manifests)["containers"]
    (datadir,) = [each["value"] for each in container["env"] if each["name"] == "SHIPCLOCK_DATADIR"]
    (mount,) = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "data"]
    assert Path(datadir).parent == Path(mount)


OPERATORS = ("keda.sh/", "monitoring.coreos.com/")
"""API groups of what must be in the cluster besides."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """By kind and name, with all the components that kustomization.yaml shows in comments."""
    folder = tmp_path_factory.mktemp("kubernetes") / "all"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    file = folder / "kustomization.yaml"
    shown = re.sub(r"(?m)^# (components:|  - components/)", r"\1", file.read_text())
    file.write_text(shown)
    kept = {f"components/{each.name}" for each in (folder / "components").iterdir()}
    assert set(yaml.safe_load(shown)["components"]) == kept
    done = subprocess.run([program("kubectl"), "kustomize", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}


def test_the_components_fit_the_schemas_too(everything: dict[tuple[str, str], dict[str, Any]]) -> None:
    own = [each for each in everything.values() if not each["apiVersion"].startswith(OPERATORS)]
    assert {each["kind"] for each in own} >= {"Ingress", "NetworkPolicy", "Service"}
    assert [each["metadata"]["name"] for each in own if not fits(each)] == []
    assert "Secret" not in {kind for kind, _ in everything}


def test_with_feeds_each_process_runs_hardened_with_its_settings_from_a_secret(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    specs = [everything[each]["spec"]["template"]["spec"] for each in FEED_PODS]
    commands = {each["name"]: each["args"] for spec in specs for each in spec["containers"]}
    assert commands == {name: [command] for name, command in FEEDS.items()}
    for spec in specs:
        assert (spec["securityContext"]["runAsNonRoot"], spec["automountServiceAccountToken"]) == (True, False)
        secrets = {each["name"]: each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each}
        temporary = [each["emptyDir"] for each in spec["volumes"] if "emptyDir" in each]
        assert temporary and all("sizeLimit" in each for each in temporary)
        for container in spec["containers"]:
            environment = {each["name"]: each.get("value") for each in container["env"]}
            assert settings_in(environment) <= SETTINGS
            assert container["securityContext"] == pod_of_worker(everything)["containers"][0]["securityContext"]
            mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
            folder = mounts[str(Path(str(environment["SHIPCLOCK_FEEDS"])).parent)]
            assert (secrets[folder["name"]], folder["readOnly"]) == ("shipclock-feeds", True)
            assert secrets[mounts["/run/secrets/shipclock"]["name"]] == "shipclock"
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
            (port,) = container["ports"]
            assert {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("liveness", "readiness")} == {
                port["name"]
            }


def test_mapper_and_poller_are_one_pod_that_is_never_there_twice(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    feeds = everything["StatefulSet", "shipclock-feeds"]["spec"]
    assert feeds["replicas"] == 1
    datadirs = [
        each["value"]
        for container in feeds["template"]["spec"]["containers"]
        for each in container["env"]
        if each["name"] == "SHIPCLOCK_DATADIR"
    ]
    assert datadirs == ["/data/shipclock"] * 2


def test_pushes_come_in_through_the_ingress_and_apis_are_asked_outside_alone(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    receiver, feeds = (everything["NetworkPolicy", name] for _, name in FEED_PODS)
    assert namespaces(receiver, "from") == {"ingress-nginx": {"push"}, "monitoring": {"push"}}
    assert namespaces(feeds, "from") == {"monitoring": {"mapper", "poller"}}
    for policy in (receiver, feeds):
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert namespaces(policy, "to") == {"kube-system": {53}, "kafka": set(range(9092, 9099))}
    outside = [(peer["ipBlock"], ports) for peer, ports in peers(feeds, "to") if "except" in peer.get("ipBlock", {})]
    assert {block["cidr"]: ports for block, ports in outside} == {"0.0.0.0/0": {443}, "::/0": {443}}
    assert [peer for peer, _ in peers(receiver, "to") if "except" in peer.get("ipBlock", {})] == []
    for kind, name in FEED_PODS:
        labels = everything[kind, name]["spec"]["template"]["metadata"]["labels"].items()
        for other in ("NetworkPolicy", "Service"):
            spec = everything[other, name]["spec"]
            assert spec.get("podSelector", {}).get("matchLabels", spec.get("selector")).items() <= labels
    (rule,) = everything["Ingress", "shipclock-receiver"]["spec"]["rules"]
    assert [each["path"] for each in rule["http"]["paths"]] == ["/feeds"]


def test_with_sasl_the_feeds_log_in_to_kafka_too(everything: dict[tuple[str, str], dict[str, Any]]) -> None:
    for each in FEED_PODS:
        spec = everything[each]["spec"]["template"]["spec"]
        (volume,) = [each for each in spec["volumes"] if each.get("secret", {}).get("secretName") == "shipclock-kafka"]
        for container in spec["containers"]:
            environment = {each["name"]: each for each in container["env"]}
            (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
            files = {f"{mount['mountPath']}/{each['path']}" for each in volume["secret"]["items"]}
            assert {environment[f"SHIPCLOCK_KAFKA_{name}"]["value"] for name in ("PASSWORD_FILE", "CA")} == files
            assert "valueFrom" in environment["SHIPCLOCK_KAFKA_USERNAME"]


def test_with_sasl_the_pod_and_keda_log_in_to_kafka_from_the_secret(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    spec = everything["StatefulSet", "shipclock"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (settings,) = [each["data"] for (kind, _), each in everything.items() if kind == "ConfigMap"]
    environment = {each["name"]: each for each in container["env"]}
    assert settings_in(environment | settings) <= SETTINGS
    assert settings["SHIPCLOCK_KAFKA_SECURITY"] == "SASL_SSL"
    name = environment["SHIPCLOCK_KAFKA_USERNAME"]["valueFrom"]["secretKeyRef"]
    assert name == {"name": "shipclock-kafka", "key": "username"}
    (volume,) = [each for each in spec["volumes"] if each.get("secret", {}).get("secretName") == "shipclock-kafka"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    files = {f"{mount['mountPath']}/{each['path']}" for each in volume["secret"]["items"]}
    assert {environment[f"SHIPCLOCK_KAFKA_{each}"]["value"] for each in ("PASSWORD_FILE", "CA")} == files
    asked = everything["TriggerAuthentication", "shipclock-kafka"]["spec"]["secretTargetRef"]
    assert {each["name"] for each in asked} == {"shipclock-kafka"}
    for trigger in everything["ScaledObject", "shipclock"]["spec"]["triggers"]:
        assert trigger["authenticationRef"] == {"name": "shipclock-kafka"}
        assert (trigger["metadata"]["tls"], trigger["metadata"]["sasl"]) == ("enable", "scram_sha512")
        assert f"kafka://{trigger['metadata']['bootstrapServers']}" == settings["SHIPCLOCK_BROKER"]


def test_the_ingress_lets_people_in_over_tls_and_no_further_than_the_console(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    spec = everything["Ingress", "shipclock"]["spec"]
    (rule,), (tls,) = spec["rules"], spec["tls"]
    assert [rule["host"]] == tls["hosts"]
    paths = {each["path"]: each for each in rule["http"]["paths"]}
    assert set(paths) == {"/", "/api", "/console", "/openapi.json"}
    assert paths["/"]["pathType"] == "Exact"  # so that /metrics and /health stay inside
    labels = pod_labels(everything)
    for path in paths.values():
        service = everything["Service", path["backend"]["service"]["name"]]["spec"]
        assert service["selector"].items() <= labels.items()
        assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["ports"]}
    policy = everything["NetworkPolicy", "shipclock-console"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert namespaces(policy, "from") == {"ingress-nginx": {"web"}}


def test_kafka_outside_is_reached_by_its_addresses(everything: dict[tuple[str, str], dict[str, Any]]) -> None:
    policy = everything["NetworkPolicy", "shipclock-kafka-outside"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod_labels(everything).items()
    ((peer, ports),) = peers(policy, "to")
    assert ip_network(peer["ipBlock"]["cidr"]).num_addresses < 2**16
    assert ports == set(range(9092, 9099))


@pytest.mark.parametrize("name", ["feeds", "ingress", "keda", "kafka-sasl", "kafka-outside", "prometheus-operator"])
def test_each_component_can_be_had_without_the_others(tmp_path: Path, name: str) -> None:
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "one")
    file = tmp_path / "one" / "kustomization.yaml"
    file.write_text(f"{file.read_text()}components: [components/{name}]\n")
    done = subprocess.run([program("kubectl"), "kustomize", str(tmp_path / "one")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_operator_scrapes_every_port_with_metrics_and_has_the_token(
    everything: dict[tuple[str, str], dict[str, Any]],
) -> None:
    spec = everything["PodMonitor", "shipclock"]["spec"]
    pods = [each["spec"]["template"] for each in everything.values() if "template" in each.get("spec", {})]
    for each in pods:
        assert spec["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
    ports = {port["name"] for each in pods for one in each["spec"]["containers"] for port in one["ports"]}
    assert {each["port"] for each in spec["podMetricsEndpoints"]} == ports
    for endpoint in spec["podMetricsEndpoints"]:
        assert endpoint["authorization"]["credentials"] == {"name": "shipclock", "key": "token"}


def pod_of_worker(everything: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = everything["StatefulSet", "shipclock"]["spec"]["template"]["spec"]
    return spec


def pod_labels(everything: dict[tuple[str, str], dict[str, Any]]) -> dict[str, str]:
    labels: dict[str, str] = everything["StatefulSet", "shipclock"]["spec"]["template"]["metadata"]["labels"]
    return labels


def pod(manifests: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifests["StatefulSet"]["spec"]["template"]["spec"]
    return spec
