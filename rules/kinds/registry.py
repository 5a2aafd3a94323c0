"""The kinds of rule that packs may use, one line each."""

from msgspec import Struct

from rules.kinds.count.kind import CountRule
from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.event import EventRule
from rules.kinds.ledger.kind import Ledger
from rules.kinds.level import Level
from rules.kinds.ratio.kind import Ratio
from rules.kinds.route import Route
from rules.kinds.rule import Locale
from rules.kinds.spacing import Spacing
from rules.kinds.streak import Streak
from rules.kinds.tasks.kind import Tasks
from rules.kinds.unwatched import Unwatched

AnyRule = (
    Deadline  # an order's: something must have happened by then
    | Silence  # an order's: its carrier must keep reporting
    | Ratio  # bad orders of all orders in a window
    | CountRule  # so many of something
    | Level  # a figure that falls below or rises above a value
    | EventRule  # something of which each occurrence is an alert
    | Tasks  # what is owed once something has happened
    | Spacing  # a price that must hold before a promotion
    | Streak  # a ratio kept up for several periods in a row
    | Route  # a carrier's trouble
    | Ledger  # penalty points
)
"""What a pack's `rules` may be."""


class InForce(Struct, frozen=True):
    """A rule as it holds for a shop, with the place whose days it goes by and the time it is in effect."""

    rule: AnyRule | Unwatched
    locale: Locale
    site: str | None = None
