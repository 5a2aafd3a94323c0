"""One shop's calls to its platform: signed, paced, tried again as the platform asks, and with a token that works."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp

from rules.calendar.instants import to_ms
from rules.messages.text import visible
from streams.feeds.api_language import Api, Call
from streams.feeds.decoding import UnreadableBody, of_json
from streams.feeds.polling.failures import QuotaSpent, Refused, Unavailable
from streams.feeds.polling.ledger import Ledger
from streams.feeds.polling.requests import Prepared, instant, prepare
from streams.feeds.polling.tokens import TokenKeeper
from streams.paced_log import PacedLog

log = logging.getLogger(__name__)
log.addFilter(PacedLog())

LARGEST_BYTES = 16 * 1024 * 1024
"""Of an answer."""

LONGEST_CODE = 120
"""Characters of what a platform says is wrong."""

ANSWER_S = 30.0
ATTEMPTS = 6
LONGEST_BACKOFF_S = 120.0
LONGEST_WAIT_S = 3_600.0
"""A platform that asks to wait longer is asked again after this."""


class Time(NamedTuple):
    """The clock, and how to wait."""

    now_ms: Callable[[], int]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class Answer(NamedTuple):
    """`document` is empty where the body is no JSON object; `date_ms` is the platform's clock, where it says."""

    status: int
    document: dict[str, Any]
    is_json: bool
    retry_after_s: float | None
    date_ms: int | None


class Pace:
    """At most so many calls in a minute, one after the other; shared by all shops of an app."""

    def __init__(self, per_min: int, time: Time) -> None:
        self._step_ms, self._time = 60_000 / per_min, time
        self._next_ms = 0.0

    async def turn(self) -> None:
        now_ms = self._time.now_ms()
        at_ms = max(self._next_ms, now_ms)
        self._next_ms = at_ms + self._step_ms
        if at_ms > now_ms:
            await self._time.pause((at_ms - now_ms) / 1000)


class Shop(NamedTuple):
    """Whose calls they are. `name` is `source/app/shop`, `credentials` the app's and its own together, `host` stands
    for those of the source file."""

    name: str
    shop: str
    credentials: Mapping[str, str]
    zone: ZoneInfo
    host: str | None = None


class Client:
    """Calls of one shop. `attempts` is how often one is made at most. With `may_begin` False, there is no first token
    to be had with the one in the settings. After a call, `ahead_ms` is how far the platform's clock is ahead of ours,
    by its word in whole seconds."""

    ahead_ms: int | None = None

    def __init__(
        self,
        api: Api,
        shop: Shop,
        session: aiohttp.ClientSession,
        ledger: Ledger,
        time: Time,
        pace: Pace,
        attempts: int = ATTEMPTS,
        may_begin: bool = True,
    ) -> None:
        self._attempts = attempts
        self._api, self._shop, self._session, self._time, self._pace = api, shop, session, time, pace
        self._keeper = (
            None
            if api.token is None
            else TokenKeeper(
                api.token, ledger, shop.name, shop.credentials["refresh_token"], time.now_ms, self._refreshed, may_begin
            )
        )

    async def ask(self, call: Call, **names: Any) -> dict[str, Any]:
        """The answer to a call. Raises Refused, Unavailable, QuotaSpent."""
        return (await self.answer(call, names)).document

    async def answer(self, call: Call, names: Mapping[str, Any]) -> Answer:
        """Raises as `ask` does."""
        keeper = None if call.of_app or call.plain else self._keeper
        token = "" if keeper is None else await keeper.access()
        was_refreshed, text, attempt = False, "", 0
        while attempt < self._attempts:
            wait_s = None
            try:
                answer = await self._send(call, {**names, "access_token": token})
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                text = f"no answer: {type(error).__name__}"
            else:
                finding, text = self._kind_of(answer), self._text_of(answer)
                if finding == "ok":
                    return answer
                if finding == "quota":
                    raise QuotaSpent(self.midnight_ms())
                if finding == "expired" and keeper is not None and not was_refreshed:
                    token, was_refreshed = await keeper.access(instead_of=token), True
                    continue
                if finding != "slow_down":
                    raise Refused(text)
                wait_s = answer.retry_after_s
            attempt += 1
            log.info("%s: %s, attempt %d of %d", self._shop.name, text, attempt, self._attempts)
            if attempt < self._attempts:
                await self._time.pause(_backoff_s(attempt, wait_s))
        raise Unavailable(text)

    def midnight_ms(self) -> int:
        """When the platform's next day begins, and with it another quota."""
        return _midnight_ms(self._time.now_ms(), ZoneInfo(self._api.answers.quota_zone))

    def _kind_of(self, answer: Answer) -> str:
        verdicts, scope = self._api.answers, {**answer.document, "_status": answer.status}
        if answer.status < 300 and answer.is_json and verdicts.ok.hold(scope):
            return "ok"
        for name, conditions in (
            ("ok", verdicts.known),
            ("quota", verdicts.quota),
            ("expired", verdicts.expired),
            ("slow_down", verdicts.slow_down),
        ):
            if conditions is not None and conditions.hold(scope):
                return name
        if answer.status == 401:
            return "expired"
        is_page = answer.status < 300 and not answer.is_json  # of a platform at maintenance
        return "slow_down" if answer.status == 429 or answer.status >= 500 or is_page else "refused"

    async def _refreshed(self, refresh_token: str) -> dict[str, Any]:
        assert self._api.token is not None
        log.info("%s: the token is refreshed", self._shop.name)
        return await self.ask(self._api.token.call, refresh_token=refresh_token)

    async def _send(self, call: Call, names: Mapping[str, Any]) -> Answer:
        await self._pace.turn()
        known = {**self._shop.credentials, "shop": self._shop.shop}
        known |= instant("now", self._time.now_ms(), self._shop.zone) | dict(names)
        request = prepare(self._api, call, known, self._shop.host)
        answer = await _answered(self._session, request)
        if answer.date_ms is not None:
            self.ahead_ms = answer.date_ms - self._time.now_ms()
        return answer

    def _text_of(self, answer: Answer) -> str:
        """The status and the platform's own error code, without any secret that it may repeat."""
        code = self._api.answers.code
        text = str(code.search(answer.document) or "") if code is not None else ""
        for secret in self._secrets():
            text = text.replace(secret, "***")  # before it is cut, lest a part of one stays
        short = visible(text[:LONGEST_CODE])
        return f"it answered {answer.status}{' ' if short else ''}{short}"

    def _secrets(self) -> list[str]:
        known = [self._shop.credentials[name] for name in self._api.secrets if name in self._shop.credentials]
        tokens = [] if self._keeper is None else [self._keeper.tokens.access, self._keeper.tokens.refresh]
        return [each for each in (*known, *tokens) if each]


async def _answered(session: aiohttp.ClientSession, request: Prepared) -> Answer:
    """Follows no redirect: what is sent is meant for this host alone."""
    async with session.request(
        request.method, request.url, headers=request.headers, data=request.body or None, allow_redirects=False
    ) as response:
        body = bytearray()
        async for chunk in response.content.iter_chunked(64 * 1024):
            body += chunk
            if len(body) > LARGEST_BYTES:
                raise Refused(f"its answer has more than {LARGEST_BYTES // 1024 // 1024} MiB")
        document: Any = None
        with suppress(UnreadableBody):
            document = of_json(bytes(body))
        is_json = isinstance(document, dict)
        date_ms = _date_ms(response.headers.get("Date", ""))
        wait_s = _retry_after_s(response.headers, date_ms)
        return Answer(response.status, document if is_json else {}, is_json, wait_s, date_ms)


def _retry_after_s(headers: Mapping[str, str], date_ms: int | None) -> float | None:
    """Seconds, or an epoch time or a date as seen from the platform's own clock."""
    text = headers.get("Retry-After") or headers.get("X-Rate-Limit-Reset") or ""
    if text.isdecimal() and len(text) < 10:
        return float(text)
    at_ms = int(text[:10]) * 1000 if text.isdecimal() else _date_ms(text)
    return None if at_ms is None or date_ms is None else max(0.0, (at_ms - date_ms) / 1000)


def _date_ms(text: str) -> int | None:
    try:
        return to_ms(parsedate_to_datetime(text).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _backoff_s(attempt: int, asked_s: float | None) -> float:
    """What the platform asks for and a little more, so that not all come back at once; else a random time of a range
    that doubles."""
    if asked_s is not None:
        return min(asked_s, LONGEST_WAIT_S) + random.uniform(0, 1)
    return random.uniform(0, min(LONGEST_BACKOFF_S, 2.0**attempt))


def _midnight_ms(now_ms: int, zone: ZoneInfo) -> int:
    day = datetime.fromtimestamp(now_ms / 1000, zone).date() + timedelta(days=1)
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))
