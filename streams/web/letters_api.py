"""The API's query for dead letters: the newest, read from their topic when somebody asks."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rules.messages.alerts import instant
from streams.kafka.reading import NoTopicError
from streams.kafka.topics import BadTopicsError
from streams.resending.letters import Letter, Newest
from streams.web.operations import operation

SHOWN = 100
"""The most that are shown; `shipclock dead-letters` reads all of them."""

FRESH_S = 5.0
"""How long what was read is answered again, however many ask; and that it can't be read."""

READ_S = 20.0
"""How long reading may take."""


class DeadLetter(Struct, kw_only=True):
    """A record that was set aside: where it lies in `dead-letters`, when that was, where it came from, its key, and
    why. `kept`: its event counts, without a detail."""

    place: str
    at: str | None
    origin: str
    key: str | None
    reason: str
    kept: bool


class DeadLetters(Struct, kw_only=True):
    """The newest first; `total` is how many the topic has."""

    items: list[DeadLetter]
    next: str | None
    total: int


class LettersApi:
    """`read` gives the newest letters, so many at most."""

    def __init__(self, read: Callable[[int], Awaitable[Newest]]) -> None:
        self._read = read
        self._turn = asyncio.Lock()
        self._known: DeadLetters | HTTPException | None = None
        self._read_at_s = 0.0

    @operation(
        "GET",
        "/api/dead-letters",
        "What could not be read: the newest dead letters, with where they came from and the reason",
        answer=DeadLetters,
        refusals={503: "the topic can't be read"},
    )
    async def dead_letters(self, request: Request) -> DeadLetters:
        async with self._turn:
            if self._known is None or monotonic() - self._read_at_s >= FRESH_S:
                self._known, self._read_at_s = await self._newest(), monotonic()
        if isinstance(self._known, HTTPException):
            raise self._known.with_traceback(None)
        return self._known

    async def _newest(self) -> DeadLetters | HTTPException:
        try:
            async with asyncio.timeout(READ_S):
                found = await self._read(SHOWN)
        except TopicAuthorizationFailedError:
            return HTTPException(503, "this user lacks READ on dead-letters; see deploy/docs/kafka-acls.md")
        except NoTopicError:  # on the embedded broker a topic appears with its first record
            found = Newest([], 0)
        except BadTopicsError as error:
            return HTTPException(503, str(error))
        except (KafkaError, OSError, TimeoutError) as error:
            return HTTPException(503, f"dead-letters can't be read: {type(error).__name__}")
        return DeadLetters(items=[_shown(letter) for letter in found.letters], next=None, total=found.total)


def _shown(letter: Letter) -> DeadLetter:
    return DeadLetter(
        place=str(letter.place),
        at=instant(letter.at_ms),
        origin=letter.origin,
        key=None if letter.key is None else letter.key.decode(errors="replace"),
        reason=letter.reason,
        kept=letter.is_kept,
    )
