"""The API's query for what rules and clauses are called, as their packs say."""

from msgspec import Struct
from starlette.requests import Request

from rules.calendar.instants import DAY_MS
from rules.kinds.ledger.spec import LedgerSpec, PointsTier
from rules.kinds.rule import Confidence
from rules.plan.rule_book import RuleBook
from streams.translations import COMMON
from streams.web.operations import operation
from streams.web.schemas import Page


class TierNames(Struct):
    """A step of penalty points, by name; `lasts_days` is null where its sanction is for good."""

    name: str
    at: float
    lasts_days: float | None


class RuleNames(Struct, kw_only=True):
    """What people read of a rule: `titles` and `texts` (what the platform demands, in a sentence) by language, `en` and
    `zh`; where it comes from, how sure that is, and the platform's own page. Of penalty points: their `ledger`, and
    what they lead to."""

    rule: str
    clause: str
    platform: str
    titles: dict[str, str]
    texts: dict[str, str]
    source: str
    confidence: Confidence
    link: str | None
    ledger: str | None
    tiers: list[TierNames]


class RulesPage(Page[RuleNames], kw_only=True):
    """`clauses`: what each clause is called, by language. `chinese`: texts of the packs (summaries, effects, names) in
    Chinese, by the English; {names} in both stand for what is filled in."""

    clauses: dict[str, dict[str, str]]
    chinese: dict[str, str]


class RulesApi:
    """Answers from the packs that this worker has loaded."""

    def __init__(self, book: RuleBook) -> None:
        rules = [
            RuleNames(
                rule=rule.id,
                clause=rule.clause,
                platform=pack.platform,
                titles=rule.titles(),
                texts=rule.texts(),
                source=rule.source,
                confidence=rule.confidence,
                link=rule.link,
                ledger=rule.ledger if isinstance(rule, LedgerSpec) else None,
                tiers=[_tier(each) for each in rule.tiers] if isinstance(rule, LedgerSpec) else [],
            )
            for pack in book.packs
            for rule in pack.rules
        ]
        self._all = RulesPage(
            items=rules, next=None, clauses=book.clause_titles(), chinese={**COMMON, **book.chinese()}
        )

    @operation(
        "GET",
        "/api/rules",
        "The rules by name: titles and texts by language, where each comes from; and what clauses are called",
        answer=RulesPage,
    )
    async def rules(self, request: Request) -> RulesPage:
        return self._all


def _tier(tier: PointsTier) -> TierNames:
    return TierNames(tier.name, float(tier.at), None if tier.lasts is None else tier.lasts / DAY_MS)
