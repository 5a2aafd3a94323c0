import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.support import PACK, event, history, pack, run, shipclock, written

BUILT_IN = ["aliexpress", "douyin", "joom", "lazada", "ozon", "shopee", "tiktok"]


def line_of(text: str) -> int:
    return 1 + PACK[: PACK.index(text)].count("\n")


def packs_in(stdout: str) -> list[str]:
    """The files that were read; what is in force in each stands below it, indented."""
    return [line.split(": ")[0] for line in stdout.splitlines() if not line.startswith(" ")]


def test_the_built_in_packs_are_fine() -> None:
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert packs_in(result.stdout) == [f"rules/packs/{name}.yaml" for name in BUILT_IN]


def test_it_says_what_is_in_force_and_from_which_file_and_line(tmp_path: Path) -> None:
    file = pack(tmp_path, "    within: 72h", "    within: {value: 72h, source: a notice, confidence: platform_help}")
    assert run("check", file).stdout.splitlines() == [
        f"{file}: joom, 1 rules, 1 tests",
        f"  joom.slow (joom-1)  {file}:5",
        f"    from = placed  ours  {file}:10",
        f"    until = [shipped]  ours  {file}:11",
        f"    within = 72h  platform_help  {file}:12",
    ]


OWN = """\
overrides:
  - rule: joom.slow
    shops: [s17]
    set: {within: 48h}
"""


def test_parameters_of_ones_own_are_shown_with_where_they_hold(tmp_path: Path) -> None:
    pack(tmp_path)
    own = written(tmp_path / "z.yaml", OWN)
    assert run("check", tmp_path).stdout.splitlines()[-1] == f"    within = 48h  ours  {own}:2  for shop s17"


def test_parameters_of_ones_own_hold_for_their_shop_alone(tmp_path: Path) -> None:
    pack(tmp_path)
    written(tmp_path / "z.yaml", OWN)
    late = [
        event("order.placed", 0, shop="s17"),
        event("order.placed", 0, order="2"),
        event("clock.tick", 60),
    ]
    result = run("replay", history(tmp_path, *late), "--pack", tmp_path)
    assert [json.loads(line)["shop"] for line in result.stdout.splitlines()] == ["s17"]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("within: 48h", "witin: 48h", 4, "joom.slow: Object contains unknown field `witin`"),
        ("within: 48h", "within: 72h", 4, "joom.slow: changes nothing"),
        ("joom.slow", "joom.fast", 2, "joom.fast is no rule of the packs that are loaded; name its pack too"),
        ("set:", "sets:", 4, "Object contains unknown field `sets`"),
    ],
)
def test_a_mistake_in_them_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    pack(tmp_path)
    own = written(tmp_path / "z.yaml", OWN.replace(old, new))
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert any(each.startswith(f"{own}:{line}: {message}") for each in result.stdout.splitlines()), result.stdout


def test_two_overrides_that_could_both_hold_are_a_mistake(tmp_path: Path) -> None:
    pack(tmp_path)
    own = written(tmp_path / "z.yaml", OWN + OWN.partition("\n")[2].replace("48h", "36h"))
    assert run("check", tmp_path).stdout == f"{own}:5: joom.slow: overlaps with the override at {own}:2\n"


def test_a_folder_stands_for_the_packs_in_it(tmp_path: Path) -> None:
    first = pack(tmp_path, name="a.yaml")
    second = pack(tmp_path, "joom.slow", "joom.slower", name="b.yml")
    written(second, second.read_text().replace("joom.slow,", "joom.slower,"))
    assert packs_in(run("check", tmp_path).stdout) == [str(first), str(second)]


def test_a_pack_named_twice_is_read_once(tmp_path: Path) -> None:
    file = pack(tmp_path)
    assert len(packs_in(run("check", file, tmp_path, file).stdout)) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("within: 72h", "within: 72 hours", "'72 hours' is no length of time; write it like 72h, 14d or 90m"),
        ("within: 72h", "within: 72", "72 is no length of time; write it like 72h"),
        ("within: 72h", "within: 0h", "joom.slow: must be longer than nothing"),
        ("within: 72h", "within: 999999999d", "999999999d is longer than 3660 days"),
        ("within: 72h", "within: !!int soon", "can't be read as int"),
        ("zone: UTC", "zone: Mars/Base", "Mars/Base is no time zone; write it like Asia/Shanghai"),
        ("from: placed", "from: ordered", "joom.slow: ordered is no fact of an order; facts are placed, shipped,"),
        ("kind: deadline", "kind: dedline", "Invalid value 'dedline': kind takes deadline, silence, ratio,"),
        (
            "confidence: ours",
            "confidence: hearsay",
            "Invalid enum value 'hearsay': confidence takes article, ours, platform_help\n",
        ),
        ("overdue: critical", "overdue: fatal", "Invalid enum value 'fatal': severity takes critical, info, warning\n"),
        ("source: a test", "sauce: a test", "Object contains unknown field `sauce`"),
        ("platform: joom", "platform: joom\nplatform: ozon", "platform stands here a second time"),
        ("summary: {overdue:", "summary: {overdue: '{', due_soon:", "joom.slow: '{': Single '{' encountered"),
        ('"Order {order} is late"', '"Order {size}"', "joom.slow: {size} is nothing a summary can name"),
        ("- {at: 0h, type", "- {at: 0, type", "0 is no length of time"),
        ("- {at: 0h, type", "- {type", "`at` is missing"),
        ("- {at: 72h, rule: joom.slow", "- {rule: joom.slow", "`at` is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = pack(tmp_path, old, new)
    result = run("check", file)
    assert result.stdout.startswith(f"{file}:{line_of(old) + new.count(chr(10))}: {message}")
    assert result.exit_code == 1
    assert result.stderr == "mistakes in packs: 1\n"


def test_a_value_that_is_none_of_a_list_is_told_with_what_its_field_takes(tmp_path: Path) -> None:
    """Also deep in a rule, whose kind decides what it has."""
    actions = "    actions: [{to: warehouse, do: ship}, {to: depot, do: ship}]\n    within: 72h"
    output = run("check", pack(tmp_path, "    within: 72h", actions)).stdout
    takes = "customer_service, finance, listing, purchasing, warehouse"
    assert output.endswith(f":{line_of('    within: 72h')}: Invalid enum value 'depot': to takes {takes}\n")


def test_a_reference_to_a_rule_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    marks = """\
  - id: joom.marks
    clause: joom-2
    kind: count
    source: a test
    confidence: ours
    of: {missed: joom.quick}
    threshold: 3
    sanction: {name: suspended, lasts: 14d}
    severity: {active: critical}
    summary: {active: "{threshold} marks"}
"""
    file = pack(tmp_path, "\ntests:", f"\n{marks}\ntests:")
    assert run("check", file).stdout == f"{file}:21: joom.marks: joom.quick is no deadline rule of this pack\n"


def test_a_rule_of_another_platform_is_a_mistake(tmp_path: Path) -> None:
    file = pack(tmp_path, "platform: joom", "platform: ozon")
    assert run("check", file).stdout == (
        f"{file}:5: joom.slow: the pack is for ozon, so its ids begin with ozon.\n"
        f"{file}:6: joom.slow: joom-1 is no clause of ozon; a rule of your own cites own-…\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rules: [", 1),
        ("rules:\n\t- id: x", 2),
        ("a: *nobody", 1),
        ("a: 1\nb: &b [*b]", 2),
        ("x: " + "[" * 5_000, 1),
        ("\n".join(["n0: &n0 [x]", *(f"n{n}: &n{n} [{', '.join([f'*n{n - 1}'] * 9)}]" for n in range(1, 10))]), 6),
        ("title: \x01", 1),
        ("title: x\nrules: !!bool maybe", 2),
        ('title: x\nrules: "\\ud800"', 2),
        ("", 1),
        ("- joom", 1),
    ],
)
def test_what_is_no_yaml_or_no_pack_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = written(tmp_path / "own.yaml", text)
    result = run("check", file)
    assert result.stdout.startswith(f"{file}:{line}: ")
    assert result.exit_code == 1


def test_every_mistake_of_every_pack_is_told(tmp_path: Path) -> None:
    one = pack(tmp_path, "until: [shipped]", "until: [sent, gone]", name="a.yaml")
    other = pack(tmp_path, "zone: UTC", "zone: Nowhere", name="b.yaml")
    result = run("check", one, other)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [str(one), str(one), str(other)]
    assert result.stderr == "mistakes in packs: 3\n"


def test_a_rule_defined_by_two_packs_is_told_with_both_places(tmp_path: Path) -> None:
    one, other = pack(tmp_path, name="a.yaml"), pack(tmp_path, name="b.yaml")
    result = run("check", one, other)
    assert result.stdout == f"{other}:5: joom.slow is already defined at {one}:5\n"
    assert result.exit_code == 1


def test_a_pack_that_is_not_there_is_wrong_use() -> None:
    result = run("check", "nowhere")
    assert result.exit_code == 2
    assert result.stderr == f"nowhere is no file, no folder and no built-in pack ({', '.join(BUILT_IN)})\n"


def test_a_folder_without_packs_is_wrong_use(tmp_path: Path) -> None:
    result = run("check", tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path} holds no pack (*.yaml)\n")


def test_what_is_not_utf_8_can_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(b"platform: joom\ntitle: \xff\n")
    result = run("check", file)
    assert (result.exit_code, result.stderr) == (2, f"{file}:2: is not UTF-8\n")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + PACK.encode())
    assert run("check", file).exit_code == 0


def test_help_names_every_command_without_importing_any() -> None:
    code = "import sys; from streams.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    *help_, modules = shown.splitlines()
    assert {"replay", "import", "check", "test"} <= {line.split()[0] for line in help_ if line.strip()}
    assert not {"faust", "aiokafka", "yaml", "rich", "rules.messages.events"} & set(modules.split())


def test_an_unknown_command_is_wrong_use() -> None:
    result = run("chekc")
    assert result.exit_code == 2
    assert "No such command 'chekc'" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_told_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        process = shipclock("check", stdout=full)
        assert process.communicate()[1] == b"stdout: No space left on device\n"
    assert process.returncode == 2
