"""The descriptions of the API and the topics: committed as they are made, and true."""

import json
from pathlib import Path

import jsonschema
import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from streams.kafka.topics import INPUTS, TopicNames
from streams.web.asyncapi import asyncapi
from streams.web.documents import DOCUMENTS
from tests.support.npm import npm_package
from tests.web.api import Api
from tests.web.records import alert, standing

FOLDER = Path(__file__).parents[2] / "deploy" / "api"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_committed_is_what_is_made(name: str) -> None:
    made = DOCUMENTS[name]()
    assert (FOLDER / name).read_bytes() == made, "run python -m streams.web.documents deploy/api"


def test_the_asyncapi_document_is_valid() -> None:
    schema = json.loads((npm_package("@asyncapi/specs", "6.11.1") / "schemas" / "3.0.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(json.loads(asyncapi()))


def test_every_topic_is_described() -> None:
    names = TopicNames("", "shipclock")
    private = {names.facts, names.questions}
    assert set(json.loads(asyncapi())["channels"]) == {*INPUTS, *names.all} - private


def test_what_the_worker_writes_is_as_the_asyncapi_document_says() -> None:
    document = json.loads(asyncapi())
    for record, message in ((alert(), "alert"), (standing(), "standing")):
        schema = document["components"]["messages"][message]["payload"]
        jsonschema.validate(json.loads(record), schema | {"components": document["components"]})


def api() -> Api:
    made = Api()
    made.log.standings(standing(), standing("s18"))
    made.log.alerts(alert("1"), alert("1", 2, stage="overdue", severity="critical"), alert("2", state="resolved"))
    return made


schema = schemathesis.openapi.from_asgi("/openapi.json", api().asgi, headers={"host": "localhost"})
schema.config.checks.negative_data_rejection.expected_statuses.append("413")  # a body may be too large to be looked at


@schema.exclude(path="/api/events").parametrize()  # it has no end
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_api_does_what_the_openapi_document_says(case: Case) -> None:
    # `after` is text that only the API itself makes, and `until` must lie ahead: more than a schema can say.
    case.call_and_validate(headers={"host": "localhost"}, excluded_checks=[positive_data_acceptance])
