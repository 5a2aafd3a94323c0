"""Grouping: one digest per shop and interval."""

from streams.sinks.notify.digests import GATHER_MS, Digests
from streams.sinks.notify.wording import LINES, Wording
from tests.sinks.support import alert, read

ENGLISH = Wording()
T0 = 1_767_225_600_000
EVERY = 900_000


class Day:
    """Digests with a log of their own."""

    def __init__(self) -> None:
        self.digests = Digests(EVERY)
        self.offset = 0

    def add(self, value: bytes, at_ms: int = T0, first: bool = False, partition: int = 0) -> None:
        self.digests.add(read(value), (partition, self.offset), at_ms, first)
        self.offset += 1

    def titles(self, at_ms: int) -> list[str]:
        """The digests due now, sent."""
        due = self.digests.due(at_ms)
        for digest in due:
            self.digests.sent(digest, at_ms)
        return [ENGLISH.title(digest) for digest in due]


def test_a_thousand_alerts_of_a_shop_are_one_digest() -> None:
    day = Day()
    for n in range(1000):
        day.add(alert(str(n)))
    (digest,) = day.digests.due(T0 + GATHER_MS)
    assert ENGLISH.title(digest) == "joom/s17: 1000 critical"
    assert len(ENGLISH.body(digest, "http://here").splitlines()) == LINES + 3


def test_each_shop_has_its_own() -> None:
    day = Day()
    day.add(alert(shop="a"))
    day.add(alert(shop="b", severity="warning"))
    assert day.titles(T0 + GATHER_MS) == ["joom/a: 1 critical", "joom/b: 1 warning"]


def test_the_first_news_waits_a_little_for_more() -> None:
    day = Day()
    day.add(alert("1"))
    assert day.titles(T0 + GATHER_MS - 1) == []
    day.add(alert("2"), T0 + GATHER_MS - 1)
    assert day.titles(T0 + GATHER_MS) == ["joom/s17: 2 critical"]


def test_figures_that_have_moved_are_told_with_other_changes_but_are_no_reason_for_a_digest() -> None:
    day = Day()
    day.add(alert("1", revision=2, reason="figures_moved", summary="4 of 50"))
    assert day.titles(T0 + GATHER_MS) == []
    day.add(alert("1", revision=3, reason="threshold_crossed", summary="5 of 50"))
    day.add(alert("1", revision=4, reason="figures_moved", summary="9 of 50"))
    (digest,) = day.digests.due(T0 + GATHER_MS)
    assert "9 of 50" in ENGLISH.body(digest, "http://here")


def test_where_nothing_was_ever_sent_what_is_open_is_told_whatever_its_last_record_is() -> None:
    day = Day()
    day.add(alert("1", revision=2, reason="figures_moved"), first=True)
    assert day.titles(T0 + GATHER_MS) == ["joom/s17: 1 critical"]


def test_the_next_digest_waits_for_the_interval_to_pass() -> None:
    day = Day()
    day.add(alert("1"))
    sent = T0 + GATHER_MS
    day.titles(sent)
    day.add(alert("2"), sent + 1)
    assert day.titles(sent + EVERY - 1) == []
    assert day.titles(sent + EVERY) == ["joom/s17: 1 critical"]


def test_no_news_no_digest() -> None:
    day = Day()
    day.add(alert("1"))
    day.titles(T0 + GATHER_MS)
    assert day.titles(T0 + 10 * EVERY) == []


def test_only_the_newest_word_on_an_alert_is_told() -> None:
    day = Day()
    day.add(alert(severity="warning", stage="due_soon"))
    day.add(alert(revision=2))
    assert day.titles(T0 + GATHER_MS) == ["joom/s17: 1 critical"]


def test_mere_information_wakes_nobody() -> None:
    day = Day()
    day.add(alert("1", severity="info"))
    day.add(alert("1", 2, "resolved", severity="info"))
    day.add(alert("2", severity="info"))
    assert day.titles(T0 + EVERY) == [] and day.digests.oldest(0) is None
    day.add(alert("2", 2, severity="warning"))
    assert day.titles(T0 + EVERY) == ["joom/s17: 1 warning"]


def test_what_gets_worse_and_falls_back_between_two_digests_is_not_worth_a_word() -> None:
    day = Day()
    day.add(alert("1", severity="warning"))
    day.add(alert("1", 2, severity="info"))
    assert day.titles(T0 + EVERY) == []


def test_what_was_told_and_falls_back_is_told_so() -> None:
    day = Day()
    day.add(alert("1", severity="warning"))
    day.titles(T0 + GATHER_MS)
    day.add(alert("1", 2, severity="critical"), T0 + EVERY)
    day.add(alert("1", 3, severity="info"), T0 + EVERY)
    assert day.titles(T0 + 2 * EVERY) == ["joom/s17: 1 info"]


def test_what_opens_and_ends_between_two_digests_is_not_worth_a_word() -> None:
    day = Day()
    day.add(alert("1"))
    day.add(alert("1", 2, "resolved"))
    assert day.titles(T0 + 2 * EVERY) == []
    assert day.digests.oldest(0) is None


def test_the_end_of_what_was_told_is_told() -> None:
    day = Day()
    day.add(alert("1"))
    day.titles(T0 + GATHER_MS)
    day.add(alert("1", 2, "resolved"), T0 + EVERY)
    (digest,) = day.digests.due(T0 + 2 * EVERY)
    assert ENGLISH.title(digest) == "joom/s17: 1 resolved"
    assert ENGLISH.body(digest, "http://here") == "ok Shipped late: Order 1 is late\n\nhttp://here/#/shops/joom/s17"


def test_where_nothing_was_ever_told_only_what_is_open_is_news() -> None:
    day = Day()
    day.add(alert("1", 7, "resolved"), first=True)
    day.add(alert("2", 3), first=True)
    day.add(alert("3", 3), first=True)
    day.add(alert("3", 4, "resolved"), first=True)
    assert day.titles(T0 + GATHER_MS) == ["joom/s17: 1 critical"]


def test_the_gravest_comes_first_and_the_soonest_of_them() -> None:
    day = Day()
    day.add(alert("b", due_at="2026-01-02T00:00:00Z"))
    day.add(alert("c", due_at="2026-01-01T00:00:00Z"))
    day.add(alert("d", 2, "resolved"))
    day.add(alert("e", severity="warning"))
    (digest,) = day.digests.due(T0 + GATHER_MS)
    assert [each.order for each in digest.alerts] == ["c", "b", "e", "d"]
    assert ENGLISH.title(digest) == "joom/s17: 2 critical, 1 warning, 1 resolved"
    assert digest.gravest == "critical"
    assert ENGLISH.body(digest, "http://here").splitlines()[0] == "!! Shipped late: Order c is late"


def test_sanctions_and_money_come_before_many_that_cost_less() -> None:
    day = Day()
    for n in range(LINES):
        day.add(alert(str(n), penalty={"points": 0.1, "ledger": "A"}))
    day.add(alert("money", severity="warning", penalty={"amount": "8076.98", "currency": "USD"}))
    day.add(alert("sanction", severity="warning", stage="active"))
    (digest,) = day.digests.due(T0 + GATHER_MS)
    assert [each.order for each in digest.alerts[:3]] == ["sanction", "money", "0"]
    assert digest.gravest == "critical"


def test_a_partition_that_is_behind_keeps_still() -> None:
    day = Day()
    day.add(alert("1"), partition=3)
    assert day.digests.due(T0 + EVERY, behind={3}) == []
    assert len(day.digests.due(T0 + EVERY, behind={1})) == 1


def test_what_has_not_been_told_is_held() -> None:
    day = Day()
    day.offset = 40
    day.add(alert(shop="a"))
    day.add(alert(shop="b"), T0 + 1)
    assert (day.digests.oldest(0), day.digests.oldest(1)) == (40, None)
    day.titles(T0 + GATHER_MS)
    assert day.digests.oldest(0) == 41


def test_a_partition_that_is_lost_is_forgotten() -> None:
    day = Day()
    day.add(alert(shop="a"), partition=0)
    day.add(alert(shop="b"), partition=1)
    day.digests.drop(0)
    assert day.titles(T0 + GATHER_MS) == ["joom/b: 1 critical"]


def test_links_are_safe_whatever_a_shop_is_called() -> None:
    day = Day()
    day.add(alert(shop="a/b c"))
    (digest,) = day.digests.due(T0 + GATHER_MS)
    assert ENGLISH.body(digest, "http://here").endswith("/#/shops/joom/a%2Fb%20c")
