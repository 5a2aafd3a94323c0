"""The language of source files: what a platform or carrier sends, and which events it means.

Paths are JMESPath expressions over a record. Beside the record's own fields they see `_body` (what it came in),
`_entry` (of a list of scans), `_query` (of the URL) and `_setting` (shop, zone, shipped_at and so on).
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from streams.feeds.api_language import Api
from streams.feeds.expressions import Conditions, Template, Value, hold
from streams.feeds.paths import Path


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


Notice = Literal["authorisation_ending", "authorisation_withdrawn", "pushes_failing"]


class Numbers(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Tracking numbers in a record, to be registered with a tracking service: in each part of a list (`each`, seen as
    `_entry`), or one. Where `over` holds, nobody waits for the order's parcels any more: they are released. Where
    `again` does, the service has stopped following the number, and is told of it once more."""

    each: Path | None = None
    tracking_no: Value | None = None
    carrier: Value | None = None
    over: Conditions | None = None
    again: Conditions | None = None


class Message(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One kind of what is sent: recognised by `when`, made of `records`, each of which means facts.

    With `status`, `statuses` says which facts each of them means, and one that isn't listed is news for a person;
    else every fact whose conditions hold is meant. `reference` gives `platform/shop/order` where a service knows no
    order. `group` puts the records with one value there together, as `lines`. `as_push` maps each record as the push
    that stands there. `fetch` names the call of the API that tells more of the order than this push does. `notice` is
    what the operator is to be told.
    """

    name: str
    transport: Literal["push", "poll"] = "push"
    when: Conditions | None = None
    unpack: str | None = None
    records: Path | None = None
    group: Path | None = None
    as_push: Path | None = None
    fetch: str | None = None
    numbers: Numbers | None = None
    notice: Notice | None = None
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


class SourceFile(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One platform or tracking service. `zone` is that of times that name none; `shop`, `order` and `time` hold for
    messages that don't say. `answer_within_ms` is how long a sender may be kept waiting. `settings` are those of its
    own that an app may have, with what they may be. `api` says how the platform is polled. `handshake` is what the
    platform sends to try an address, and means nothing."""

    source: str
    platform: str | None = None
    zone: str = "UTC"
    body: Body = Body()
    signature: Signature | None = None
    answers: list[Answer] = []
    handshake: dict[str, Any] | list[Any] | None = None
    answer_within_ms: int = 5_000
    shop: Value | None = None
    order: Value | None = None
    time: Value | None = None
    tables: dict[str, dict[str, str | None]] = {}
    settings: dict[str, tuple[str, ...]] = {}
    api: Api | None = None
    messages: list[Message]
