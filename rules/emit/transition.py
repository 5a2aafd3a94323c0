"""Transitions: the changes between what was last emitted and what is desired."""

from msgspec import Struct

from rules.kinds.deadline.timer import Timer
from rules.kinds.evaluation import Evidence
from rules.kinds.rule import Rule
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason
from rules.state.shop import Order, Shop

OrderContext = tuple[Timer, Order, int | None]
"""What the evidence of a deadline's alert is made of: the rule's timer, the order, and when it is due (epoch ms)."""


class Transition(Struct, frozen=True, gc=False):
    """One change of an alert, by its id. `about` is the evidence, or what it is made of. An alert that ends has no
    `desired` state."""

    shop: Shop
    alert: str
    rule: Rule
    about: Evidence | OrderContext
    last_emitted: Emitted | None
    desired: Desired | None
    reason: Reason
    at_ms: int
