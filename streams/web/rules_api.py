"""The API's query for what rules and clauses are called, as their packs say."""

from starlette.requests import Request

from rules.plan.rule_book import RuleBook
from streams.web.operations import operation
from streams.web.schemas import RuleNames, RulesPage


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
            )
            for pack in book.packs
            for rule in pack.rules
        ]
        self._all = RulesPage(items=rules, next=None, clauses=book.clause_titles())

    @operation(
        "GET",
        "/api/rules",
        "The rules by name: titles and texts by language, where each comes from; and what clauses are called",
        answer=RulesPage,
    )
    async def rules(self, request: Request) -> RulesPage:
        return self._all
