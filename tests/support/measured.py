"""What a run with `--cov` measures: every test but those that take long and reach what others reach."""

import pytest

from tests.support.order import is_property


def leave_out_long_tests(items: list[pytest.Item]) -> None:
    """Properties, tests with a browser and those marked `slow`: whatever is measured takes twice the CPU time."""
    for item in items:
        if is_property(item) or "browser" in getattr(item, "fixturenames", ()) or item.get_closest_marker("slow"):
            item.add_marker("no_cover")


def stop_the_second_measurement(config: pytest.Config) -> None:
    """In a process of pytest-xdist, pytest-cov starts two: first that of the process that starts the others, which
    nobody reads and which would go on while the other is paused (`test_tests_that_take_long_are_not_measured`)."""
    if hasattr(config, "workerinput") and config.pluginmanager.hasplugin("_cov"):
        from coverage import Coverage

        if (unread := Coverage.current()) is not None:
            unread.stop()
