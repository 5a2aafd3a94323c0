"""The penalty ledger: points from several feeds, posted at their moments, cleared by calendar or age, and the tiers
that start sanctions which outlive the clearing."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from msgspec import Struct

from rules.alerts import Cause, Emitted, Open
from rules.durations import Duration
from rules.instants import NEVER, rfc3339
from rules.kinds.feeds import Feed, FeedReader, Posting
from rules.kinds.ratio_judge import ORDERS_SHOWN
from rules.kinds.rule import Case, Place, Rule, Said, Sanction, Verdict
from rules.windows import next_border

if TYPE_CHECKING:
    from rules.watch import Shop


class PointsTier(Struct, forbid_unknown_fields=True, frozen=True):
    """At so many points (`at`) this sanction begins."""

    name: str
    at: Decimal
    lasts: Duration | None = None

    def sanction(self) -> Sanction:
        return Sanction(self.name, self.lasts)


class Ledger(Rule, tag="ledger", tag_field="kind", kw_only=True, frozen=True):
    """Points under the name `ledger`.

    `posts`: when what happened is put down (`at_once`, or at the next local `day`, `week`…). `clears`: at which borders
    all points go (at such a border they go first and are posted then, or the other way round where
    `posts_before_clearing`). `expires`: each posting goes after so long. `clears_after`: all go so long after the first
    of them, unless they have come to `unless` by then. `near` says a word when no more than so many points are left to
    the next of `tiers`.
    """

    ledger: str
    feeds: tuple[Feed, ...]
    posts: Literal["at_once", "day", "week", "month"] = "at_once"
    clears: Literal["month", "quarter", "year", "first_monday_of_quarter"] | None = None
    posts_before_clearing: bool = False
    expires: Duration | None = None
    clears_after: Duration | None = None
    unless: Decimal | None = None
    near: Decimal | None = None
    tiers: tuple[PointsTier, ...] = ()

    NAMES: ClassVar[frozenset[str]] = frozenset(
        {"shop", "value", "threshold", "headroom", "sanction", "until", "tier", "ledger"}
    )

    def leans_on(self) -> set[str]:
        return set().union(*(feed.leans_on() for feed in self.feeds))

    def span_ms(self) -> int:
        return 0  # orders whose marks still count are kept for the marks' sake

    def stages(self) -> tuple[str, ...]:
        if not self.tiers:
            return ()
        return ("active",) if self.near is None else ("near", "active")

    def complaints(self) -> Iterator[tuple[str, str]]:
        for n, feed in enumerate(self.feeds):
            yield from ((f"feeds[{n}]{where}", message) for where, message in feed.complaints())
        if not self.feeds:
            yield "feeds", "a ledger without feeds never has points"
        for n, (lower, upper) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), start=1):
            if upper.at <= lower.at:
                yield f"tiers[{n}]", f"tiers are out of order: {upper.name} must lie above {lower.name}"
        if sum(each is not None for each in (self.clears, self.expires, self.clears_after)) > 1:
            yield "expires", "points go in one way: clears, expires or clears_after"
        if self.unless is not None and self.clears_after is None:
            yield "unless", "goes with clears_after"
        if self.near is not None and not self.tiers:
            yield "near", "is said before a tier, and there are none"
        if self.posts_before_clearing and self.clears is None:
            yield "posts_before_clearing", "goes with clears"


class Balance(Struct):
    """A ledger at a moment: its points, the postings they are made of, and the sanctions that began so far."""

    points: Decimal
    postings: list[Posting]
    sanctions: list[tuple[PointsTier, int, Decimal, list[Posting]]]
    clears_ms: int | None = None


class LedgerJudge:
    """A ledger rule, ready to judge a shop."""

    def __init__(self, n: int, rule: Ledger, readers: list[FeedReader], place: Place) -> None:
        self.n = n
        self.rule = rule
        self.readers = readers
        self.zone = place.zone
        #: The judges (as bits) that lean on its points.
        self.leaning = 0

    # -- what was posted --------------------------------------------------------------------------------------

    def _posted(self, shop: "Shop", at_ms: int) -> list[Posting]:
        """All postings up to a moment, in time."""
        found = [self._at_its_moment(posting) for reader in self.readers for posting in reader.postings(shop, at_ms)]
        reports = [each for reader in self.readers for each in reader.reports(shop, self.rule.ledger, at_ms)]
        posted = [posting for posting in found if posting.at_ms <= at_ms] + self._raised(found, reports)
        return sorted(posted, key=Posting.place)

    def _at_its_moment(self, posting: Posting) -> Posting:
        if self.rule.posts == "at_once" or "step" in posting.shown:  # what is computed is posted when it is
            return posting
        at_ms = next_border(self.rule.posts, posting.happened_ms, self.zone)
        return Posting(at_ms, posting.clause, posting.happened_ms, posting.points, posting.shown)

    def _raised(self, found: list[Posting], reports: list[Posting]) -> list[Posting]:
        """What is missing of the totals that the platform has shown."""
        raised: list[Posting] = []
        for report in sorted(reports, key=Posting.place):
            before = [each for each in [*found, *raised] if each.at_ms <= report.at_ms]
            have = self._balance(sorted(before, key=Posting.place), report.at_ms)
            if report.points > have.points:
                missing = report.points - have.points
                raised.append(Posting(report.at_ms, report.clause, report.happened_ms, missing, report.shown))
        return raised

    def _balance(self, posted: list[Posting], at_ms: int) -> Balance:
        """Goes through the postings in time: what is cleared, what expires, which tiers are reached."""
        live: list[Posting] = []
        sanctions: list[tuple[PointsTier, int, Decimal, list[Posting]]] = []
        for posting in posted:
            live = self._left(live, posting.at_ms)
            before = sum((each.points for each in live), Decimal())
            live.append(posting)
            after = before + posting.points
            reached = [tier for tier in self.rule.tiers if before < tier.at <= after]
            if reached:
                while sanctions and sanctions[-1][1] == posting.at_ms and sanctions[-1][0].at < reached[-1].at:
                    sanctions.pop()  # several postings of one instant are one step
                sanctions.append((reached[-1], posting.at_ms, after, list(live)))
            elif sanctions and sanctions[-1][1] == posting.at_ms:
                sanctions[-1] = (sanctions[-1][0], posting.at_ms, after, list(live))
        live = self._left(live, at_ms)
        points = sum((each.points for each in live), Decimal())
        return Balance(points, live, sanctions, self._clears_ms(live, at_ms) if live else None)

    def _left(self, live: list[Posting], at_ms: int) -> list[Posting]:
        """The postings that still count at a moment."""
        rule = self.rule
        if not live:
            return live
        if rule.expires is not None:
            return [each for each in live if at_ms < each.at_ms + rule.expires]
        if rule.clears is not None:
            return [each for each in live if self._cleared_after(each) > at_ms]
        if rule.clears_after is not None and at_ms >= live[0].at_ms + rule.clears_after:
            end = live[0].at_ms + rule.clears_after
            total = sum((each.points for each in live if each.at_ms < end), Decimal())
            if rule.unless is None or total < rule.unless:
                return [each for each in live if each.at_ms >= end]
        return live

    def _cleared_after(self, posting: Posting) -> int:
        """The border at which a posting goes (epoch ms)."""
        assert self.rule.clears is not None
        if self.rule.posts_before_clearing:  # what is posted at the border goes with the rest, a moment later
            return next_border(self.rule.clears, posting.at_ms - 1, self.zone) + 1
        return next_border(self.rule.clears, posting.at_ms, self.zone)

    def _clears_ms(self, live: list[Posting], at_ms: int) -> int | None:
        rule = self.rule
        if rule.expires is not None:
            return live[0].at_ms + rule.expires
        if rule.clears is not None:
            return next_border(rule.clears, at_ms, self.zone)
        if rule.clears_after is None:
            return None
        end = live[0].at_ms + rule.clears_after
        for_good = rule.unless is not None and sum(each.points for each in live) >= rule.unless
        return None if for_good or end <= at_ms else end

    def balance(self, shop: "Shop", at_ms: int) -> Balance:
        return self._balance(self._posted(shop, at_ms), at_ms)

    def points(self, shop: "Shop", at_ms: int) -> Decimal:
        return self.balance(shop, at_ms).points

    # -- judging --------------------------------------------------------------------------------------------

    def judge(self, shop: "Shop", at_ms: int) -> Said:
        if not self.rule.tiers and not self.leaning:
            return [], NEVER  # nothing follows from its points: they are reckoned when they are asked for
        balance = self.balance(shop, at_ms)
        if balance.points != shop.points.get(self.n):
            shop.points[self.n] = balance.points
            shop.stale |= self.leaning
        verdicts = []
        severity = self.rule.severity
        tier = self._next_tier(balance.points)
        if (
            self.rule.near is not None
            and tier is not None
            and balance.points
            and tier.at - balance.points <= self.rule.near
        ):
            verdicts.append(Verdict(Open("near", severity["near"]), "threshold_near"))
        for reached, from_ms, _, _ in balance.sanctions:
            until = reached.sanction().until_ms(from_ms)
            if at_ms < until:
                opened = Open("active", severity["active"], until_ms=until, tier=reached.name)
                verdicts.append(Verdict(opened, "sanction_started", episode=rfc3339(from_ms)))
        return verdicts, self._turn(shop, balance, at_ms)

    def _turn(self, shop: "Shop", balance: Balance, at_ms: int) -> int:
        turns = [reached.sanction().until_ms(from_ms) for reached, from_ms, _, _ in balance.sanctions]
        turns += [] if balance.clears_ms is None else [balance.clears_ms]
        waiting = [self._at_its_moment(each) for reader in self.readers for each in reader.postings(shop, NEVER)]
        turns += [each.at_ms for each in waiting]
        turns += [each.at_ms for reader in self.readers for each in reader.reports(shop, self.rule.ledger, NEVER)]
        return min((turn for turn in turns if turn > at_ms), default=NEVER)

    def _next_tier(self, points: Decimal) -> PointsTier | None:
        return next((tier for tier in self.rule.tiers if points < tier.at), None)

    def headroom(self, points: Decimal) -> float | None:
        """Points left to the next tier; not above nothing when past the last."""
        if not self.rule.tiers:
            return None
        return float((self._next_tier(points) or self.rule.tiers[-1]).at - points)

    def case(self, shop: "Shop", verdict: Verdict, at_ms: int) -> Case:
        balance = self.balance(shop, at_ms)
        began = next((each for each in balance.sanctions if rfc3339(each[1]) == verdict.episode), None)
        points, postings = (balance.points, balance.postings) if began is None else (began[2], began[3])
        tier = began[0] if began is not None else self._next_tier(points) or next(iter(self.rule.tiers[-1:]), None)
        evidence: dict[str, Any] = {
            "ledger": self.rule.ledger,
            "points": float(points),
            "postings": [posting.as_json() for posting in postings[-ORDERS_SHOWN:]],
            "postings_total": len(postings),
        }
        threshold = None if tier is None else float(tier.at)
        names = {
            "value": f"{float(points):g}",
            "threshold": "-" if threshold is None else f"{threshold:g}",
            "headroom": self.headroom(points),
            "sanction": None if tier is None else tier.name,
            "tier": None if tier is None else tier.name,
            "ledger": self.rule.ledger,
        }
        case = Case(evidence, names, None, float(points), threshold, self.headroom(balance.points))
        case.points, case.ledger = points, self.rule.ledger
        return case

    def cause_of_end(self, shop: "Shop", said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        if said.until_ms is not None:
            return "sanction_ended" if at_ms >= said.until_ms else "evidence_arrived"
        balance = self.balance(shop, at_ms)
        just_now = any(from_ms == at_ms for _, from_ms, _, _ in balance.sanctions)
        return "threshold_crossed" if just_now else "period_ended" if not balance.points else "fell_back"

    def metric(self, shop: "Shop", at_ms: int) -> dict[str, Any] | None:
        return None

    def entry(self, shop: "Shop", at_ms: int) -> dict[str, Any]:
        """As a shop's standing shows it."""
        balance = self.balance(shop, at_ms)
        entry: dict[str, Any] = {"points": float(balance.points)}
        if balance.postings:
            entry["since"] = rfc3339(balance.postings[0].at_ms)
            entry["resets_at"] = None if balance.clears_ms is None else rfc3339(balance.clears_ms)
        tier = self._next_tier(balance.points)
        if self.rule.tiers:
            entry |= {"next_tier": None if tier is None else tier.name, "headroom": self.headroom(balance.points)}
        return entry

    def sanctions(self, shop: "Shop", at_ms: int) -> list[tuple[str, int, int]]:
        """`(name, from_ms, until_ms)` of those in force."""
        balance = self.balance(shop, at_ms)
        found = [(tier.name, from_ms, tier.sanction().until_ms(from_ms)) for tier, from_ms, _, _ in balance.sanctions]
        return [each for each in found if at_ms < each[2]]
