"""Who may read DATADIR."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.runtime.datadir import make_private


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """As a shell has it, and put back."""
    kept = os.umask(0o022)
    yield
    os.umask(kept)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_one_and_all_that_is_written_there_is_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    assert make_private(folder) is None
    (folder / "orders").mkdir()
    (folder / "orders" / "snapshot").write_text("amounts")
    assert [mode(each) for each in (folder, folder / "orders", folder / "orders" / "snapshot")] == [0o700, 0o700, 0o600]


def test_one_that_stood_open_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert make_private(tmp_path) is None
    assert mode(tmp_path) == 0o700


def test_one_of_another_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    tmp_path.chmod(0o775)
    monkeypatch.setattr(Path, "chmod", refuse)  # root, who runs this in CI, is refused nothing
    warning = make_private(tmp_path)
    assert warning is not None and warning.startswith(f"SHIPCLOCK_DATADIR={tmp_path} (mode 775) is open to others")


def test_one_that_cannot_be_made_is_told_with_the_name_of_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "data"
    assert make_private(folder) == (
        f"SHIPCLOCK_DATADIR={folder} can't be used: Not a directory; the worker does without snapshots"
    )
