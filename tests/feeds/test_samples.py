"""The samples of the built-in sources, which are their tests."""

from pathlib import Path

import orjson
import pytest

from rules.messages.events import decode
from streams.feeds import library, samples
from streams.feeds.mapping import map_request
from tests.feeds.support import source

SOURCES = sorted(library.files())
BODIES = [
    pytest.param(name, file, id=f"{name}/{file.stem.removesuffix('.expected')}")
    for name in SOURCES
    for file in sorted((library.built_in() / "samples" / name).glob("*.expected.json"))
]


@pytest.mark.parametrize("name", SOURCES)
def test_every_sample_and_signature_comes_out_as_it_must(name: str) -> None:
    outcomes = dict(samples.run(library.read(library.files()[name])))
    assert len(outcomes) >= 3
    assert {file.name: faults for file, faults in outcomes.items() if faults} == {}


@pytest.mark.parametrize(("name", "file"), BODIES)
def test_the_events_are_ones_the_engine_takes(name: str, file: Path) -> None:
    expected = orjson.loads(file.read_bytes())
    request = samples.request_of((file.parent / expected["sample"]).read_bytes())
    for event in map_request(source(name), request, expected["transport"], expected["context"]).events:
        assert event["source"] == f"feed/{name}"
        decode(orjson.dumps(event))


@pytest.mark.parametrize(("name", "file"), BODIES)
def test_a_repeated_body_gives_the_same_events(name: str, file: Path) -> None:
    expected = orjson.loads(file.read_bytes())
    request = samples.request_of((file.parent / expected["sample"]).read_bytes())
    setting = {"received_at": "2026-11-29T00:00:00Z", "shop": "s1"}
    once, again = (map_request(source(name), request, expected["transport"], setting) for _ in range(2))
    assert once == again
