"""What comes from outside is never obeyed by the terminal that shows it, nor by who reads the log."""

import ast
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.messages.text import visible
from streams import logs
from tests.commands.support import run

ROOT = Path(__file__).parents[1]
ESCAPE = "\x1b[31mred"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 小店 é 🚚", "plain 小店 é 🚚"),
        ("a\u3000b\u00a0c", "a\u3000b\u00a0c"),
        (ESCAPE, r"\x1b[31mred"),
        ("a\nb\tc\x00", r"a\nb\tc\x00"),
        ("\u009b2J", r"\x9b2J"),
        ("left\u202eright", r"left\u202eright"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("half \udcff", r"half \udcff"),
        ("joined\u034f, filled\u3164", r"joined\u034f, filled\u3164"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_can_be_encoded_and_has_no_control_characters(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert all(char.isprintable() or char.isspace() for char in shown)
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What a handler with a formatter of its own writes."""
    kept, out = logging.getLogRecordFactory(), StringIO()
    levels = {library: logging.getLogger(library).level for library in logs.TALKATIVE}
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    logs.protect()
    try:
        yield out
    finally:
        logging.getLogger().removeHandler(handler)
        logging.setLogRecordFactory(kept)
        for library, level in levels.items():
            logging.getLogger(library).setLevel(level)


def test_a_message_can_not_hold_escapes_and_ours_are_one_line(logged: StringIO) -> None:
    logging.getLogger("streams.runtime.worker").error("the shop is %s", f"{ESCAPE}\nstreams.worker all is well")
    assert logged.getvalue() == "streams.runtime.worker the shop is \\x1b[31mred\\nstreams.worker all is well\n"


def test_tables_of_several_lines_stay_so(logged: StringIO) -> None:
    logging.getLogger("faust.worker").error("+---+\n|\x1b a |\n+---+")
    assert logged.getvalue() == "faust.worker +---+\n|\\x1b a |\n+---+\n"


def test_a_traceback_can_not_hold_escapes(logged: StringIO) -> None:
    try:
        raise ValueError(ESCAPE)
    except ValueError:
        logging.getLogger("streams.web").exception("failed")
    assert "Traceback" in logged.getvalue() and "\x1b" not in logged.getvalue()
    assert r"ValueError: \x1b[31mred" in logged.getvalue()


@pytest.mark.parametrize("name", ["aiokafka.conn", "aiokafka.consumer.fetcher", "apprise", "urllib3.connectionpool"])
def test_clients_that_log_what_they_send_are_never_heard_at_debug(logged: StringIO, name: str) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        logging.getLogger(name).debug("SaslAuthenticateRequest(b'hunter2')")
        logging.getLogger(name).info("connected")
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert logged.getvalue() == f"{name} connected\n"


def test_what_commands_say_on_stderr_holds_no_escapes(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(
        b'{"type":"order.pl\x1b[31maced"}\n{"id":"1","source":"s","type":"order.pl\\u001b[31maced",'
        b'"time":"2026-01-01T00:00:00Z","platform":"joom","shop":"s","order":"1"}\n'
    )
    mapped = tmp_path / "map.yaml"
    mapped.write_text('{"platform": "\\e[31m", "shop": {column: "\\e[31m"}, columns: {order: A, placed: B}}')
    pack = tmp_path / "pack.yaml"
    pack.write_text('"\\e[31m\\u202e": 1\n')
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "own.yaml").write_text(pack.read_text())
    for command in (
        ("replay", bad),
        ("explain", ESCAPE, "--history", bad),
        ("explain", ESCAPE, "--alerts", tmp_path / ESCAPE),
        ("replay", tmp_path / ESCAPE),
        ("import", "csv", bad, "--map", mapped),
        ("check", pack),
        ("check", ESCAPE),
        ("feeds", "check", ESCAPE),
        ("feeds", "check", "--settings", pack),
        ("feeds", "check", "--sources", sources),
        (ESCAPE,),
    ):
        result = run(*command)
        assert result.exit_code in (1, 2), command
        assert r"\x1b" in result.stderr + result.stdout, command
        assert "\x1b" not in result.stderr + result.stdout, command
        assert "\u202e" not in result.stderr + result.stdout, command


def test_every_yaml_file_is_read_in_the_one_place_that_bounds_aliases() -> None:
    reading = {"load", "load_all", "safe_load", "safe_load_all", "full_load", "compose", "compose_all", "SafeLoader"}
    found = {
        str(file.relative_to(ROOT))
        for package in ("rules", "streams")
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id == "yaml" and node.attr in reading
    }
    assert found == {"rules/dsl/yaml_nodes.py"}
