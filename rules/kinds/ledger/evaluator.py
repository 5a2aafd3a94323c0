"""The ledger of penalty points: points from several feeds are posted at set times, cleared by calendar or age, and
bring tiers whose sanctions outlive the clearing."""

from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER, rfc3339
from rules.calendar.schedule import next_boundary
from rules.facts.shop_facts import until
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.ledger.account import Account, post_all
from rules.kinds.ledger.postings import FeedPosition, FeedReader, Posting
from rules.kinds.ledger.spec import LedgerSpec, PointsTier
from rules.kinds.rule import Locale
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason, instant_of


class Book(Struct):
    """How far a shop's ledger has been kept: up to when, how far each feed has been read, postings yet to be posted,
    how many of the platform's reported totals were used, and the account."""

    account: Account
    positions: list[FeedPosition]
    rewrites: int
    to_ms: int = MIN_MS
    waiting: list[tuple[tuple[int, int, str], int, Posting]] = []
    numbered: int = 0
    reports: int = 0

    def copy(self) -> "Book":
        """A copy, for working out what would happen."""
        positions = [position.copy() for position in self.positions]
        account, waiting = self.account.copy(), self.waiting.copy()
        return Book(account, positions, self.rewrites, self.to_ms, waiting, self.numbered, self.reports)


class LedgerState:
    """What a ledger keeps of a shop: its `book`, if anything was posted, and the points when it was last evaluated, at
    `at_ms` (None before)."""

    __slots__ = ("at_ms", "book", "points")

    def __init__(self) -> None:
        self.book: Book | None = None
        self.points: Decimal | None = None
        self.at_ms = MIN_MS


class LedgerEvaluator(Evaluator[LedgerSpec, LedgerState]):
    """Evaluates a ledger rule."""

    def new_state(self) -> LedgerState:
        return LedgerState()

    def __init__(self, n: int, rule: LedgerSpec, readers: list[FeedReader], locale: Locale) -> None:
        self.n = n
        self.rule = rule
        self.readers = readers
        self.zone = locale.zone
        #: Whether it is told of all that changes its points.
        self._is_told = all(source.lasting for reader in readers for source in reader.sources)

    # -- keeping the book -------------------------------------------------------------------------------------

    def balance(self, shop: ShopView, at_ms: int) -> Account:
        """The account at a moment, worked out anew from all that is known of a shop."""
        book = self._new_book(shop)
        kept = self._advance(shop, book, at_ms)
        assert kept
        book.account.clear(at_ms)
        return book.account

    def points(self, shop: ShopView, at_ms: int) -> Decimal:
        """Published: the points at the clock's moment. Those found when it was last evaluated hold until it is to be
        evaluated again."""
        state: LedgerState = shop.states[self.n]
        if self._holds(shop, state, at_ms):
            assert state.points is not None
            return state.points
        return self._now(shop, state, at_ms).account.points

    def _holds(self, shop: ShopView, state: LedgerState, at_ms: int) -> bool:
        """Whether it was evaluated, and since then nothing was posted or cleared and no news came."""
        evaluated = state.points is not None and self._is_told
        return evaluated and state.at_ms <= at_ms < shop.holds_until_ms(self.n)

    def _new_book(self, shop: ShopView) -> Book:
        account = Account(self.rule, self._cleared_after)
        return Book(account, [FeedPosition() for _ in self.readers], shop.facts.rewrites("points.reported"))

    def _now(self, shop: ShopView, state: LedgerState, at_ms: int) -> Book:
        """The account at the clock's moment, which must not be changed: the kept one, if it holds, or an empty one, if
        none is kept."""
        book = state.book
        if not self._holds(shop, state, at_ms) or (book is not None and book.to_ms < state.at_ms):
            return self._kept_to(shop, state, at_ms)
        if book is None:
            return self._new_book(shop)
        book.account.clear(at_ms)
        return book

    def _kept_to(self, shop: ShopView, state: LedgerState, at_ms: int) -> Book:
        """The account at the clock's moment; goes on from the last time, unless something came late. What is kept ends
        before this instant, as more events of it may follow; nothing is where nothing was posted, as in most shops."""
        book = state.book
        if book is None or at_ms <= book.to_ms or not self._advance(shop, book, at_ms - 1):
            book = self._new_book(shop)
            self._advance(shop, book, at_ms - 1)
        now = book.copy()
        self._advance(shop, now, at_ms)
        state.book = book if now.numbered or now.reports else None
        now.account.clear(at_ms)
        return now

    def _advance(self, shop: ShopView, book: Book, to_ms: int) -> bool:
        """Goes on to a moment. False if something came late, so that all must be worked out anew."""
        facts, seen = shop.facts, shop.facts.of("points.reported")
        if facts.rewrites("points.reported") != book.rewrites or until(seen, book.to_ms) != book.reports:
            return False
        for reader, position in zip(self.readers, book.positions, strict=True):
            postings = reader.read(shop, position, to_ms)
            if postings is None:
                return False
            position.to_ms = to_ms
            for posting in postings:
                moved = self._at_its_moment(posting)
                book.numbered += 1
                heappush(book.waiting, (moved.sort_key(), book.numbered, moved))
        entries = seen[book.reports : until(seen, to_ms)]
        book.reports += len(entries)
        reports = [each for reader in self.readers for each in reader.reports(self.rule.ledger, entries)]
        reports = sorted(reports, key=Posting.sort_key)[::-1]
        while (at_ms := self._next_instant(book, reports)) <= to_ms:
            found: list[Posting] = []
            while book.waiting and book.waiting[0][2].at_ms == at_ms:
                found.append(heappop(book.waiting)[2])
            shown: list[Posting] = []
            while reports and reports[-1].at_ms == at_ms:
                shown.append(reports.pop())
            if shown:
                found += self._raised(book.account, found, shown)
            post_all(book.account, found)
        book.to_ms = to_ms
        return True

    def _next_instant(self, book: Book, reports: list[Posting]) -> int:
        """When the next posting or reported total is (epoch ms)."""
        waiting = [book.waiting[0][2].at_ms] if book.waiting else []
        return min([*waiting, *(each.at_ms for each in reports[-1:])], default=NEVER)

    def _raised(self, account: Account, found: list[Posting], reports: list[Posting]) -> list[Posting]:
        """Postings for what is missing to totals that the platform has reported, after the other postings of that
        instant."""
        then, raised = account.copy(), list[Posting]()
        post_all(then, found)
        for report in reports:
            then.clear(report.at_ms)
            missing = report.points - then.points
            if missing > 0:
                posting = Posting(report.at_ms, report.clause, report.happened_ms, missing, report.shown)
                raised.append(posting)
                then.post(posting)
        return raised

    def _at_its_moment(self, posting: Posting) -> Posting:
        # Points of a computed ratio are posted when it is computed.
        if self.rule.posts == "at_once" or "step" in posting.shown:
            return posting
        at_ms = next_boundary(self.rule.posts, posting.happened_ms, self.zone)
        return Posting(at_ms, posting.clause, posting.happened_ms, posting.points, posting.shown)

    def _cleared_after(self, posting: Posting) -> int:
        """The boundary at which a posting is cleared (epoch ms)."""
        assert self.rule.clears is not None
        if self.rule.posts_before_clearing:
            # What is posted at the boundary is cleared with the rest, a millisecond later.
            return next_boundary(self.rule.clears, posting.at_ms - 1, self.zone) + 1
        return next_boundary(self.rule.clears, posting.at_ms, self.zone)

    def _clears_ms(self, account: Account, at_ms: int) -> int | None:
        rule, first_ms = self.rule, account.first_ms()
        if first_ms is None:
            return None
        if rule.expires is not None:
            return first_ms + rule.expires
        if rule.clears is not None:
            return next_boundary(rule.clears, at_ms, self.zone)
        if rule.clears_after is None:
            return None
        end = first_ms + rule.clears_after
        return None if account.is_for_good() or end <= at_ms else end

    # -- evaluation -----------------------------------------------------------------------------------------

    def evaluate(self, shop: ShopView, state: LedgerState, at_ms: int) -> Evaluation:
        if not self.rule.tiers and not self.dependents:
            return Evaluation([], NEVER)  # no alert follows from its points, so they are computed when asked for
        now = self._kept_to(shop, state, at_ms)
        account = now.account
        changed, state.points, state.at_ms = account.points != state.points, account.points, at_ms
        findings = []
        severity = self.rule.severity
        tier = self._next_tier(account.points)
        if (
            self.rule.near is not None
            and tier is not None
            and account.points
            and tier.at - account.points <= self.rule.near
        ):
            findings.append(Finding(Desired("near", severity["near"]), "threshold_near"))
        next_evals = [self._next_ms(shop, now, at_ms)]
        for reached, from_ms, _, _ in account.sanctions:
            ends_ms = reached.sanction().until_ms(from_ms)
            if at_ms < ends_ms:
                next_evals.append(ends_ms)
                opened = Desired("active", severity["active"], until_ms=ends_ms, tier=reached.name)
                findings.append(Finding(opened, "sanction_started", episode=rfc3339(from_ms)))
        return Evaluation(findings, min(next_evals), changed)

    def _next_ms(self, shop: ShopView, now: Book, at_ms: int) -> int:
        """When something is posted, reported or cleared next (epoch ms), or earlier."""
        next_evals = [self._next_instant(now, []), *(reader.next_after(shop, at_ms) for reader in self.readers)]
        clears_ms = self._clears_ms(now.account, at_ms)
        if self.rule.posts_before_clearing and (posted_ms := self._clears_ms(now.account, at_ms - 1)) is not None:
            clears_ms = posted_ms + 1  # as `_cleared_after` says
        others = clears_ms, shop.facts.next_after("points.reported", at_ms)
        return min(
            [next_ms for next_ms in (*next_evals, *others) if next_ms is not None and next_ms > at_ms], default=NEVER
        )

    def _next_tier(self, points: Decimal) -> PointsTier | None:
        return next((tier for tier in self.rule.tiers if points < tier.at), None)

    def headroom(self, points: Decimal) -> float | None:
        """Points left to the next tier; 0 or negative past the last."""
        if not self.rule.tiers:
            return None
        return float((self._next_tier(points) or self.rule.tiers[-1]).at - points)

    def evidence(self, shop: ShopView, state: LedgerState, finding: Finding, at_ms: int) -> Evidence:
        account = self._now(shop, state, at_ms).account
        began_ms = instant_of(finding.episode)
        began = None if began_ms is None else account.began_at(began_ms)
        points, postings = (account.points, account.shown()) if began is None else (began[2], began[3])
        tier = began[0] if began is not None else self._next_tier(points) or next(iter(self.rule.tiers[-1:]), None)
        details: dict[str, Any] = {
            "ledger": self.rule.ledger,
            "points": float(points),
            "postings": [posting.as_json() for posting in postings.newest],
            "postings_total": postings.total,
        }
        threshold = None if tier is None else float(tier.at)
        names = {
            "value": f"{float(points):g}",
            "threshold": "-" if threshold is None else f"{threshold:g}",
            "headroom": self.headroom(points),
            "sanction": None if tier is None else tier.name,
            "tier": None if tier is None else tier.name,
            "ledger": self.rule.ledger,
            "now": f"{float(account.points):g}",
        }
        evidence = Evidence(details, names, None, float(points), threshold, self.headroom(account.points))
        evidence.points, evidence.ledger = points, self.rule.ledger
        return evidence

    def end_reason(
        self, shop: ShopView, state: LedgerState, last_emitted: Emitted, finding: Finding, at_ms: int
    ) -> Reason:
        if last_emitted.until_ms is not None:
            return "sanction_ended" if at_ms >= last_emitted.until_ms else "evidence_arrived"
        account = self._now(shop, state, at_ms).account
        if account.began_at(at_ms) is not None:
            return "threshold_crossed"
        return "fell_back" if account.points else "period_ended"

    def ending(self, evidence: Evidence, reason: Reason, last_emitted: Emitted) -> str:
        names = evidence.names
        if last_emitted.until_ms is not None:
            sanction = last_emitted.tier or "The sanction"
            what = f"{sanction} has ended" if reason == "sanction_ended" else f"{sanction} was taken back"
            return f"{what}; {names['now']} points now"
        if reason == "threshold_crossed":
            return f"The next step was reached with {names['now']} points"
        if reason == "period_ended":
            return f"All points are cleared: 0 of {names['threshold']}"
        return f"Back at {names['now']} of {names['threshold']} points"

    def entry(self, shop: ShopView, state: LedgerState, at_ms: int) -> dict[str, Any]:
        """The ledger as a shop's standing shows it."""
        account = self._now(shop, state, at_ms).account
        entry: dict[str, Any] = {"points": float(account.points)}
        if (first_ms := account.first_ms()) is not None:
            clears_ms = self._clears_ms(account, at_ms)
            entry["since"] = rfc3339(first_ms)
            entry["resets_at"] = None if clears_ms is None else rfc3339(clears_ms)
        tier = self._next_tier(account.points)
        if self.rule.tiers:
            entry |= {"next_tier": None if tier is None else tier.name, "headroom": self.headroom(account.points)}
        return entry

    def sanctions(self, shop: ShopView, state: LedgerState, at_ms: int) -> list[ActiveSanction]:
        began = self._now(shop, state, at_ms).account.sanctions
        found = [ActiveSanction(tier.name, from_ms, tier.sanction().until_ms(from_ms)) for tier, from_ms, _, _ in began]
        return [each for each in found if at_ms < each.until_ms]
