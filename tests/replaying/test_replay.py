import gzip
import json
import random
import signal
from pathlib import Path

import pytest

from tests.bench.workload import Workload
from tests.commands.support import JOB, START_MS, event, history, pack, run, shipclock
from tests.replaying.support import alerts, changes


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few shops' orders over six weeks, in time order."""
    return Workload(orders=600, shops=5).file(tmp_path_factory.mktemp("month"))


def test_alerts_come_out_as_json_lines(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.shipped", 80))
    result = run("replay", file, "--pack", pack(tmp_path))
    assert changes(result) == [
        ("2026-01-04T00:00:00Z", "alert.opened", "overdue"),
        ("2026-01-04T08:00:00Z", "alert.resolved", "overdue"),
    ]
    assert (result.exit_code, result.stderr) == (0, "")


def test_all_built_in_packs_are_used_where_none_is_named(tmp_path: Path) -> None:
    lines = [event("order.placed", 0, platform=platform) for platform in ("joom", "douyin", "other")]
    result = run("replay", history(tmp_path, *lines), "--until", "2026-01-05T00:00:00Z")
    assert {alert["platform"] for alert in alerts(result)} == {"joom", "douyin"}


def test_several_packs_work_side_by_side(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0))
    result = run("replay", file, "--pack", pack(tmp_path), "--pack", JOB, "--until", "2026-01-04T00:00:00Z")
    assert {alert["data"]["rule"] for alert in alerts(result)} == {"joom.slow", "job.late_48h", "job.late_72h"}


def test_without_until_the_clock_ends_at_the_last_event_and_what_is_due_then_fires(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 72, "2"))
    assert changes(run("replay", file, "--pack", pack(tmp_path))) == [
        ("2026-01-04T00:00:00Z", "alert.opened", "overdue")
    ]


def test_what_is_due_after_the_last_event_stays_quiet(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 71.999, "2"))
    assert run("replay", file, "--pack", pack(tmp_path)).stdout == ""


@pytest.mark.parametrize("until", ["2026-01-04T01:00:00+01:00", str(START_MS + 72 * 3_600_000), "2026-01-03"])
def test_until_lets_the_clock_run_on(tmp_path: Path, until: str) -> None:
    file = history(tmp_path, event("order.placed", 0))
    assert len(alerts(run("replay", file, "--pack", pack(tmp_path), "--until", until))) == 1


@pytest.mark.parametrize("until", ["2026-01-32", "2026-01-04T00:00:00", "tomorrow", "1767484800", "1" * 30])
def test_an_until_that_is_no_instant_is_wrong_use(tmp_path: Path, until: str) -> None:
    result = run("replay", history(tmp_path), "--until", until)
    assert result.exit_code == 2
    assert f"Invalid value for '--until': {until!r}" in result.stderr.replace(f"{until} is", f"{until!r} is")


def test_a_tick_moves_the_clock(tmp_path: Path) -> None:
    tick = json.dumps({"type": "clock.tick", "time": "2026-01-04T00:00:00Z"})
    file = history(tmp_path, event("order.placed", 0), tick)
    assert len(alerts(run("replay", file, "--pack", pack(tmp_path)))) == 1


def test_events_about_shops_are_read_and_bring_nothing_yet(tmp_path: Path) -> None:
    file = history(tmp_path, event("stock.level", 0, data={"sku": "A", "on_hand": 3}), event("rating.updated", 1))
    assert run("replay", file).exit_code == 0


def test_a_ship_scan_that_comes_late_takes_the_alert_back(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 80, "2"), event("order.shipped", 70))
    last = alerts(run("replay", file, "--pack", pack(tmp_path)))[-1]
    assert (last["type"], last["data"]["reason"]) == ("alert.resolved", "evidence_arrived")
    assert last["time"] == "2026-01-04T08:00:00Z"


def test_replaying_twice_gives_the_same_bytes(month: Path, tmp_path: Path) -> None:
    first = run("replay", month, "--state", tmp_path / "first")
    second = run("replay", month, "--state", tmp_path / "second")
    assert first.stdout_bytes == second.stdout_bytes
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_the_same_events_once_more_bring_nothing_new(month: Path) -> None:
    assert run("replay", month, month, "--sort").stdout == run("replay", month).stdout


def test_sorting_a_shuffled_file_is_replaying_the_ordered_one(month: Path, tmp_path: Path) -> None:
    lines = month.read_text().splitlines()
    assert len({json.loads(line)["time"] for line in lines}) == len(lines)
    random.Random(5).shuffle(lines)
    shuffled = run("replay", history(tmp_path, *lines), "--sort", "--pack", JOB)
    assert shuffled.stdout == run("replay", month, "--pack", JOB).stdout != ""


def test_two_files_are_one_after_the_other(month: Path, tmp_path: Path) -> None:
    lines = month.read_text().splitlines()
    first = history(tmp_path, *lines[:700], name="first")
    second = history(tmp_path, *lines[700:], name="second")
    assert run("replay", first, second, "--pack", JOB).stdout == run("replay", month, "--pack", JOB).stdout


def test_a_dash_is_stdin(month: Path) -> None:
    result = run("replay", "-", "--pack", JOB, stdin=month.read_bytes())
    assert result.stdout == run("replay", month, "--pack", JOB).stdout


def test_a_packed_file_is_unpacked(month: Path, tmp_path: Path) -> None:
    packed = tmp_path / "month.jsonl.gz"
    packed.write_bytes(gzip.compress(month.read_bytes()))
    assert run("replay", packed, "--pack", JOB).stdout == run("replay", month, "--pack", JOB).stdout


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_as_windows_programs_write_it_is_read(month: Path, tmp_path: Path, encoding: str, packed: bool) -> None:
    text = month.read_text(encoding="utf-8").replace("\n", "\r\n").encode(encoding)
    file = tmp_path / ("windows.jsonl.gz" if packed else "windows.jsonl")
    file.write_bytes(gzip.compress(text) if packed else text)
    alerts = run("replay", month, "--pack", JOB).stdout
    for ended in (run("replay", file, "--pack", JOB), run("replay", "-", "--pack", JOB, stdin=text)):
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, alerts, "")


def test_a_file_that_is_half_utf_16_can_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "half.jsonl"
    file.write_bytes("\ufeff{}\n".encode("utf-16-le") + b"\x00\xd8\n")
    ended = run("replay", file, "--pack", JOB)
    assert (ended.exit_code, "not UTF-16 text" in ended.stderr) == (2, True)


@pytest.mark.parametrize("text", ['[{"id": "o1"}]', '\n[\n {"id": "o1"}\n]', '\ufeff[ {"id": "o1"},'])
def test_a_json_array_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "array.json"
    file.write_text(text)
    ended = run("replay", file, "--pack", JOB)
    assert ended.exit_code == 2
    (line,) = ended.stderr.splitlines()
    assert "a JSON array; one event a line is wanted (JSONL): jq -c '.[]' makes it" in line


def test_a_packed_file_that_breaks_off_can_not_be_read(month: Path, tmp_path: Path) -> None:
    packed = tmp_path / "month.jsonl.gz"
    packed.write_bytes(gzip.compress(month.read_bytes())[:-20])
    result = run("replay", packed, "--pack", JOB)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{packed}: Compressed file ended before")


def test_nothing_begins_before_all_files_are_there(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 99, "2"))
    result = run("replay", file, tmp_path / "missing")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{tmp_path / 'missing'}: No such file or directory\n"


def test_a_folder_is_no_history(tmp_path: Path) -> None:
    result = run("replay", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: Is a directory\n")


def test_a_pack_with_a_mistake_stops_everything_before_it_begins(tmp_path: Path) -> None:
    wrong = pack(tmp_path, "until: [shipped]", "until: [sent, gone]")
    result = run("replay", tmp_path / "missing", "--pack", wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [f"{wrong}:11"] * 2


def test_no_events_bring_no_alerts(tmp_path: Path) -> None:
    file = history(tmp_path)
    assert (run("replay", file).exit_code, run("replay", file).stdout) == (0, "")
    assert run("replay", file, "--format", "summary").stdout == "no alerts\n"


def test_the_table_is_aligned_and_shows_names_as_they_are(tmp_path: Path) -> None:
    orders = ["6921437712345104417", "№ 7"]
    lines = [event("order.placed", 0, order, shop="小店") for order in orders]
    result = run(
        "replay",
        history(tmp_path, *lines),
        "--pack",
        pack(tmp_path),
        "--until",
        "2026-01-05T00:00:00Z",
        "--format",
        "table",
    )
    assert result.stdout.splitlines() == [
        "time                  change  severity  platform/shop  order                stage    due                 "
        "  summary",
        "2026-01-04T00:00:00Z  opened  critical  joom/小店      6921437712345104417  overdue  2026-01-04T00:00:00Z"
        "  Order 6921437712345104417 is late",
        "2026-01-04T00:00:00Z  opened  critical  joom/小店      № 7                  overdue  2026-01-04T00:00:00Z"
        "  Order № 7 is late",
    ]


def test_the_summary_counts_by_clause_and_stage(tmp_path: Path) -> None:
    placed = [
        event("order.placed", 0, str(order), shop=f"s{order % 2}", data={"amount": "10.00", "currency": "USD"})
        for order in range(60)
    ]
    shipped = [event("order.shipped", 80, str(order), shop=f"s{order % 2}") for order in range(0, 60, 2)]
    result = run("replay", history(tmp_path, *placed, *shipped), "--pack", "joom", "--format", "summary")
    shown = [line.split() for line in result.stdout.splitlines()]
    assert ["joom-1", "joom.late_ship", "overdue", "0", "60", "30", "30"] in shown
    assert ["joom/s1", "33", "33"] in shown
    lines = result.stdout.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("open now, the costliest first"))
    rules = [line.split()[1] for line in lines[head + 1 : lines.index("", head)]]
    assert rules[0] == "joom.late_marks", "a sanction in force"
    assert rules.index("joom.unshipped_ratio") < rules.index("joom.late_ship"), "60 USD before what costs no money"
    assert shown[-1] == ["exposure:", "60.00", "USD"]


def test_state_is_every_shops_standing_a_line(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0), event("order.placed", 80, shop="s2"))
    result = run("replay", file, "--pack", JOB, "--state", tmp_path / "state")
    assert result.exit_code == 0
    first, second = (json.loads(line) for line in (tmp_path / "state").read_text().splitlines())
    assert (first["platform"], first["shop"], first["at"]) == ("joom", "s1", "2026-01-04T08:00:00Z")
    assert (first["open_alerts"], second["open_alerts"]) == (2, 0)
    assert first["metrics"]["job-ratio"]["denominator"] == 1


@pytest.mark.parametrize(
    ("state", "why"),
    [("-", "--state wants a file"), ("missing/state", "No such directory"), (".", "is a directory")],
)
def test_a_state_that_can_not_be_written_is_told_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(
        "replay", history(tmp_path, event("order.placed", 0)), "--until", "2026-01-09T00:00Z", "--state", state
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


def test_the_state_does_not_overwrite_the_history(tmp_path: Path) -> None:
    file = history(tmp_path, event("order.placed", 0))
    assert run("replay", file, "--state", file).exit_code == 2
    assert file.read_text() == event("order.placed", 0) + "\n"


def test_replay_wants_a_file() -> None:
    result = run("replay")
    assert result.exit_code == 2
    assert "Missing argument 'FILE...'" in result.stderr


def test_a_reader_that_goes_away_ends_it_without_a_word(tmp_path: Path) -> None:
    lines = [event("order.placed", 0, str(order)) for order in range(2000)]
    process = shipclock("replay", history(tmp_path, *lines), "--until", "2026-01-09T00:00:00Z")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b'{"specversion":"1.0"')
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    # The first bad line tells that it is running and waits for more.
    process = shipclock("replay", "-", stdin=-1)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"{\n")
    process.stdin.flush()
    assert process.stderr.readline().startswith(b"stdin:1: ")
    process.send_signal(signal.SIGINT)
    assert process.stderr.read() == b"interrupted\n"
    assert process.wait() == 130
    process.stdin.close()


def test_a_field_that_nothing_reads_is_told_of_once_and_the_event_counts(tmp_path: Path) -> None:
    lines = [event("order.placed", n, order=str(n), data={"amout": "12.50"}) for n in range(3)]
    result = run("replay", history(tmp_path, *lines), "--pack", pack(tmp_path), "--until", "2026-01-04")
    assert (result.exit_code, len(alerts(result))) == (0, 3)
    assert result.stderr.endswith(
        "history.jsonl:1: data.amout of order.placed from test is read by nothing; did you mean amount?\n"
    )
    assert result.stderr.count("\n") == 1
