"""A metric's bar: how close it is to its threshold, and what headroom is called."""

from typing import Any

import pytest

from streams.terminal.board import render
from streams.terminal.metrics import Metric, Risk, bar
from tests.terminal.boards import line_with, made, metric, printed, standing


def a_metric(value: float | None, threshold: float | None, **more: Any) -> Metric:
    fields: dict[str, Any] = {"numerator": 5, "denominator": 100, "near": None, "headroom": None} | more
    return Metric(clause="joom-3", value=value, threshold=threshold, **fields)


def test_a_bar_is_heavy_up_to_its_value_with_the_threshold_as_a_mark() -> None:
    assert bar(a_metric(0.025, 0.05), 20).plain == "━━━━━━━───────┃─────"
    assert bar(a_metric(0.0, 0.05), 20).plain == "──────────────┃─────"
    assert bar(a_metric(0.06, 0.05), 20).plain == "━━━━━━━━━━━━━━┃━━━──"
    assert bar(a_metric(0.9, 0.05), 20).plain == "━━━━━━━━━━━━━━┃━━━━▶"
    assert bar(a_metric(None, 0.05), 20).plain == "──────────────┃─────"


def test_a_bar_passes_the_mark_only_when_the_value_is_past_the_threshold() -> None:
    assert bar(a_metric(0.05, 0.05), 20).plain.endswith("━┃─────")
    assert bar(a_metric(0.050001, 0.05), 20).plain.endswith("━┃╸────")


def test_a_metric_without_a_threshold_shows_its_value_only() -> None:
    shops = [standing("douyin/a", {"dy-8": metric(0.25, 25, 100)})]
    lines = printed(render(made(standings=shops), 100))
    row = lines[line_with("douyin/a", lines)]
    assert "25%" in row
    assert "┃" not in row


def test_a_ratio_is_crossed_past_its_threshold_and_a_count_at_it() -> None:
    assert a_metric(0.05, 0.05).risk is Risk.NEAR
    assert a_metric(0.0501, 0.05).risk is Risk.CROSSED
    assert a_metric(3, 3, denominator=None).risk is Risk.CROSSED
    assert a_metric(2, 3, denominator=None, near=2).risk is Risk.NEAR


def test_near_is_what_the_rule_says_or_else_four_fifths_of_the_threshold() -> None:
    assert a_metric(0.031, 0.05, near=0.03).risk is Risk.NEAR
    assert a_metric(0.039, 0.05).risk is Risk.CALM
    assert a_metric(0.041, 0.05).risk is Risk.NEAR


def test_a_rating_is_worse_the_lower_it_is() -> None:
    risks = [a_metric(score, 4.3, near=4.5, denominator=None).risk for score in (4.7, 4.4, 4.2)]
    assert risks == [Risk.CALM, Risk.NEAR, Risk.CROSSED]


def test_a_threshold_of_nought_is_crossed_by_anything() -> None:
    assert a_metric(0.0, 0.0).risk is not Risk.CROSSED
    assert a_metric(0.01, 0.0).risk is Risk.CROSSED
    assert bar(a_metric(0.01, 0.0), 20).plain.endswith("▶")


@pytest.mark.parametrize(
    ("headroom", "words"),
    [(3, "3 more fit"), (0, "0 more fit"), (-2, "2 too many"), (1204, "1,204 fit"), (-1204, "1,204 over"), (None, "")],
)
def test_headroom_of_a_share_is_how_many_more_fit(headroom: int | None, words: str) -> None:
    value = 0.07 if (headroom or 0) < 0 else 0.04
    assert a_metric(value, 0.05, headroom=headroom).headroom_text() == words


@pytest.mark.parametrize(
    ("value", "headroom", "words"),
    [(2, 1, "1 to go"), (3, 0, "at the limit"), (6, -3.0, "3 past"), (0.94, 2.059829, "2.1 to go"), (None, 3, "")],
)
def test_a_count_is_reached_at_its_limit(value: float | None, headroom: float, words: str) -> None:
    assert Metric("joom-2", value, None, None, threshold=3, near=None, headroom=headroom).headroom_text() == words


def test_a_figure_without_a_share_has_two_places() -> None:
    assert Metric("joom-7", 0.940171, None, None, threshold=3, near=5, headroom=-2.059829).now() == "0.94"


def test_a_share_of_no_orders_yet_is_at_no_limit() -> None:
    assert Metric("ozon-1", None, 0, 0, threshold=0.04, near=None, headroom=0).headroom_text() == ""


def test_a_share_to_be_kept_up_is_calm_above_its_threshold_and_crossed_below() -> None:
    kept, missed = (
        Metric("joom-10", value, 0, 100, threshold=0.98, near=None, headroom=headroom)
        for value, headroom in ((1.0, 2), (0.9, -8))
    )
    assert (kept.risk, kept.headroom_text()) == (Risk.CALM, "2 to spare")
    assert (missed.risk, missed.headroom_text()) == (Risk.CROSSED, "short by 8")
