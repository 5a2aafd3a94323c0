"""What the command says when it is used wrongly: one line, and 2."""

from pathlib import Path

import pytest

from tests.commands.support import event, history, run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay"], "shipclock replay: Missing argument 'FILE...'. (shipclock replay --help says more)\n"),
        (["relpay"], "shipclock: No such command 'relpay'. (shipclock --help says more)\n"),
        (["--bad"], "shipclock: No such option: --bad (shipclock --help says more)\n"),
        (["check", "--pack"], "shipclock check: No such option: --pack (shipclock check --help says more)\n"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


def test_a_platform_that_no_pack_watches_is_named(tmp_path: Path) -> None:
    result = run("replay", history(tmp_path, event("order.placed", 0, platform="jomo")), "--pack", "joom")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no pack watches these platforms: jomo\n"
