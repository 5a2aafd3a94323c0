"""What floods the log is told once a second, with how much of it there was."""

import logging

import pytest

from streams.paced_log import PacedLog


def test_a_message_goes_out_once_a_second_and_counts_what_was_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    log = logging.Logger("paced")
    log.addFilter(PacedLog(now_s=lambda: now_s))
    log.addHandler(caplog.handler)
    for n in range(2_500):
        now_s = n / 1_000
        log.warning("no room for %s", n)
        log.error("another, at the same time")
        log.info("step %s", n % 1_000) if n < 3 else None
    assert caplog.messages == [
        "no room for 0",
        "another, at the same time",
        "step 0",
        "step 1",
        "step 2",
        "no room for 1000 (999 more like it since the last)",
        "another, at the same time (999 more like it since the last)",
        "no room for 2000 (999 more like it since the last)",
        "another, at the same time (999 more like it since the last)",
    ]
