"""`python -m tests.ops.coverage`: of each folder, how many lines the tests of the last run have reached.

What a run with `--cov` has found is in `.coverage`. Processes that tests start don't count, nor do tests that take long
(`tests/support/measured.py`).
"""

from collections import Counter
from pathlib import Path

from coverage import Coverage

from tests.ops.support import ROOT


def main() -> None:
    lines, reached = Counter[str](), Counter[str]()
    for folder, has, missing in files():
        for name in (folder, folder.partition("/")[0]):
            lines[name] += has
            reached[name] += has - missing
    for name in sorted(lines):
        print(f"{reached[name] / lines[name]:6.1%} of {lines[name]:6,} lines  {name}/")


def files() -> list[tuple[str, int, int]]:
    """Of each file its folder (`rules/engine`), its lines that do something, and how many of them no test reached."""
    measured = Coverage()
    measured.load()
    found = []
    for name in sorted(measured.get_data().measured_files()):
        _, lines, _, missing, _ = measured.analysis2(name)
        parts = Path(name).relative_to(ROOT).parts
        found.append(("/".join(parts[: min(2, len(parts) - 1)]), len(lines), len(missing)))
    return found


if __name__ == "__main__":
    main()
