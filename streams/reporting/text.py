"""The report as text: for the terminal and for a weekly digest."""

from collections.abc import Callable, Sequence

from rules.messages.text import visible
from streams.reporting.shop_week import ShopWeek
from streams.reporting.week import Week
from streams.reporting.words import Words

DIGEST_SHOPS = 10
"""Shops that a digest tells of; it says how many more there are."""


def title(week: Week, words: Words) -> str:
    return words.text("title", week=week, first=week.monday, last=week.sunday)


def body(
    shops: Sequence[ShopWeek], words: Words, most: int | None = None, plain: Callable[[str], str] = visible
) -> str:
    """A paragraph a shop, the one that lost most first. `plain` makes names harmless where the text goes."""
    shown = list(shops) if most is None else list(shops[:most])
    lines = [line for shop in shown for line in (*_shop(shop, words, plain), "")]
    if len(shown) < len(shops):
        lines += [words.text("more", n=len(shops) - len(shown)), ""]
    return "\n".join([*lines, words.text("known")])


def _shop(shop: ShopWeek, words: Words, plain: Callable[[str], str]) -> list[str]:
    text = words.text
    lines = [f"{plain(shop.platform)}/{plain(shop.shop)}"]
    lines.append(
        f"  {text('lost')}: {words.money(shop.lost)} · {text('avoided')}: {words.money(shop.avoided)} · "
        f"{text('at_stake')}: {words.money(shop.at_stake)}"
    )
    lines.append(
        f"  {text('opened')}: {shop.opened} · {text('resolved')}: {shop.resolved} · "
        f"{text('open')}: {words.open_alerts(shop.open_alerts)}"
    )
    lines.append(
        f"  {text('missed')}: {shop.deadlines_missed} · {text('late')}: {shop.late_orders}"
        f" ({text('still_late')}: {shop.still_late})"
    )
    lines += [
        f"  {plain(words.rule(each.rule))}: {words.share(each.start)} → {words.share(each.end)}"
        f" · {text('threshold')} {words.limit(each.end or each.start)}"
        for each in shop.ratios
    ]
    lines += [
        f"  {plain(words.rule(each.rule))}: {words.points(each.start)} → {words.points(each.end)}"
        for each in shop.points
    ]
    lines += [
        f"  {text('worst')}: "
        + ", ".join(f"{plain(words.rule(each.rule, each.titles))} {each.opened}" for each in shop.worst)
    ] * bool(shop.worst)
    if shop.days < 7:
        lines.append(f"  {text('partly', n=shop.days)}")
    return lines
