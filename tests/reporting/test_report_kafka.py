"""`shipclock report` from a real Kafka."""

import asyncio
import csv
from pathlib import Path

import pytest

from rules.calendar.instants import DAY_MS
from rules.messages.alerts import Alert, encode
from rules.messages.daily_values import AlertsOfDay, DailyValues
from rules.messages.daily_values import encode as encoded
from tests.commands.support import run
from tests.reporting.records import SUNDAY_BEFORE, WEEK, day_of, ratio, record
from tests.runtime.support import START_MS, event, sent, ticks
from tests.runtime.workers import Site
from tests.support.kafka import Kafka, produce, read_topic

pytestmark = pytest.mark.kafka

WEDNESDAY = "2026-01-07T08:00:00Z"


@pytest.fixture
def site(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(kafka.bootstrap, topic_prefix, tmp_path)
    made.make_topics()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def write(site: Site, *days: DailyValues, alerts: tuple[Alert, ...] = ()) -> None:
    values = [(f"{site.group}-daily-values", each.key(), encoded(each)) for each in days]
    records = [("alerts", each.data.alert.encode(), encode(each)) for each in alerts]
    asyncio.run(produce(site.bootstrap, [(site.prefix + topic, *others) for topic, *others in [*values, *records]]))


async def test_it_tells_of_the_week_that_the_worker_has_seen(site: Site) -> None:
    daily = f"{site.prefix}{site.group}-daily-values"
    async with site.worker() as worker:
        await worker.ready()
        await produce(site.bootstrap, sent(site.prefix, event("order.placed", START_MS + 4 * DAY_MS, "8412")))
        await produce(site.bootstrap, ticks(site.prefix, START_MS + 12 * DAY_MS))
        for _ in range(600):
            if any(b"2026-01-12" in (each.key or b"") for each in await read_topic(site.bootstrap, daily)):
                break
            await asyncio.sleep(0.2)
    result = await asyncio.to_thread(run, "report", "--week")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Week 2026-W02: 2026-01-05 to 2026-01-11\n\njoom/s17\n")
    assert "Alerts opened: 1 · Alerts resolved: 0 · Open at its end: 1 critical" in result.stdout
    assert "Orders past a deadline: 1 (still waiting at its end: 1)" in result.stdout


def test_page_and_table_are_written_of_the_shops_asked_for(site: Site, tmp_path: Path) -> None:
    usd = {"amount": "12.00", "currency": "USD"}
    write(
        site,
        day_of(SUNDAY_BEFORE, ratios={"joom.r": ratio(0.01)}),
        *(day_of(day, alerts=AlertsOfDay(opened=9), ratios={"joom.r": ratio(0.04)}) for day in WEEK),
        day_of(WEEK[0], alerts=AlertsOfDay(opened=1), ratios={"joom.r": ratio(0.04)}),  # written again: this one holds
        day_of(WEEK[0], shop="other"),
        day_of(WEEK[0], platform="ozon"),
        day_of("2026-01-12"),
        alerts=(record(None, WEDNESDAY, 2, "resolved", reason="period_ended", penalty=usd),),
    )
    page, table = tmp_path / "w.html", tmp_path / "w.csv"
    result = run("report", "--week", "2026-W02", "--platform", "joom", "--shop", "s17", "--html", page, "--csv", table)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert "<h1>Week 2026-W02: 2026-01-05 to 2026-01-11</h1>\n<p>1 shops</p>" in page.read_text()
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["shop"], row["figure"]): row for row in csv.DictReader(file)}
    assert {shop for shop, _ in rows} == {"s17"}
    assert rows["s17", "alerts opened"]["end"] == "55"
    assert rows["s17", "lost"]["end"] == "12.00"
    assert (rows["s17", "ratio"]["start"], rows["s17", "ratio"]["end"]) == ("0.01", "0.04")


def test_what_is_not_known_is_refused_in_one_line(site: Site, tmp_path: Path) -> None:
    result = run("report")
    message = (
        "shipclock report: nothing is known of any week: the worker writes a shop's figures from its first day on\n"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)
    write(site, day_of(WEEK[6]), day_of("2026-01-12"))
    for arguments, why in (
        (["--week", "2026-W05"], "shipclock report: nothing is known of week 2026-W05 (2026-01-26 to 2026-02-01)\n"),
        (["--shop", "nobody", "--week", "2026-W02"], "nothing is known of week 2026-W02 (2026-01-05 to 2026-01-11)\n"),
        (["--html", tmp_path / "no" / "w.html"], "w.html: No such file or directory\n"),
    ):
        result = run("report", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.endswith(why) and result.stderr.count("\n") == 1
