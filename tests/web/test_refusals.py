"""What the API refuses, with the reason, and what no answer gives away."""

import re

import pytest

from streams.web.schemas import Health
from tests.web.api import Api
from tests.web.api import api as api
from tests.web.records import alert, alert_id, standing


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "severity=bad", "state=closed", "after=!", "after=WzFd", "after=é"]
)
async def test_a_wrong_query_is_told_of(api: Api, query: str) -> None:
    status, detail = await api.problem(f"/api/alerts?{query}")
    assert status == 400
    assert query.partition("=")[0] in detail


@pytest.mark.parametrize(
    "path",
    [
        "/api/about?x=",
        "/api/shops?platform=joom",
        "/api/shops/joom/s17?limit=1",
        "/api/alerts?limit=1&severitty=critical",
        f"/api/alerts/{alert_id('1')}?state=open",
        "/api/due?Warehouse=north",
        "/api/events?last=1",
    ],
)
async def test_a_parameter_that_is_not_there_is_refused_and_not_passed_over(api: Api, path: str) -> None:
    api.log.standings(standing())
    api.log.alerts(alert())
    status, detail = await api.problem(path)
    assert status == 400
    name = re.findall(r"[?&](\w+)=", path)[-1]
    assert f"no parameter '{name}' here" in detail


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("kind", ["mute", "acknowledge"])
async def test_a_change_takes_no_parameters(api: Api, method: str, kind: str) -> None:
    api.log.alerts(alert())
    path = f"/api/alerts/{alert_id('1')}/{kind}?until=x"
    assert (await api.problem(path, method, **({"json": {}} if method == "POST" else {})))[0] == 400
    assert (await api.get(f"/api/alerts/{alert_id('1')}"))["muted"] is None


async def test_prometheus_and_probes_may_ask_with_parameters(api: Api) -> None:
    for path in ("/metrics?name[]=up", "/health/live?probe=1"):
        assert (await api.client.get(path)).status_code == 200


async def test_paths_and_methods_that_are_not_there(api: Api) -> None:
    assert await api.problem("/nothing") == (404, "")
    assert await api.problem("/../settings.py") == (404, "")
    assert (await api.problem("/api/shops", "POST"))[0] == 405


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"until": "2026-01-01T00:00:00"}', "application/json", 400),
        (b'{"until": "2026-01-01T00:00:00Z"}', "application/json", 400),
        (b'{"comment": 7}', "application/json", 400),
        (b'{"until": "9999-12-31T23:59:59-23:59"}', "application/json", 400),
        (b'{"until": "0001-01-01T00:00:00+23:59"}', "application/json", 400),
        (b'{"x":' + b"[" * 8_000 + b"]" * 8_000 + b"}", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_body_that_can_not_be_meant_changes_nothing(api: Api, body: bytes, media: str, status: int) -> None:
    api.log.alerts(alert())
    path = f"/api/alerts/{alert_id('1')}/mute"
    assert (await api.problem(path, "POST", content=body, headers={"content-type": media}))[0] == status


async def test_of_a_resolved_or_unknown_alert_there_is_nothing_to_say(api: Api) -> None:
    api.log.alerts(alert(state="resolved"))
    path = f"/api/alerts/{alert_id('1')}/acknowledge"
    assert await api.problem(path, "POST", json={}) == (409, "the alert is resolved")
    assert (await api.problem("/api/alerts/x/mute", "DELETE"))[0] == 404


async def test_until_all_is_read_nothing_is_told_but_that(api: Api) -> None:
    api.health = Health(worker=True, views=False)
    for path in ("/api/shops", "/api/alerts/a", "/api/events"):
        assert (await api.problem(path))[0] == 503
    assert (await api.problem("/health/ready"))[0] == 503
    assert (await api.client.get("/health/live")).status_code == 200
    api.health = Health(worker=False, views=True)
    assert (await api.problem("/health/ready"))[0] == 503


async def test_a_failure_tells_the_log_and_not_the_client(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(api.log.view.shops, "names", fail)
    assert await api.problem("/api/shops") == (500, "what went wrong is in the worker's log")
    assert "secret" in caplog.text


async def test_a_path_in_the_log_of_a_failure_moves_no_cursor(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api.log.view.alerts, "get", lambda alert: 1 / 0)
    answer = await api.client.get("/api/alerts/%1b]0;title%07%1b[31m%0Aforged")
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert r"\x1b]0;title\x07\x1b[31m\nforged" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=x; escaping=y",
        "application/openmetrics-text; version==1",
        "text/plain; version=x.1",
    ],
)
async def test_metrics_in_a_format_that_is_none_are_refused(api: Api, accept: str) -> None:
    status, _ = await api.problem("/metrics", headers={"accept": accept})
    assert status == 400


async def test_metrics_are_those_of_prometheus_client(api: Api) -> None:
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text


async def test_every_answer_keeps_the_browser_from_anything_else(api: Api) -> None:
    for path in ("/", "/api/shops", "/nothing"):
        headers = (await api.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert (await api.client.get("/api/shops")).headers["cache-control"] == "no-store"
