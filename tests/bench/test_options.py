"""What `python -m tests.bench` measures, by its options."""

import re
from pathlib import Path

from tests.bench.__main__ import BESIDE, read_options
from tests.bench.beside import PARTS
from tests.bench.systems import SYSTEMS


def test_without_options_everything_is_measured() -> None:
    options = read_options([])
    assert (options.only, options.beside) == (list(SYSTEMS), list(BESIDE))


def test_only_one_system_is_measured_by_itself() -> None:
    options = read_options(["--only", "shipclock"])
    assert (options.only, options.beside) == (["shipclock"], [])


def test_a_measure_named_beside_it_is_taken_too() -> None:
    options = read_options(["--only=shipclock", "--beside=burst"])
    assert (options.only, options.beside) == (["shipclock"], ["burst"])


def test_measures_can_be_left_out() -> None:
    assert read_options(["--beside="]).beside == []


def test_a_part_can_be_measured_without_any_system() -> None:
    options = read_options(["--only=", "--beside=workers"])
    assert (options.only, options.beside) == ([], ["workers"])


PAGE = Path("deploy/docs/benchmarks.md")


def test_the_page_has_every_part_and_every_module_on_it_is_there() -> None:
    page = PAGE.read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|.*?\| ([\d ]*)(?:min )?\|$", page, re.MULTILINE)
    assert [name for name, _, _ in rows] == list(BESIDE)
    for name, commands, minutes in rows:
        for module in re.findall(r"`(\w+)", commands):
            assert Path(f"tests/bench/{module}.py").exists(), module
        assert name == "rules" or float(minutes) * 60 == PARTS[name].most_s


def test_what_readme_says_of_speed_is_measured_by_a_part() -> None:
    speed = Path("README.md").read_text().partition("## How fast")[2].partition("\n## ")[0]
    measured = "".join(re.findall(r"^\| `.*$", PAGE.read_text(), re.MULTILINE))
    named = re.findall(r"python -m tests\.bench\.(\w+)", speed)
    assert named, "each figure has its command"
    assert [module for module in named if f"`{module}" not in measured] == []
