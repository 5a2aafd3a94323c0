"""The pack of `deploy/docs/working-days.md` works as it stands there."""

import re
from pathlib import Path

from tests.commands.support import run
from tests.rules.history import ROOT

PAGE = (ROOT / "deploy/docs/working-days.md").read_text()


def test_the_pack_of_the_page_passes_its_own_tests(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "acme.yaml").write_text(text)
    result = run("test", tmp_path / "acme.yaml")
    assert (result.exit_code, result.output) == (0, "2 tests passed\n"), result.output
