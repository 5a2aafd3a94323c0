"""Who is let in."""

import hmac
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.datastructures import Headers

from streams.web.auth import WRONG_TOKEN_S, Guard
from streams.web.schemas import Health
from streams.web.tokens import NO_TOKENS, load
from tests.web.api import Api

TOKEN = "correct-horse-battery"
OPEN = Guard(Starlette(), NO_TOKENS)
CLOSED = Guard(Starlette(), load(TOKEN, None))


def status(guard: Guard, method: str = "GET", path: str = "/api/shops", **headers: str) -> int:
    """What is answered at once; 200 where the request is let in."""
    given = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    refusal = guard.refusal(method, path, given, guard.person(given))
    return 200 if refusal is None else refusal.status_code


@pytest.mark.parametrize("host", ["localhost:6066", "127.0.0.1:6066", "[::1]:6066", "localhost", "127.0.0.1"])
def test_without_a_token_this_machine_is_let_in(host: str) -> None:
    assert status(OPEN, host=host) == 200
    assert status(OPEN, "POST", host=host, origin=f"http://{host}", sec_fetch_site="same-origin") == 200
    assert status(OPEN, "POST", host=host) == 200, "no browser, so nobody else's page"


@pytest.mark.parametrize(
    "host", ["evil.example:6066", "127.0.0.1.evil.example", "localhost.evil.example", "", "10.0.0.7", "["]
)
def test_a_name_that_was_made_to_lead_here_is_not(host: str) -> None:
    assert status(OPEN, host=host) == 403
    assert status(OPEN, path="/", host=host) == 403


@pytest.mark.parametrize("guard", [OPEN, CLOSED])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "others",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8000"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(guard: Guard, method: str, others: dict[str, str]) -> None:
    assert status(guard, method, host="localhost:6066", authorization=f"Bearer {TOKEN}", **others) == 403


@pytest.mark.parametrize("path", ["/api/shops", "/api/events", "/api/alerts/a:b/c", "/metrics"])
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer \xff"]
)
def test_with_a_token_all_data_needs_it(path: str, authorization: str) -> None:
    assert status(CLOSED, path=path, host="shipclock.example", authorization=authorization) == 401


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
def test_with_the_token_one_is_let_in_under_any_name(authorization: str) -> None:
    assert status(CLOSED, host="shipclock.example", authorization=authorization) == 200
    assert status(CLOSED, "POST", host="shipclock.example", authorization=authorization) == 200


@pytest.mark.parametrize("path", ["/", "/console/main.js", "/openapi.json"])
def test_the_page_itself_needs_no_token_so_that_it_can_ask_for_it(path: str) -> None:
    assert status(CLOSED, path=path, host="shipclock.example") == 200


@pytest.mark.parametrize("guard", [OPEN, CLOSED])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_are_always_let_in(guard: Guard, path: str) -> None:
    assert status(guard, path=path, host="10.1.2.3:6066") == 200


async def test_probes_without_a_token_are_not_told_what_is_wrong_in_words() -> None:
    problem = "DATADIR takes no snapshots (/data/joom)"
    for tokens, authorization, problems in (
        (NO_TOKENS, None, [problem]),
        (load(TOKEN, None), None, []),
        (load(TOKEN, None), "Bearer wrong", []),
        (load(TOKEN, None), f"Bearer {TOKEN}", [problem]),
    ):
        api = Api(tokens)
        api.health = Health(worker=True, views=True, problems=[problem])
        headers = {} if authorization is None else {"authorization": authorization}
        for path in ("/health/live", "/health/ready"):
            answer = await api.client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["problems"]) == (200, problems)
        api.health = Health(worker=True, views=True, kafka=False, problems=[problem])
        answer = await api.client.get("/health/ready", headers=headers)
        assert (answer.status_code, problem in answer.text) == (503, bool(problems))


async def asked(guard: Guard, authorization: str | None) -> tuple[int, bytes]:
    """Over ASGI: the status that is answered, and the body."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"host", b"h"), *([(b"authorization", authorization.encode())] if authorization is not None else [])]
    scope = {"type": "http", "method": "GET", "path": "/api/shops", "headers": headers, "client": ("10.0.0.7", 1)}
    await guard(scope, receive, send)
    return messages[0]["status"], messages[1]["body"]


def refused_tokens() -> float:
    return REGISTRY.get_sample_value("shipclock_web_refusals_total", {"why": "token"}) or 0.0


async def test_a_wrong_token_is_counted_told_once_a_second_and_answered_late(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("streams.web.auth.sleep", sleep)
    before = refused_tokens()
    for _ in range(5):
        refused, answer = await asked(CLOSED, "Bearer guess-guess-guess")
        assert (refused, b"the token is wrong" in answer) == (401, True)
    assert waited == [WRONG_TOKEN_S] * 5
    assert refused_tokens() - before == 5
    assert caplog.text.count("10.0.0.7") == 1
    assert "guess-guess" not in caplog.text


async def test_who_brings_no_token_yet_is_told_at_once_that_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.web.auth.sleep", None)
    before = refused_tokens()
    refused, answer = await asked(CLOSED, None)
    assert (refused, b"this needs the token" in answer) == (401, True)
    assert refused_tokens() == before


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)))
    assert status(CLOSED, host="h", authorization="Bearer guess") == 401
    assert compared == [(b"guess", TOKEN.encode())]
