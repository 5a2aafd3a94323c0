"""What a pack writes of tasks: what a seller owes the marketplace or a buyer once something has happened."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from rules.calendar.durations import Duration
from rules.kinds.deadline.spec import Warn
from rules.kinds.occurrences.spec import OccurrenceSpec, OfOccurrences
from rules.kinds.rule import FieldDiagnostic, Rule, Sanction


class TasksSpec(OfOccurrences, Rule, kw_only=True, frozen=True):
    """After each event `after` (or each order `of`), all of `tasks` are to be done `within` a time, each ticked off by
    a `task.done`; after `deposit.deducted`, the deposit is to be topped up. The alert is `due_soon` from the start,
    with rising severity by `warn`, then `overdue`, for `lasts` at most. `sanction` begins when it is overdue and ends
    when it is done."""

    after: Literal["emergency.declared", "deposit.deducted"] | None = None
    of: OccurrenceSpec | None = None
    tasks: tuple[str, ...] = ()
    within: Duration
    warn: tuple[Warn, ...]
    lasts: Duration
    sanction: Sanction | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "order", "subject", "due", "left", "within_h", "sanction"})
    DATED: ClassVar[bool] = True
    WARNED: ClassVar[frozenset[str]] = frozenset({"due_soon"})

    def retention_ms(self) -> int:
        return int(self.within + self.lasts)

    def events(self) -> set[str]:
        done = "deposit.topped_up" if self.after == "deposit.deducted" else "task.done"
        return {done, *([self.after] if self.after else []), *super().events()}

    def stages(self) -> tuple[str, ...]:
        return "due_soon", "overdue"

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        if (self.after is None) == (self.of is None):
            yield "after", "tasks follow either an event (`after`) or what happens to orders (`of`)"
        if self.of is not None:
            yield from (("of", message) for message in self.of.diagnostics())
        if (self.after == "deposit.deducted") is bool(self.tasks):
            yield "tasks", "names what is to be done; after deposit.deducted that is to top it up"
        if int(self.within) <= 0:
            yield "within", "must be longer than nothing"
        if not any(each.before >= self.within for each in self.warn):
            yield "warn", f"the first applies from the start, so `before` is {self.within} or more"
