"""Boards for tests of the terminal: shops, alerts, and a busy one with all of it."""

from collections import Counter, deque
from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

from streams.terminal.board import Board, Due
from streams.terminal.words import HOUR_MS, instant_ms

NOW = "2026-01-24T13:42:00Z"
NOW_MS = instant_ms(NOW)


def metric(value: float | None, numerator: int, denominator: int | None, **more: Any) -> dict[str, Any]:
    window = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    return {
        "value": value,
        "numerator": numerator,
        "denominator": denominator,
        "threshold": None,
        "headroom": None,
        "window": window,
    } | more


def unshipped(numerator: int, denominator: int) -> dict[str, Any]:
    headroom = denominator * 5 // 100 - numerator
    return metric(numerator / denominator, numerator, denominator, threshold=0.05, near=0.04, headroom=headroom)


def late_marks(count: int) -> dict[str, Any]:
    return metric(count, count, None, threshold=3, near=2, headroom=3 - count)


def standing(place: str, metrics: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    platform, shop = place.split("/")
    return {
        "platform": platform,
        "shop": shop,
        "at": NOW,
        "open_alerts": 0,
        "metrics": metrics or {},
        "ledgers": {},
        "sanctions": [],
        "exposure": None,
    } | more


def alert(name: str, change: str = "opened", revision: int = 1, place: str = "joom/s17", **data: Any) -> dict[str, Any]:
    platform, shop = place.split("/")
    return {
        "specversion": "1.0",
        "id": f"{name}/{revision}",
        "source": "shipclock",
        "type": f"alert.{change}",
        "time": data.pop("time", "2026-01-24T13:12:00Z"),
        "platform": platform,
        "shop": shop,
        "data": {
            "alert": name,
            "revision": revision,
            "rule": "joom.late_ship",
            "clause": "joom-1",
            "state": "resolved" if change == "resolved" else "open",
            "severity": "critical",
            "reason": "deadline_passed",
            "summary": f"Order {name} is past its 72 h ship deadline",
        }
        | data,
    }


def busy_board() -> Board:
    """A dozen shops with every kind of trouble."""
    suspended = {"clause": "joom-2", "name": "sales suspended", "from": "2026-01-21T00:00:00Z"}
    usd = {"currency": "USD"}
    standings = [
        standing("joom/homely", {"joom-3": unshipped(1, 180), "joom-2": late_marks(0)}, open_orders=21),
        standing(
            "joom/gadgetbay",
            {"joom-3": unshipped(9, 140), "joom-2": late_marks(3)},
            open_orders=64,
            open_alerts=14,
            sanctions=[suspended | {"until": "2026-02-04T00:00:00Z"}],
            exposure={"amount": "1284.40"} | usd,
        ),
        standing(
            "joom/s17",
            {"joom-3": unshipped(12, 271), "joom-2": late_marks(2)},
            open_orders=38,
            open_alerts=5,
            exposure={"amount": "212.50"} | usd,
        ),
        standing(
            "douyin/tea-garden",
            {"dy-8": metric(0.25, 25, 100)},
            open_orders=112,
            open_alerts=25,
            exposure={"amount": "12.00", "currency": "CNY"},
        ),
        standing("douyin/s2", {"dy-8": metric(0.012, 2, 166)}, open_orders=40, open_alerts=1),
        standing(
            "joom/toys",
            {"joom-3": unshipped(31, 160)},
            open_orders=9,
            open_alerts=3,
            exposure={"amount": "98.00"} | usd,
        ),
        standing("joom/shoes", {"joom-3": unshipped(5, 121), "joom-2": late_marks(1)}, open_orders=17),
        standing("joom/lamps", {"joom-3": unshipped(2, 94), "joom-2": late_marks(1)}, open_orders=17),
        standing("joom/garden", {"joom-3": unshipped(0, 4094)}, open_orders=730),
        standing("joom/new", {"joom-3": metric(None, 0, 0, threshold=0.05)}, open_orders=0),
        standing("douyin/s3", open_orders=3),
        standing("aliexpress/s12", {"ali-1": late_marks(1)}, open_orders=12),
    ]
    due = [
        Due("joom", "s17", "8412", "joom.late_ship", NOW_MS + 41 * 60_000, "12.50", "USD"),
        Due(
            "douyin",
            "tea-garden",
            "6921750048221104417",
            "dy.late_ship",
            NOW_MS + 192 * 60_000,
            "88.00",
            "CNY",
        ),
        Due("joom", "gadgetbay", "8391", "joom.silence", NOW_MS + 5 * HOUR_MS, "1249.00", "USD"),
        Due("joom", "shoes", "8502", "joom.late_ship", NOW_MS + 9 * HOUR_MS, "31.99", "USD"),
        Due("douyin", "s2", "6921750048221101223", "dy.pickup_timeout", NOW_MS + 17 * HOUR_MS, None, None),
        Due("joom", "homely", "8433", "joom.late_ship", NOW_MS + 23 * HOUR_MS, "9.10", "USD"),
        Due("joom", "homely", "8434", "joom.late_ship", NOW_MS + 61 * HOUR_MS, "9.10", "USD"),
    ]
    warning = {"severity": "warning", "reason": "deadline_near"}
    alerts = deque(
        [
            alert("8390", time="2026-01-24T09:05:00Z", place="joom/toys"),
            alert(
                "8377",
                "resolved",
                3,
                time="2026-01-24T09:31:00Z",
                reason="shipped",
                summary="Order 8377 shipped, 2 h late",
            ),
            alert("8412", time="2026-01-24T10:12:00Z", summary="Order 8412 must ship within 6 h", **warning),
            alert(
                "joom.unshipped",
                time="2026-01-24T10:20:00Z",
                place="joom/s17",
                summary="4.4 % of January's orders unshipped, 20 % fee above 5 %: 1 more to go",
                severity="warning",
                reason="value_rose",
            ),
            alert("8391", "updated", 2, time="2026-01-24T10:48:00Z", place="joom/gadgetbay"),
            alert(
                "dy.pickup",
                time="2026-01-24T11:02:00Z",
                place="douyin/tea-garden",
                summary="Order 6921750048221104417 judged late, 2nd of 3",
                reason="judged_again",
            ),
            alert(
                "joom.silence",
                "resolved",
                2,
                time="2026-01-24T11:40:00Z",
                place="joom/gadgetbay",
                summary="Order 8386 has been scanned again",
                reason="evidence_arrived",
            ),
            alert(
                "joom.suspended",
                time="2026-01-24T12:00:00Z",
                place="joom/gadgetbay",
                summary="3 late marks: sales suspended until 4 Feb",
                reason="threshold_crossed",
            ),
            alert(
                "info",
                time="2026-01-24T13:12:00Z",
                severity="info",
                summary="Order 8433 is due tomorrow",
                reason="deadline_near",
            ),
        ]
    )
    return Board(
        at_ms=NOW_MS,
        standings=standings,
        due=due,
        alerts=alerts,
        open_by_severity=Counter(critical=31, warning=14, info=3),
        events=184_210,
        events_s=2140.4,
        speed=21_600,
    )


def printed(renderable: RenderableType, width: int = 100) -> list[str]:
    """The lines a terminal of that width would show, without colours."""
    console = Console(record=True, width=width, file=StringIO())
    console.print(renderable)
    return console.export_text().splitlines()


def made(**parts: Any) -> Board:
    """A board with nothing on it but `parts`."""
    empty = {
        "at_ms": NOW_MS,
        "standings": [],
        "due": [],
        "alerts": deque(),
        "open_by_severity": Counter(),
        "events": 0,
        "events_s": 0.0,
        "speed": 21_600.0,
    }
    return Board(**(empty | parts))


def line_with(word: str, lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines) if word in line)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True
