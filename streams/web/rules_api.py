"""The API's query for what rules and clauses are called, as their packs say."""

from starlette.requests import Request

from rules.calendar.instants import DAY_MS
from rules.kinds.ledger.spec import LedgerSpec, PointsTier
from rules.plan.rule_book import RuleBook
from streams.translations import COMMON
from streams.web.operations import operation
from streams.web.schemas import RuleNames, RulesPage, TierNames


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
