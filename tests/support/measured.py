"""What a run with `--cov` measures: every test but those of properties."""

import pytest

from tests.support.order import is_property


def leave_out_properties(items: list[pytest.Item]) -> None:
    """They reach what other tests reach, hundreds of times, which takes more than twice as long if counted."""
    for item in items:
        if is_property(item):
            item.add_marker("no_cover")


def stop_the_second_measurement(config: pytest.Config) -> None:
    """In a process of pytest-xdist, pytest-cov starts two: first that of the process that starts the others, which
    nobody reads and which would go on while the other is paused (`test_properties_are_not_measured`)."""
    if hasattr(config, "workerinput") and config.pluginmanager.hasplugin("_cov"):
        from coverage import Coverage

        if (unread := Coverage.current()) is not None:
            unread.stop()
