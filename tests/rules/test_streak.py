"""Streaks: what is said of quarters in a row."""

from rules.book import RuleBook
from tests.rules.history import pack_file, placed, run, shipped


def test_a_streak_is_told_with_its_figures_even_before_the_new_quarter_has_orders() -> None:
    quarters = ("2025-04-01T00:00:00Z", "2025-07-01T00:00:00Z", "2025-10-01T00:00:00Z")
    events = [event for n, at in enumerate(quarters) for event in (placed(f"{n}", at), shipped(f"{n}", at))]
    alerts = run(RuleBook([pack_file("rules/packs/joom.yaml")]), events, "200h")
    (told,) = [alert.data for alert in alerts if alert.data.rule == "joom.top_seller"]
    assert told.summary == "3 quarters in a row at 98 % or better: Top Seller pool"
    assert told.evidence == {"kept": 3, "times": 3}
    assert (told.value, told.threshold, told.headroom) == (None, 0.98, None)
