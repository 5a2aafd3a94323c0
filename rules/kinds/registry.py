"""The kinds of rule that packs may use, one line each."""

from msgspec import Struct

from rules.kinds.count import Marks
from rules.kinds.deadline.spec import Deadline, Silence
from rules.kinds.event import Occurrence
from rules.kinds.ledger.spec import Ledger
from rules.kinds.level import Level
from rules.kinds.ratio.spec import Ratio
from rules.kinds.route import Route
from rules.kinds.rule import Place
from rules.kinds.spacing import Spacing
from rules.kinds.streak import Streak
from rules.kinds.tasks import Tasks

AnyRule = Deadline | Silence | Ratio | Marks | Level | Occurrence | Tasks | Spacing | Streak | Route | Ledger


DATED = (Deadline, Silence, Ratio, Occurrence, Tasks, Spacing)
"""Kinds whose versions can take turns by date; of the others a shop has one version for good."""


class InForce(Struct, frozen=True):
    """A rule as it holds for a shop, with the place whose days it goes by and the time it is in effect."""

    rule: AnyRule
    place: Place
    site: str | None = None
