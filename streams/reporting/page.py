"""The report as one HTML page that needs nothing else: no script, no picture, nothing from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape

from rules.messages.text import visible
from streams.reporting.shop_week import ShopWeek
from streams.reporting.text import title
from streams.reporting.week import Week
from streams.reporting.words import Words

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { text-align: start; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8886; vertical-align: top; }
th, td { white-space: nowrap; }
td:first-child { min-width: 11rem; white-space: normal; overflow-wrap: anywhere; }
p.note { font-size: .9em; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
"""


def html(week: Week, shops: Sequence[ShopWeek], words: Words) -> str:
    heading = _text(title(week, words))
    language = {"en": "en", "zh": "zh-CN"}[words.language]
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{heading}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            f"<h1>{heading}</h1>\n<p>{_text(words.text('shops', n=len(shops)))}</p>",
            _table(_OVERVIEW, words, (_overview(shop, words) for shop in shops)),
            *(_shop(shop, words) for shop in shops),
            f'<p class="note">{_text(words.text("known"))}</p>\n</main>\n</body>\n</html>\n',
        ]
    )


_OVERVIEW = ("shop", "lost", "avoided", "at_stake", "opened", "resolved", "open", "missed", "late")


def _overview(shop: ShopWeek, words: Words) -> list[str]:
    late = f"{shop.late_orders} ({words.text('still_late')}: {shop.still_late})"
    return [
        f"{shop.platform}/{shop.shop}",
        words.money(shop.lost),
        words.money(shop.avoided),
        words.money(shop.at_stake),
        str(shop.opened),
        str(shop.resolved),
        words.open_alerts(shop.open_alerts),
        str(shop.deadlines_missed),
        late if shop.late_orders else "0",
    ]


def _shop(shop: ShopWeek, words: Words) -> str:
    parts = [f"<h2>{_text(f'{shop.platform}/{shop.shop}')}</h2>"]
    if shop.days < 7:
        parts.append(f'<p class="note">{_text(words.text("partly", n=shop.days))}</p>')
    ratios = (
        [words.rule(each.rule), words.share(each.start), words.share(each.end), words.limit(each.end or each.start)]
        for each in shop.ratios
    )
    points = ([words.rule(each.rule), words.points(each.start), words.points(each.end)] for each in shop.points)
    worst = ([words.rule(each.rule, each.titles), str(each.opened), str(each.resolved)] for each in shop.worst)
    if shop.ratios:
        parts.append(_table(("ratios", "start", "end", "threshold"), words, ratios))
    if shop.points:
        parts.append(_table(("points", "start", "end"), words, points))
    if shop.worst:
        parts.append(_table(("worst", "opened", "resolved"), words, worst))
    return "\n".join(parts)


def _table(columns: Iterable[str], words: Words, rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_text(words.text(name))}</th>' for name in columns)
    body = "\n".join(f"<tr>{''.join(f'<td>{_text(each)}</td>' for each in row)}</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="group">\n<table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _text(text: str) -> str:
    return escape(visible(text))
