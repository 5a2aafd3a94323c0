"""What `python -m tests.bench` measures, by its options."""

from tests.bench.__main__ import BESIDE, read_options
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
