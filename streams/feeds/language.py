"""The language of source files: what a platform or carrier sends, and which events it means.

Paths are JMESPath expressions over a record. Beside the record's own fields they see `_body` (what it came in),
`_entry` (of a list of scans), `_query` (of the URL) and `_setting` (shop, zone, shipped_at and so on).
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from streams.feeds.paths import Path
from streams.feeds.values import text

_T = TypeVar("_T")


class Reading(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How a value is made where one path doesn't say it all.

    `path` may be a list: the first that says something holds. `take` makes one of many. `table` names a table of the
    file. With `each`, `path` (`times` and `less` other numbers) is read in each part of a list, and `fields` makes a
    list of items; items that differ only in their `qty` are one.
    """

    path: Any = None
    take: Literal["first", "sum", "earliest", "latest"] = "first"
    table: str | None = None
    multiply: int = 1
    divide: int = 1
    each: Path | None = None
    times: Path | None = None
    less: Path | None = None
    fields: "dict[str, Value]" = {}


class Value:
    """A path, a list of paths of which the first that says something holds, or a `Reading`."""

    __slots__ = ("paths", "reading")

    def __init__(self, written: Any) -> None:
        self.reading = convert(written, Reading) if isinstance(written, dict) else Reading(path=written)
        listed = self.reading.path
        if (listed is None) == (not self.reading.fields) or (self.reading.fields and self.reading.each is None):
            raise ValueError("a value has a path, or each with fields")
        self.paths = (
            [] if listed is None else [Path(each) for each in (listed if isinstance(listed, list) else [listed])]
        )


class Conditions:
    """`{path: value}` or `{path: [one, or another]}`; all of them must hold. A missing value is `""`; `*` in a value
    stands for any text."""

    __slots__ = ("_parts",)

    def __init__(self, written: Any) -> None:
        if not isinstance(written, dict):
            raise ValueError("conditions are written like {code: 3, data.status: [SHIPPED, COMPLETED]}")
        self._parts = [
            (Path(path), [text(each) for each in (wanted if isinstance(wanted, list) else [wanted])])
            for path, wanted in written.items()
        ]

    def hold(self, scope: Mapping[str, Any]) -> bool:
        return all(_is_one_of(word_at(path, scope), wanted) for path, wanted in self._parts)

    @property
    def paths(self) -> list[Path]:
        return [path for path, _ in self._parts]


def _is_one_of(word: str | None, wanted: list[str]) -> bool:
    if word is None or word in wanted:
        return word is not None
    return any("*" in each and fnmatchcase(word, each) for each in wanted)


def hold(conditions: Conditions | None, scope: Mapping[str, Any]) -> bool:
    """None asks for nothing."""
    return conditions is None or conditions.hold(scope)


def word_at(path: Path, scope: Mapping[str, Any]) -> str | None:
    """To be compared; None, which equals nothing, where no scalar stands, or a function can't take what does."""
    try:
        return text(path.search(scope))
    except ValueError:
        return None


class Template:
    """Text with places to fill in: `{order}:shipped`. A place is one of the names given, or a path."""

    __slots__ = ("_parts", "text")

    def __init__(self, written: Any) -> None:
        if not isinstance(written, str):
            raise ValueError(f"{written!r} is no text with places, like {{order}}:shipped")
        self.text = written
        pieces = re.split(r"\{([^{}]+)\}", written)
        self._parts = [(piece, Path(piece) if n % 2 else None) for n, piece in enumerate(pieces)]

    def fill(self, names: Mapping[str, Any], scope: Mapping[str, Any]) -> str:
        """Raises ValueError where a place stays empty."""
        filled = ""
        for piece, path in self._parts:
            if path is None:
                filled += piece
                continue
            found = text(names[piece] if piece in names else path.search(scope))
            if not found:
                raise ValueError(f"{piece} is missing, and {self.text} needs it")
            filled += found
        return filled


class Fact(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """An event that a record means, where `when` holds and `unless` doesn't.

    `id` is made of the fact itself and holds no time of receipt, so that push, poll and replay count once; in it
    `{time}` and `{ship_by}` are epoch seconds, `{day}` is the date, `{quarter}` like 2026-Q4. `templates` are data made
    of such places. `require` names data without which there is no event. `once` makes only the first
    entry of a list mean it.
    """

    type: str
    id: Template
    time: Value | None = None
    data: dict[str, Value] = {}
    constants: dict[str, Any] = {}
    templates: dict[str, Template] = {}
    when: Conditions | None = None
    unless: Conditions | None = None
    require: tuple[str, ...] = ()
    once: bool = False

    def holds(self, scope: Mapping[str, Any]) -> bool:
        return hold(self.when, scope) and not (self.unless is not None and self.unless.hold(scope))


class Entries(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A list inside a record (a parcel's scans, an order's parcels), each entry of which has facts of its own. `group`
    puts those with one value there together, as the `lines` of one entry."""

    path: Path
    time: Value
    facts: dict[str, Fact]
    group: Path | None = None
    newest_first: bool = False


class Message(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One kind of what is sent: recognised by `when`, made of `records`, each of which means facts.

    With `status`, `statuses` says which facts each of them means, and one that isn't listed is news for a person;
    else every fact whose conditions hold is meant. `reference` gives `platform/shop/order` where a service knows no
    order. `group` puts the records with one value there together, as `lines`. `as_push` maps each record as the push
    that stands there.
    """

    name: str
    transport: Literal["push", "poll"] = "push"
    when: Conditions | None = None
    unpack: str | None = None
    records: Path | None = None
    group: Path | None = None
    as_push: Path | None = None
    skip: Conditions | None = None
    shop: Value | None = None
    order: Value | None = None
    time: Value | None = None
    reference: Value | None = None
    status: Value | None = None
    statuses: dict[str, tuple[str, ...]] = {}
    entries: list[Entries] = []
    facts: dict[str, Fact] = {}


class Body(Struct, forbid_unknown_fields=True, frozen=True):
    """How a push's body becomes documents: JSON, or JSON text in the field `form` of a form; `records` where one body
    holds several messages; `unpack` names a field that may hold JSON as text."""

    form: str | None = None
    records: Path | None = None
    unpack: str | None = None


class Signature(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What proves where a push comes from: `signed`, hashed, equals what stands in a header or a form field.

    In `signed`, `{body}` is the bytes as received, `{header.NAME}` and `{form.NAME}` what was sent there, any other
    name a credential. `key` names the credential that keys an HMAC; `key_form` nfkd normalises it, base64 decodes it
    (after `whsec_`). Where nothing is signed, `senders` are the networks that may call.
    """

    method: Literal["hmac-sha256", "sha256", "md5", "none"]
    signed: str = "{body}"
    key: str | None = None
    key_form: Literal["text", "nfkd", "base64"] = "text"
    written: Literal["hex", "base64", "base64 of hex"] = "hex"
    prefix: str = ""
    header: str | None = None
    form: str | None = None
    any_case: bool = False
    equal_headers: dict[str, str] = {}
    senders: tuple[str, ...] = ()


class Answer(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What a sender wants to hear, the first whose `when` holds. In `json`, texts are templates; `{now}` is the time
    written as `now` says, in the file's zone."""

    when: Conditions | None = None
    status: int = 200
    content_type: str | None = None
    body: str = ""
    json: dict[str, Any] | None = None
    now: str = "%Y-%m-%dT%H:%M:%SZ"


class ApiSignature(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """HMAC-SHA256 in hexadecimal, keyed by the credential `key`, sent as the parameter `sign`.

    In `signed`, `{path}` is the call's path, `{pairs}` all parameters in the order of their names, each name and value
    with nothing between, `{body}` the bytes sent; any other place is a parameter or a name that calls may use.
    """

    key: str
    signed: str
    upper: bool = False


class Call(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One request to an API. Texts are filled in: `{shop}`, `{access_token}`, credentials, `{from_s}` and so on (see
    `polling.requests`); `{name:int}` makes a number. What has an empty place is left out.

    `parameters` go into the query, or into the body as a form. A call `of_app` is sent without the shop's credentials
    and token, a `plain` one without signature and what else calls share.
    """

    path: str
    method: Literal["GET", "POST"] = "GET"
    host: str | None = None
    parameters: dict[str, Any] = {}
    form: bool = False
    body: dict[str, Any] | None = None
    of_app: bool = False
    plain: bool = False


class Token(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How an access token is had from a refresh token, and where both stand in the answer. `expires` is an epoch time,
    or the seconds it lives."""

    call: Call
    access: Path
    refresh: Path
    expires: Path


class Poll(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One thing that is read again and again.

    `documents` are what is mapped, one by one, of each answer. With `changed` (the times of change in an answer), what
    has changed since the last mark is read; without, what there is, each `every_min`. With `detail`, the `ids` of a
    list's answer are asked for by so many as a `batch`, and those answers are mapped, `after_details` the list's own.

    `paging`: `cursor` (the answer's `next`, while it has `more`, if that is told), `backward` (numbered, from the last
    of the `pages` to the first, as what leaves a list moves the rest to the front), `onward` (in order of change: the
    next page starts at the newest change of a full one of `size` records, which `listed` gives), or `confirm` (the next
    comes when `confirm` was sent with the `next` of the last).
    """

    call: Call
    documents: Path
    changed: Path | None = None
    every_min: int | None = None
    paging: Literal["once", "cursor", "backward", "onward", "confirm"] = "once"
    next: Path | None = None
    more: Path | None = None
    pages: Path | None = None
    listed: Path | None = None
    size: int = 100
    ids: Path | None = None
    detail: Call | None = None
    batch: int = 50
    after_details: Path | None = None
    confirm: Call | None = None
    of_app: bool = False


class Verdicts(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What an answer says of the call. Conditions see the answer and `_status`; 429 and 5xx always mean "slow down",
    401 "token expired". `quota` means that the day's calls are used up, until midnight in `quota_zone`. `code` is the
    platform's word for what is wrong."""

    ok: Conditions
    slow_down: Conditions | None = None
    expired: Conditions | None = None
    quota: Conditions | None = None
    quota_zone: str = "UTC"
    code: Path | None = None


class Api(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A platform's API: what every call has, how it is signed, how many there may be in a minute, and what is read.

    `credentials` are the app's, `shop_credentials` a shop's; `secrets` are those of both that nobody else may know.
    With a `token`, a shop has a `refresh_token` too.
    """

    host: str
    credentials: tuple[str, ...] = ()
    shop_credentials: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    signature: ApiSignature | None = None
    answers: Verdicts
    per_min: int = 60
    token: Token | None = None
    polls: dict[str, Poll]


class SourceFile(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One platform or tracking service. `zone` is that of times that name none; `shop`, `order` and `time` hold for
    messages that don't say. `answer_within_ms` is how long a sender may be kept waiting. `settings` are those of its
    own that an app may have, with what they may be. `api` says how the platform is polled."""

    source: str
    platform: str | None = None
    zone: str = "UTC"
    body: Body = Body()
    signature: Signature | None = None
    answers: list[Answer] = []
    answer_within_ms: int = 5_000
    shop: Value | None = None
    order: Value | None = None
    time: Value | None = None
    tables: dict[str, dict[str, str | None]] = {}
    settings: dict[str, tuple[str, ...]] = {}
    api: Api | None = None
    messages: list[Message]


def convert(written: Any, kind: type[_T]) -> _T:
    """Raises msgspec.ValidationError, which names the place."""
    return msgspec.convert(written, kind, dec_hook=_of_own_type)


def _of_own_type(kind: type, written: Any) -> Any:
    if kind in (Path, Value, Conditions, Template):
        return kind(written)
    raise NotImplementedError(kind)


def look_up(table: Mapping[str, _T], found: str) -> tuple[bool, _T | None]:
    """Whether a table knows a word, and what for. Case doesn't matter; `*` in a key stands for any text."""
    wanted = found.casefold()
    for key, meant in table.items():
        if key.casefold() == wanted:
            return True, meant
    for key, meant in table.items():
        if "*" in key and wanted and fnmatchcase(wanted, key.casefold()):
            return True, meant
    return False, None
