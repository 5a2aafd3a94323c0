"""The tests also run unattended: `nohup make test &`."""

import subprocess
import sys

from tests.ops.support import ROOT

WAITS_FOR_SIGINT = "tests/replaying/test_replay.py::test_ctrl_c_ends_it_with_130"


def test_the_tests_end_where_sigint_is_ignored() -> None:
    pytest = f"exec {sys.executable} -m pytest -q -p no:cacheprovider --timeout 60 {WAITS_FOR_SIGINT}"
    done = subprocess.run(
        ["sh", "-c", f"trap '' INT; {pytest}"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
