"""Tokens by file: who somebody is, and what they may do."""

import asyncio
from pathlib import Path

import httpx
import pytest

from streams.settings import BadSettingError
from streams.web.tokens import ANYBODY, Person, Tokens, load
from tests.web.api import Api
from tests.web.records import alert, alert_id

SINGLE = "correct-horse-battery"
READS, ACTS = "reads-and-no-more-0123", "acts-as-li-wei-0123456"

PEOPLE = f"""\
- {{name: Grafana, role: read, token: {READS}}}
- {{name: Li Wei, role: act, token: {ACTS}}}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "tokens.yaml"
    file.write_text(text)
    return file


@pytest.fixture
def people(tmp_path: Path) -> Tokens:
    return load(SINGLE, written(tmp_path, PEOPLE))


def test_a_token_says_whose_it_is(people: Tokens) -> None:
    assert people.person(READS.encode()) == Person("Grafana", "read")
    assert people.person(ACTS.encode()) == Person("Li Wei", "act")
    assert people.person(SINGLE.encode()) == ANYBODY
    assert people.person(b"guess") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "tokens.yaml:1: lists no token"),
        ("", "tokens.yaml:1: Expected `array`, got `null`"),
        (f"- {{name: A, role: write, token: {READS}}}", "tokens.yaml:1: role is one of read, act, not 'write'"),
        (f"- {{role: read, token: {READS}}}", "tokens.yaml:1: Object missing required field `name`"),
        ("- {name: A, role: read, token: short}", "tokens.yaml:1: the token of A holds no good token"),
        ("- {name: A, role: read, token: 1234567890123456}", "tokens.yaml:1: Expected `str`, got `int`"),
        (f"- {{name: ' ', role: read, token: {READS}}}", "tokens.yaml:1: a name is visible text"),
        (f"- {{name: A, roll: read, token: {READS}}}", "tokens.yaml:1: Object contains unknown field `roll`"),
        (
            f"{PEOPLE}- {{name: Li Wei, role: read, token: another-token-0123}}",
            ":3: Li Wei has a token already",
        ),
        (f"{PEOPLE}- {{name: B, role: read, token: {READS}}}", "tokens.yaml:3: the token of B is another's, too"),
        (f"- {{name: B, role: read, token: *{READS}}}", "a text that begins with * stands in quotes"),
        (f"- {{name: B, role: read, token: !{READS} }}", "a text that begins with ! stands in quotes"),
        (f"- {{name: B, role: read, token: !{READS}!x }}", "a text that begins with ! stands in quotes"),
        (f"- {{name: B, role: read, token: {SINGLE}}}", "tokens.yaml:1: the token of B is another's, too"),
    ],
)
def test_a_file_that_cant_be_used_is_refused_with_its_line_and_without_a_token(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BadSettingError) as bad:
        load(SINGLE, written(tmp_path, text))
    assert message in str(bad.value)
    for token in (READS, ACTS, SINGLE, "1234567890123456", "short"):
        assert token not in str(bad.value)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


ONE = f"/api/alerts/{alert_id('1')}"


@pytest.fixture
def api(people: Tokens) -> Api:
    made = Api(people)
    made.log.alerts(alert("1"))
    return made


async def test_who_acknowledged_is_who_the_token_says(api: Api) -> None:
    body = {"by": "somebody else", "comment": "on it"}
    answer = await api.client.post(f"{ONE}/acknowledge", json=body, headers=bearer(ACTS))
    assert (answer.json()["acknowledged"]["by"], answer.json()["acknowledged"]["comment"]) == ("Li Wei", "on it")


async def test_the_single_token_leaves_it_to_the_person(api: Api) -> None:
    answer = await api.client.post(f"{ONE}/mute", json={"by": "Ann"}, headers=bearer(SINGLE))
    assert answer.json()["muted"]["by"] == "Ann"


async def test_of_two_who_acknowledge_at_once_the_second_hears_of_the_first_and_nothing_is_lost(api: Api) -> None:
    async def acknowledge(by: str) -> httpx.Response:
        said = {"by": by, "comment": f"{by} is on it"}
        return await api.client.post(f"{ONE}/acknowledge", json=said, headers=bearer(SINGLE))

    answers = await asyncio.gather(acknowledge("Ann"), acknowledge("Li"))
    assert sorted(each.status_code for each in answers) == [200, 409]
    first = next(each.json()["acknowledged"] for each in answers if each.status_code == 200)
    assert first["comment"] == f"{first['by']} is on it"
    (refused,) = [each.json()["detail"] for each in answers if each.status_code == 409]
    assert refused == f"{first['by']} was first: acknowledged at {first['at']}; lift that to replace it"
    assert (await api.client.get(ONE, headers=bearer(READS))).json()["acknowledged"] == first
    assert (await acknowledge(first["by"])).status_code == 200, "what one has said oneself may be said anew"
    await api.client.delete(f"{ONE}/acknowledge", headers=bearer(SINGLE))
    assert (await acknowledge("Li")).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "acknowledge"), ("POST", "mute"), ("DELETE", "mute")])
async def test_a_token_without_the_role_reads_and_changes_nothing(api: Api, method: str, path: str) -> None:
    answer = await api.problem(f"{ONE}/{path}", method, json={}, headers=bearer(READS))
    assert answer == (403, "the token of Grafana may read only: this needs one with the role act")
    assert (await api.client.get(ONE, headers=bearer(READS))).json()["muted"] is None


async def test_the_console_learns_who_it_speaks_for(api: Api) -> None:
    for token, person, role in ((READS, "Grafana", "read"), (ACTS, "Li Wei", "act"), (SINGLE, None, "act")):
        about = (await api.client.get("/api/about", headers=bearer(token))).json()
        assert (about["person"], about["role"]) == (person, role)
