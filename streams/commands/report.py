"""`shipclock report`: what a week was for each shop."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import click

from rules.dsl.yaml_source import BadPack
from rules.messages.text import visible
from streams import logs, pack_files
from streams.commands.common import Failed
from streams.kafka.topics import BadTopicsError
from streams.reporting.from_kafka import NoDataError, weekly
from streams.reporting.page import html
from streams.reporting.shop_week import ShopWeek
from streams.reporting.table import table
from streams.reporting.text import body, title
from streams.reporting.week import Week
from streams.reporting.words import Language, Words
from streams.settings import BadSettingError, Settings, from_environment

NEWEST = "newest"


class WeekName(click.ParamType):
    """An ISO week, or `newest`."""

    name = "week"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Week | None:
        if value == NEWEST:
            return None
        try:
            return Week.named(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--week",
    type=WeekName(),
    is_flag=False,
    flag_value=NEWEST,
    default=NEWEST,
    metavar="WEEK",
    help="Such as 2026-W48, from Monday to Sunday; without it, the newest week that is complete.",
)
@click.option("--platform", help="Only shops of this platform.")
@click.option("--shop", help="Only shops of this name.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page there.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a table there.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of text and page.")
def report(
    week: Week | None,
    platform: str | None,
    shop: str | None,
    html_file: Path | None,
    csv_file: Path | None,
    language: Language,
) -> None:
    """Say what a week was for each shop: money lost and avoided, orders past a deadline, ratios, points, alerts.

    From the topics of the worker that SHIPCLOCK_BROKER points to, with the worker's other settings. Printed as text
    unless files are named.
    """
    logs.protect()
    settings, titles = _settings_and_titles()

    def wanted(its_platform: str, its_shop: str) -> bool:
        return platform in (None, its_platform) and shop in (None, its_shop)

    found, shops = _read(settings, week, wanted)
    words = Words(language, titles)
    if html_file is not None:
        _write(html_file, html(found, shops, words))
    if csv_file is not None:
        _write(csv_file, table(found, shops))
    if html_file is None and csv_file is None:
        click.echo(visible(title(found, words)))
        click.echo()
        click.echo(visible(body(shops, words), keep="\n"))


def _settings_and_titles() -> tuple[Settings, dict[str, dict[str, str]]]:
    try:
        settings = from_environment(os.environ)
        book = pack_files.load(settings.packs)
    except (BadSettingError, BadPack, pack_files.NoSuchPack) as error:
        raise Failed(f"shipclock report: {error}", 2) from None
    return settings, {rule: each.titles() for rule, each in book.rules.items()}


def _read(settings: Settings, week: Week | None, wanted: Any) -> tuple[Week, list[ShopWeek]]:
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a failure is raised as well, and told in our line
    try:
        return asyncio.run(weekly(settings, week, wanted))
    except (NoDataError, BadTopicsError) as error:
        raise Failed(f"shipclock report: {error}", 2) from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}", 2) from None
