"""What every rule has, whatever its kind: its parameters, and what validation and plans ask of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct

from rules.calendar.durations import Duration, Share
from rules.calendar.instants import DAY_MS, MIN_MS, NEVER
from rules.messages.alerts import Addressee, Severity
from rules.messages.text import visible

FieldDiagnostic = tuple[str, str]
"""`(where in the rule, message)`."""

Role = Literal["deadline rule", "deadline rule (no silence)", "ratio", "ledger", "level or count"]
"""What a rule can be to others that name it, in the words in which a pack's author is told that it isn't."""

Confidence = Literal["article", "platform_help", "ours"]
"""Where a value comes from: the seed article, the platform's own help pages, or our reading of them."""

Title = Annotated[str, Meta(min_length=1, max_length=60)]
"""A short name, for the rows of a list."""

Text = Annotated[str, Meta(min_length=1, max_length=400)]
"""A sentence."""


class Advice(Struct, forbid_unknown_fields=True, frozen=True):
    """What somebody should do, and at which stages (all when none are named)."""

    to: Addressee
    do: str
    at: tuple[str, ...] = ()


class Money(Struct, forbid_unknown_fields=True, frozen=True):
    """A sum: a decimal in a currency."""

    amount: Decimal
    currency: str


class Cost(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace takes: a share of each bad order's amount (at most `cap` of it), points in a ledger, or
    something put in words."""

    share: Share | None = None
    cap: Money | None = None
    points: Decimal | None = None
    ledger: str | None = None
    effect: str | None = None


class Sanction(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace does, and for how long; for good where no length is given."""

    name: str
    lasts: Duration | None = None

    def until_ms(self, from_ms: int) -> int:
        return NEVER if self.lasts is None else from_ms + self.lasts


class Named(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What people read in place of a rule's id or a clause's: `title` is a short name, and `text` says in a sentence
    what the platform demands. Both are English; with `_zh` they are Chinese."""

    title: Title | None = None
    title_zh: Title | None = None
    text: Text | None = None
    text_zh: Text | None = None

    def texts(self) -> dict[str, str]:
        """What the platform demands, by language; empty where the pack doesn't say."""
        text = self.text or ""
        return {"en": text, "zh": self.text_zh or text}

    def naming_diagnostics(self) -> Iterator[FieldDiagnostic]:
        """What can't be shown in a line, or lacks its English."""
        for field in ("title", "title_zh", "text", "text_zh"):
            words = getattr(self, field)
            if words is not None and (words.strip() != words or visible(words) != words):
                yield field, f"{field} is one line of visible text, without spaces around it"
        for field in ("title", "text"):
            if getattr(self, f"{field}_zh") is not None and getattr(self, field) is None:
                yield f"{field}_zh", f"{field}_zh goes with {field}"


class Rule(Named, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What YAML says of a rule; each kind is a subclass, listed in `registry.py`. Its methods say all that others need
    to know of the kind, so that nobody asks which one it is.

    `clause` is the paragraph of RULES.md; `summary` one line per stage, with {names} filled in.

    `link` is the platform's own page about it.

    `sites` and `programmes` say where it applies (everywhere when empty), `effective_from` and `effective_to` (a
    local date, the second not in it) when.
    """

    id: str
    clause: str
    link: str | None = None
    source: str
    confidence: Confidence
    severity: dict[str, Severity] = {}
    summary: dict[str, str] = {}
    actions: tuple[Advice, ...] = ()
    penalty: Cost | None = None
    sites: tuple[str, ...] = ()
    programmes: tuple[str, ...] = ()
    effective_from: str | None = None
    effective_to: str | None = None

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop"})
    """What its summaries can name."""

    ROLES: ClassVar[frozenset[Role]] = frozenset()
    """What it can be to rules that name it."""

    PER_ORDER: ClassVar[bool] = False
    """It speaks of orders, each by itself; the others speak of a shop."""

    DATED: ClassVar[bool] = False
    """Versions of it can take turns by date; of other kinds a shop has one version for good."""

    HAS_FIGURES: ClassVar[bool] = False
    """While an alert of it is open, its value, headroom and money are kept current."""

    WARNED: ClassVar[frozenset[str]] = frozenset()
    """Stages whose severity is written in `warn`, not in `severity`."""

    def summary_names(self, stage: str) -> frozenset[str]:
        """What the summary of a stage can name."""
        return self.NAMES - {"until"} if stage == "near" else self.NAMES

    def titles(self) -> dict[str, str]:
        """Its short name by language: without a title made from its id, and without a Chinese one the English."""
        title = self.title or self.id.rpartition(".")[2].replace("_", " ").capitalize()
        return {"en": title, "zh": self.title_zh or title}

    def cited(self) -> Iterator[tuple[str, Named]]:
        """The clauses it cites, each with what it is called here; empty where it isn't."""
        yield self.clause, self

    def clauses(self) -> Iterator[tuple[str, str]]:
        """The clauses it cites, as (field, clause)."""
        yield "clause", self.clause

    def stages(self) -> tuple[str, ...]:
        """The stages it can reach, from the mildest on."""
        return ()

    def diagnostics(self) -> Iterator[FieldDiagnostic]:
        """What contradicts itself in it."""
        return iter(())

    def calendar_diagnostics(self, calendars: Sequence[str | None]) -> Iterator[FieldDiagnostic]:
        """What contradicts the calendars of its pack and of each of the pack's sites; None where one has none."""
        return iter(())

    def references(self) -> Iterator["Reference"]:
        """The rules of its pack that it names."""
        return iter(())

    def depends_on(self) -> set[str]:
        """Ids of the rules it looks at."""
        return set()

    def events(self) -> set[str]:
        """Types of the shop's own events it looks at."""
        return set()

    def retention_ms(self) -> int:
        """How long what happened matters to it (ms); `NEVER`: for good."""
        return 400 * DAY_MS

    def span_ms(self) -> int:
        """How far back an order can lie and still matter to it (ms)."""
        return 0

    def crosses(self) -> bool:
        """True where others may look at each time its value goes above its limit."""
        return False

    def never_ends(self) -> bool:
        """True where what it opens stays open for good."""
        return False

    def shown_at(self) -> tuple[str, str]:
        """Where a shop's standing shows its figures: the part, and the key in it."""
        return "metrics", self.clause


def _no_diagnostics(_: Rule) -> Iterable[FieldDiagnostic]:
    return ()


class Reference(NamedTuple):
    """Another rule, named `where` in a rule. It must have the `role`, and nothing that `check` finds wrong with it.

    It is named for shops of these `sites`, or wherever the rule is in force; where it is `needed`, it must be in force
    for all of these shops.
    """

    where: str
    rule: str
    role: Role
    check: Callable[[Rule], Iterable[FieldDiagnostic]] = _no_diagnostics
    sites: tuple[str, ...] = ()
    needed: bool = True


class Effective(Struct, frozen=True):
    """When a version of a rule is in force (epoch ms), `to_ms` not in it."""

    from_ms: int = MIN_MS
    to_ms: int = NEVER

    def at(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms < self.to_ms


ALWAYS = Effective()


class Locale(Struct, frozen=True):
    """Whose days and holidays a rule goes by."""

    zone: str
    calendar: str | None
    effective: Effective = ALWAYS
