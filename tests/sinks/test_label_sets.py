"""What Alertmanager should know, from the records of a partition."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.sinks.alertmanager.label_sets import EXPIRES_MS, KEPT_MS, ActiveAlerts, posted
from tests.sinks.support import alert, name_of, read

T0 = 1_767_225_600_000
MINUTE = 60_000


def episodes(firing: ActiveAlerts, now_ms: int = T0) -> set[tuple[str, str, int | None]]:
    return {(episode.alert.data.severity, episode.alert.data.stage, episode.ended_ms) for episode in firing.all(now_ms)}


def apply(firing: ActiveAlerts, value: bytes, at_ms: int) -> None:
    firing.apply(read(value), at_ms, at_ms)


def test_an_open_alert_fires() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(), T0)
    assert episodes(firing) == {("critical", "overdue", None)}


def test_a_change_of_severity_ends_the_labels_it_leaves() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(severity="info", stage="due_soon"), T0)
    apply(firing, alert(revision=2), T0 + MINUTE)
    assert episodes(firing) == {("info", "due_soon", T0 + MINUTE), ("critical", "overdue", None)}


def test_labels_that_come_back_fire_again() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(severity="warning"), T0)
    apply(firing, alert(revision=2, severity="critical"), T0 + MINUTE)
    apply(firing, alert(revision=3, severity="warning"), T0 + 2 * MINUTE)
    assert episodes(firing) == {("warning", "overdue", None), ("critical", "overdue", T0 + 2 * MINUTE)}


def test_a_resolved_alert_has_ended_under_all_its_labels() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(severity="info"), T0)
    apply(firing, alert(revision=2), T0 + MINUTE)
    apply(firing, alert(revision=3, state="resolved"), T0 + 2 * MINUTE)
    assert episodes(firing) == {("info", "overdue", T0 + MINUTE), ("critical", "overdue", T0 + 2 * MINUTE)}


def test_an_end_is_told_for_a_while_and_then_forgotten() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(), T0)
    apply(firing, alert(revision=2, state="resolved"), T0 + MINUTE)
    assert episodes(firing, T0 + MINUTE + KEPT_MS - 1) == {("critical", "overdue", T0 + MINUTE)}
    assert episodes(firing, T0 + MINUTE + KEPT_MS) == set()


def test_what_ended_long_ago_is_not_kept_at_all() -> None:
    firing = ActiveAlerts()
    firing.apply(read(alert(state="resolved")), T0, T0 + KEPT_MS)
    assert not firing._episodes


def test_an_alert_whose_record_was_removed_has_ended() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(), T0)
    firing.forget(name_of(alert()), T0 + MINUTE)
    firing.forget("never heard of", T0 + MINUTE)
    assert episodes(firing) == {("critical", "overdue", T0 + MINUTE)}


def test_news_is_what_has_begun_or_ended() -> None:
    firing = ActiveAlerts()
    apply(firing, alert(severity="info"), T0)
    firing.changes.clear()
    apply(firing, alert(revision=2), T0 + MINUTE)
    assert [(episode.alert.data.severity, episode.ended_ms) for episode in firing.changes] == [
        ("info", T0 + MINUTE),
        ("critical", None),
    ]


def test_what_is_posted_holds_what_routes_go_by_and_leads_to_the_console() -> None:
    firing = ActiveAlerts()
    apply(firing, alert("订/1", opened_at="2026-01-01T00:00:00Z", due_at="2026-01-01T00:00:00Z", headroom=-2), T0)
    (episode,) = firing.all(T0)
    name = name_of(alert("订/1"))
    assert posted(episode, T0 + MINUTE, "http://here:6066", "UTC") == {
        "labels": {
            "alertname": "joom.late",
            "alert": name,
            "platform": "joom",
            "shop": "s17",
            "rule": "joom.late",
            "clause": "joom-1",
            "severity": "critical",
            "stage": "overdue",
        },
        "annotations": {
            "title": "Shipped late",
            "summary": "Order 订/1 is late",
            "reason": "deadline_passed",
            "revision": "1",
            "order": "订/1",
            "due_at": "2026-01-01T00:00:00Z",
            "headroom": "-2",
        },
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2026-01-01T00:05:00Z",
        "generatorURL": "http://here:6066/#/alerts/joom.late%3Ajoom%2Fs17%3A%E8%AE%A2%2F1%3A-",
    }
    assert EXPIRES_MS == 4 * MINUTE


STEPS = st.tuples(st.sampled_from("12"), st.sampled_from(["open", "resolved"]), st.sampled_from(["info", "critical"]))


@settings(deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=12))
def test_a_compacted_topic_tells_the_same_of_what_fires(steps: list[tuple[str, str, str]]) -> None:
    whole, compacted = ActiveAlerts(), ActiveAlerts()
    values = [alert(order, n, state, severity=severity) for n, (order, state, severity) in enumerate(steps, 1)]
    newest = {order: n for n, (order, _, _) in enumerate(steps)}
    for n, value in enumerate(values):
        apply(whole, value, T0 + n)
        if n in newest.values():
            apply(compacted, value, T0 + n)

    def fires(firing: ActiveAlerts) -> set[tuple[str, str]]:
        return {
            (episode.alert.data.alert, episode.alert.data.severity)
            for episode in firing.all(T0)
            if episode.ended_ms is None
        }

    assert fires(whole) == fires(compacted)
    assert len(fires(whole)) == sum(steps[n][1] == "open" for n in newest.values())
