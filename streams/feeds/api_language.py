"""The language of source files, as far as APIs go: calls, how they are signed and answered, and what is read."""

from typing import Any, Literal

from msgspec import Struct

from streams.feeds.expressions import Conditions
from streams.feeds.paths import Path


class ApiSignature(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """HMAC-SHA256 keyed by the credential `key`, or the MD5 of what is `signed`, sent as `parameter`.

    In `signed`, `{path}` is the call's path, `{pairs}` all parameters in the order of their names, each name and value
    with nothing between, `{body}` the bytes sent; any other place is a parameter or a name that calls may use.
    """

    key: str
    signed: str
    method: Literal["hmac-sha256", "md5"] = "hmac-sha256"
    written: Literal["hex", "base64 of hex"] = "hex"
    upper: bool = False
    parameter: str = "sign"


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
    body: dict[str, Any] | list[Any] | str | None = None
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


class Fetch(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How orders are asked for by their `ids`, at most `batch` at once: `documents` are what is mapped, one by one, of
    an answer. With a batch of 1, `{ids}` is the one."""

    call: Call
    documents: Path
    batch: int = 1


class Verdicts(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What an answer says of the call. Conditions see the answer and `_status`; 429 and 5xx always mean "slow down",
    401 "token expired". `known` means that what was asked for is so already, `quota` that the day's calls are used up,
    until midnight in `quota_zone`. `code` is the platform's word for what is wrong.
    """

    ok: Conditions
    known: Conditions | None = None
    slow_down: Conditions | None = None
    expired: Conditions | None = None
    quota: Conditions | None = None
    quota_zone: str = "UTC"
    code: Path | None = None


class Registration(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How a tracking service is told to follow numbers, so that it pushes their news with our reference.

    The call may name `{tracking_no}`, `{carrier}` (as the service calls it, by `carriers`), `{reference}`, which is
    `platform/shop/order`, and `{reference_in_url}`; for a `batch` of more than 1 these stand in `each`, and `{numbers}`
    in the call is the list of them. Of a batch, `rejected` are those that were not taken, each with its `number` and a
    `code`: `known` ones say that it is followed already, `quota` ones that no more are taken. `release` lets one
    number go, `again` has one followed that it has stopped to follow, where `call` doesn't. `check` is a call that
    changes nothing.
    """

    call: Call
    batch: int = 1
    each: dict[str, Any] = {}
    rejected: Path | None = None
    number: Path | None = None
    code: Path | None = None
    known: tuple[int | str, ...] = ()
    quota: tuple[int | str, ...] = ()
    release: Call | None = None
    again: Call | None = None
    check: Call | None = None
    carriers: dict[str, str] = {}
    needs_carrier: bool = False


class Api(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A platform's API: what every call has, how it is signed, how many there may be in a minute, and what is read.

    `credentials` are the app's, `shop_credentials` a shop's; `secrets` are those of both that nobody else may know.
    With a `token`, a shop has a `refresh_token` too. `fetches` are what messages name that tell less than the API.
    `optional` are credentials that may be left out. A tracking service has a `registration`.
    """

    host: str
    credentials: tuple[str, ...] = ()
    shop_credentials: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    signature: ApiSignature | None = None
    answers: Verdicts
    per_min: int = 60
    token: Token | None = None
    polls: dict[str, Poll] = {}
    fetches: dict[str, Fetch] = {}
    registration: Registration | None = None
