"""What is asked and answered among workers, as it lies in the topic of questions."""

from typing import Literal

import msgspec
from msgspec import Raw, Struct


class AboutOrder(Struct, tag="order", frozen=True):
    """What there is to say of one order."""

    platform: str
    shop: str
    order: str


class WhoseNumber(Struct, tag="number", frozen=True):
    """Which orders have a number, or a parcel of that number."""

    number: str


class SetPacked(Struct, tag="packed", frozen=True):
    """That an order is packed, or with `packed` False that it isn't. `at` is a wall-clock instant."""

    platform: str
    shop: str
    order: str
    packed: bool
    at: str
    by: str | None = None


class WholeList(Struct, tag="list", frozen=True):
    """All that waits in one shop: the orders to ship, or the parcels that wait for their carrier's scan."""

    platform: str
    shop: str
    for_carrier: bool


Question = AboutOrder | WhoseNumber | SetPacked | WholeList


class Asked(Struct, tag="asked", frozen=True):
    """A question to whoever has the partition it lies in. `until_ms` (wall clock): nobody waits for longer."""

    id: str
    until_ms: int
    question: Question


class Answer(Struct, frozen=True):
    """`status` is one of HTTP; `body` JSON if it is 200, else `problem` says why it isn't. `offset` is where a tick was
    written, if one was."""

    status: Literal[200, 404, 409, 503]
    body: Raw = Raw(b"null")
    problem: str = ""
    offset: int | None = None


class Answered(Struct, tag="answered", frozen=True):
    id: str
    partition: int
    answer: Answer


decode = msgspec.json.Decoder(Asked | Answered).decode
encode = msgspec.json.Encoder().encode
