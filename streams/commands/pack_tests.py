"""`shipclock test`: the tests that rule packs carry."""

import click

from rules.harness.pack_tests import run, uncovered
from rules.messages.text import visible
from streams.commands.common import Failed
from streams.commands.named_packs import named_packs
from streams.pack_files import PackFile


@click.command("test")
@click.argument("packs", nargs=-1, metavar="[PACK]...")
@click.option("--coverage", is_flag=True, help="Name the rules and stages that no test opens and resolves.")
def run_tests(packs: tuple[str, ...], coverage: bool) -> None:
    """Run the tests that rule packs carry.

    PACK is the name of a built-in pack, a file or a folder; without any, all built-in packs are tested.
    """
    tests = failed = holes = 0
    for file in named_packs(packs):
        failed_here, holes_here = _run(file, coverage)
        tests += len(file.pack.tests)
        failed += failed_here
        holes += holes_here
    if failed:
        raise Failed(f"{failed} of {tests} tests failed", 1)
    if holes:
        raise Failed(f"{tests} tests passed, but {holes} stages are never opened or rules never resolved", 1)
    click.echo(f"{tests} tests passed")


def _run(file: PackFile, coverage: bool) -> tuple[int, int]:
    """How many tests of a pack failed, and how many holes they leave; prints both."""
    pack, source = file
    outcomes = [run(pack_test, pack) for pack_test in pack.tests]
    for n, outcome in enumerate(outcomes):
        for fault in outcome.failures:
            click.echo(visible(str(source.diagnose(f"{outcome.pack_test.name}: {fault}", f"$.tests[{n}]"))))
    holes = uncovered(pack, outcomes) if coverage else []
    for hole in holes:
        click.echo(visible(f"{source.file}: {hole}"))
    return sum(bool(outcome.failures) for outcome in outcomes), len(holes)
