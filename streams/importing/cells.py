"""Cells of a table as what a mapping says they are. All raise ValueError with the column and what is wrong."""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation

from rules.calendar.days import day_of, start_of_day
from rules.messages.text import has_hidden
from streams.importing.mapping import ANY_OTHER, WORDS, Mapping
from streams.importing.times import ISO, SPREADSHEET, instant_ms

IDS = frozenset({"order", "parcel", "tracking_no", "sku", "line"})

LONGEST_ID = 128
"""Characters that an id may have in an event."""

SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d\d", re.IGNORECASE)
"""What a spreadsheet shows in place of a number of more digits than it keeps."""

SHEET_ERROR = re.compile(r"#+|#(N/A|REF!|VALUE!|NAME\?|NULL!|NUM!|DIV/0!|NV|WERT!|BEZUG!|Н/Д|ССЫЛКА!|ЗНАЧ!|ИМЯ\?)")
"""What a spreadsheet shows in place of a value that it doesn't have, or has no room for; also in German and Russian."""

CURRENCY_SIGNS: dict[str, tuple[str, ...]] = {
    "CNY": ("元", "人民币", "RMB", "CN¥", "¥", "￥"),
    "JPY": ("円", "JP¥", "¥", "￥"),
    "RUB": ("₽", "руб.", "руб", "р.", "р"),
    "USD": ("US$", "$"),
    "EUR": ("€",),
    "GBP": ("£",),
    "BRL": ("R$",),
    "SGD": ("S$", "$"),
    "HKD": ("HK$", "$"),
    "TWD": ("NT$", "$", "元"),
    "MYR": ("RM",),
    "THB": ("฿",),
    "VND": ("₫", "đ"),
    "PHP": ("₱",),
    "IDR": ("Rp.", "Rp"),
    "KRW": ("₩",),
    "INR": ("₹",),
}
"""What exports write beside an amount, by currency; longer ones first. A currency's code is allowed beside it, too."""

_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")


def unwrapped(text: str) -> str:
    """A cell without what keeps spreadsheets from reading a number in it: `="123"` or `'123`."""
    if len(text) > 3 and text.startswith('="') and text.endswith('"'):
        return text[2:-1].replace('""', '"').strip()
    if text.startswith("'") and text[1:2].isdigit():
        return text[1:]
    return text


def identifier(text: str, name: str) -> str:
    if SHORTENED.fullmatch(text):
        raise ValueError(f"{name}: {text!r} has been shortened by a spreadsheet; export the column again as text")
    if SHEET_ERROR.fullmatch(text):
        raise ValueError(f"{name}: {text!r} is what a spreadsheet shows in place of a value")
    if len(text) > LONGEST_ID:
        raise ValueError(f"{name}: {text[:20]!r}… has {len(text)} characters; it may have {LONGEST_ID}")
    if has_hidden(text):
        raise ValueError(f"{name}: {text!a} has control, bidirectional or zero-width characters")
    return text


def word(text: str, name: str, mapping: Mapping) -> str:
    """One of our words, from theirs."""
    theirs = mapping.words.get(name, {})
    found = theirs.get(text.casefold(), theirs.get(ANY_OTHER, text))
    if found and found not in WORDS[name]:
        raise ValueError(f"{name}: {text!r} is none of {', '.join(WORDS[name])}; `words` can translate it")
    return found


def time_ms(text: str, name: str, mapping: Mapping, typed: bool) -> int | None:
    """An instant (epoch ms), or None for no time. `typed`: workbooks have dates of their own, written as ISO 8601."""
    if not text or any(text == none or text.startswith((f"{none} ", f"{none}T")) for none in mapping.no_time):
        return None
    form = ISO if typed and _ISO_TIME.fullmatch(text) else mapping.time
    try:
        at_ms = instant_ms(text, form, mapping.zone)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if name == "ship_by" and mapping.zone is not None and _is_day(text, form):
        return start_of_day(day_of(at_ms, mapping.zone.key) + 1, mapping.zone.key)  # by the end of that day
    return at_ms


def _is_day(text: str, form: str) -> bool:
    """Whether a time is a date without a time of day."""
    if form == ISO:
        return _ISO_DAY.fullmatch(text) is not None
    if form == SPREADSHEET:
        return text.isdecimal()
    try:
        return datetime(2026, 10, 21, 17, 45, 31).strftime(form) == datetime(2026, 10, 21).strftime(form)
    except ValueError:
        return False


def amount(text: str, name: str, mapping: Mapping, currency: str) -> Decimal | None:
    """A number that its currency may stand beside, as in `99,00元` or `US$ 12`. None for the empty cell."""
    bare = _without_currency(text, currency)
    if bare != text:
        return number(bare, name, mapping)
    other = next((code for code in CURRENCY_SIGNS if _without_currency(text, code) != text), None)
    if other is None:
        return number(text, name, mapping)
    if currency:
        raise ValueError(f"{name}: {text!r} is in {other}, and the currency is {currency!r}")
    raise ValueError(f"{name}: {text!r} names a currency; say which in the mapping, such as `currency: {other}`")


def _without_currency(text: str, currency: str) -> str:
    """`text` without the currency's code or sign, where one stands before or after a number."""
    folded = text.casefold()
    for sign in (currency, *CURRENCY_SIGNS.get(currency.upper(), ())):
        if sign and folded.startswith(sign.casefold()):
            return text[len(sign) :].strip()
        if sign and folded.endswith(sign.casefold()):
            return text[: -len(sign)].strip()
    return text


def number(text: str, name: str, mapping: Mapping) -> Decimal | None:
    """None for the empty cell."""
    if not text:
        return None
    try:
        found = Decimal(_plain(text, name, mapping))
    except InvalidOperation:
        raise ValueError(f"{name}: {text!r} is not a number") from None
    if not found.is_finite() or found < 0 or found.adjusted() > 15:
        raise ValueError(f"{name}: {text!r} is out of range")
    return found


def _plain(text: str, name: str, mapping: Mapping) -> str:
    """A number with a point and without groups."""
    decimal, thousands = mapping.decimal, mapping.thousands
    whole, sign, rest = text.partition(decimal)
    if thousands is not None:
        groups = re.split(r"\s" if thousands == " " else re.escape(thousands), whole)
        first, *others = (len(each) for each in groups)
        if others and not (1 <= first <= 3 and all(2 <= each <= 3 for each in others) and others[-1] == 3):
            raise ValueError(f"{name}: {text!r} is not grouped by {thousands!r}")
        whole = "".join(groups)
    for other in ".,":
        if other in whole + rest:
            hint = "" if thousands is not None else f"; if it groups digits, set `thousands: {other!r}`"
            raise ValueError(f"{name}: {text!r} has a {other!r}, and the decimal sign is {decimal!r}{hint}")
    return f"{whole}.{rest}" if sign else whole


def quantity(text: str, mapping: Mapping) -> float:
    """1 for the empty cell. Goods are sold by weight, too."""
    found = number(text, "qty", mapping)
    if found is None:
        return 1
    if not found:
        raise ValueError(f"qty: {text!r} is not above 0")
    return int(found) if found == found.to_integral_value() else float(found)
