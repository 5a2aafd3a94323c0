"""The compose file and the image: what runs, who reaches whom, and what each may write."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops import compose
from tests.ops.support import DEPLOY, ROOT, program
from tests.ops.test_kubernetes import FEEDS, SETTINGS, WITHOUT_DATA, settings_in


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compose.load(tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that start without a profile being asked for."""
    return {name: service for name, service in stack["services"].items() if "profiles" not in service}


def test_docker_compose_starts_all_that_the_worker_works_with(services: dict[str, Any]) -> None:
    assert set(services) == {"kafka", "redis", "worker", "prometheus", "alertmanager", "grafana"}


def test_the_demo_feed_and_real_ones_are_profiles(stack: dict[str, Any], services: dict[str, Any]) -> None:
    others = {name: stack["services"][name] for name in stack["services"].keys() - services.keys()}
    assert {name: (each["profiles"], each["command"]) for name, each in others.items()} == {
        "feed": (["demo"], ["feed"]),
        **{name: (["feeds"], [command]) for name, command in FEEDS.items()},
    }


def test_feeds_read_their_settings_and_secrets_from_one_folder_that_they_can_not_change(stack: dict[str, Any]) -> None:
    for name in FEEDS:
        service = stack["services"][name]
        environment = service["environment"]
        assert settings_in(environment) <= SETTINGS
        (folder,) = [each for each in service["volumes"] if each["type"] == "bind"]
        assert folder["source"].endswith("/.secrets/feeds") and folder["read_only"] is True
        assert Path(environment["SHIPCLOCK_FEEDS"]) == Path(folder["target"]) / "feeds.yaml"


def test_mapper_and_poller_share_the_tokens_of_shops(stack: dict[str, Any]) -> None:
    def data(name: str) -> list[tuple[str, str]]:
        service = stack["services"][name]
        return [(each["source"], each["target"]) for each in service["volumes"] if each["type"] == "volume"]

    assert (
        data("mapper") == data("poller") == [("feeds", stack["services"]["poller"]["environment"]["SHIPCLOCK_DATADIR"])]
    )


def test_the_receiver_is_reached_and_probed_where_it_listens(stack: dict[str, Any]) -> None:
    receiver = stack["services"]["receiver"]
    (port,) = receiver["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "6067", 6067)
    assert ":6067/health/ready" in receiver["healthcheck"]["test"][-1]
    assert [name for name in FEEDS if "ports" in stack["services"][name]] == ["receiver"]


def test_prometheus_scrapes_the_feeds_where_they_run(stack: dict[str, Any]) -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (feeds,) = [job for job in jobs if job["job_name"] == "feeds"]
    assert {(name, each["port"]) for each in feeds["dns_sd_configs"] for name in each["names"]} == {
        ("receiver", 6067),
        ("mapper", 6066),
        ("poller", 6066),
    }
    assert feeds["authorization"] == {"credentials_file": "/run/secrets/shipclock-token"}


def test_everything_listens_on_this_machine_only(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}, name


def test_every_service_says_whether_it_is_well_and_keeps_its_data(services: dict[str, Any]) -> None:
    for name, service in services.items():
        built = "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text() if "build" in service else False
        assert built or "healthcheck" in service, name
        assert [each for each in service["volumes"] if each["type"] == "volume"], name
        assert service["restart"] == "unless-stopped"


def test_no_password_stands_in_the_file_and_none_is_left_at_its_default(stack: dict[str, Any]) -> None:
    for service in stack["services"].values():
        for variable in service.get("environment") or {}:
            if "PASSWORD" in variable or "TOKEN" in variable or "SECRET" in variable:
                assert variable.endswith("_FILE")
    assert "GF_SECURITY_ADMIN_PASSWORD__FILE" in stack["services"]["grafana"]["environment"]
    assert {Path(secret["file"]).parent.name for secret in stack["secrets"].values()} == {".secrets"}
    assert ".secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_make_up_makes_the_secrets_it_needs_at_random(stack: dict[str, Any], tmp_path: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in stack["secrets"].values()}
    make_up = ["make", "--dry-run", f"--file={ROOT / 'Makefile'}", "up"]
    plan = subprocess.run(make_up, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert wanted <= {word.removeprefix(".secrets/") for word in plan.split()}
    random = ["shipclock-token", "grafana-password", "kafka-password", "redis-password"]
    command = ["make", "--silent", f"--file={ROOT / 'Makefile'}", *(f".secrets/{name}" for name in random)]
    subprocess.run(command, cwd=tmp_path, check=True)
    made = [(tmp_path / ".secrets" / name).read_text() for name in random]
    assert len(set(made)) == len(random)
    assert all(len(secret) == 32 for secret in made)
    assert (tmp_path / ".secrets").stat().st_mode & 0o077 == 0


def test_images_are_of_an_exact_version(stack: dict[str, Any]) -> None:
    images = [service["image"] for service in stack["services"].values()]
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    images += [line.split()[1] for line in lines if line.startswith("FROM")]
    ours = f"shipclock:{tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}"
    assert {image for image in images if image.startswith("shipclock")} == {ours}
    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+(-[a-z-]+)?$", image)] == []


def test_every_container_is_nobody_special_and_bounded(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service and "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].partition(":")[0]) > 0, name
        assert service["mem_limit"] and int(service["pids_limit"]) > 0, name
        assert all(each.startswith("/tmp:size=") for each in service["tmpfs"]), name
        writable = [each for each in service.get("volumes", []) if not each.get("read_only")]
        assert [each["type"] for each in writable] == ["volume"] * (name not in WITHOUT_DATA), name


def test_who_looks_on_reaches_neither_kafka_nor_redis(stack: dict[str, Any]) -> None:
    networks = {name: set(service["networks"]) for name, service in stack["services"].items()}
    assert networks == {
        **{name: {"data"} for name in ("kafka", "redis", "feed")},
        **{name: {"monitoring"} for name in ("prometheus", "alertmanager", "grafana")},
        **{name: {"data", "monitoring"} for name in ("worker", *FEEDS)},
    }


def test_every_client_of_kafka_and_redis_logs_in(stack: dict[str, Any]) -> None:
    for name in ("worker", "feed", *FEEDS):
        environment = stack["services"][name]["environment"]
        assert environment["SHIPCLOCK_KAFKA_SECURITY"] == "SASL_PLAINTEXT"
        given = {each["source"] for each in stack["services"][name]["secrets"]}
        asked = {Path(value).name for variable, value in environment.items() if variable.endswith("_FILE")}
        assert asked <= given, name
    assert stack["services"]["worker"]["environment"]["SHIPCLOCK_REDIS_FILE"] == "/run/secrets/redis-url"


def test_files_that_are_mounted_are_there(services: dict[str, Any]) -> None:
    raw = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    sources = [volume.split(":")[0] for each in raw.values() for volume in each.get("volumes", []) if volume[0] == "."]
    mounted = [source for source in sources if not source.startswith("./.secrets/")]
    assert len(mounted) == 6
    assert all((ROOT / source).exists() for source in mounted)


def test_the_workers_container_can_write_nothing_but_its_data(services: dict[str, Any]) -> None:
    worker = services["worker"]
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    assert [each["target"] for each in worker["volumes"]] == [worker["environment"]["SHIPCLOCK_DATADIR"]]
    assert settings_in(worker["environment"]) <= SETTINGS


def test_the_dockerfile_is_as_hadolint_wants_it_and_leaves_root() -> None:
    done = subprocess.run([program("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]


def test_what_the_dockerfile_copies_is_what_docker_is_sent() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    lines = [line.split()[1:-1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert {source for line in lines for source in line if not source.startswith("-")} - {"/venv"} == sent


def test_make_up_without_the_compose_plugin_says_so_in_one_line(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "docker: unknown command: docker compose" >&2\nexit 1\n')
    docker.chmod(0o700)
    command = ["make", "--silent", f"--file={ROOT / 'Makefile'}", "up", "SECRETS="]
    there = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[0] == "`make up` needs Docker and its compose plugin"
