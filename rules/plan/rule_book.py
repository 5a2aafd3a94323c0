"""The rule book: all loaded packs, and the plan of each shop."""

from collections.abc import Iterable

from rules.dsl.model import Pack, Where
from rules.facts.shop_facts import ShopFacts
from rules.kinds.registry import AnyRule, InForce
from rules.kinds.rule import Locale
from rules.kinds.unwatched import UNWATCHED, Unwatched
from rules.plan.shop_plan import Plan


class RuleBook:
    """Raises ValueError when two packs define the same rule. With `says_unwatched` a shop that no rule watches has an
    alert that says so. `digest`: of the packs' texts and of the code that counts by them; empty if nobody knows."""

    def __init__(self, packs: Iterable[Pack], *, says_unwatched: bool = False, digest: str = "") -> None:
        self.packs = list(packs)
        self._digest = digest
        self._plans: dict[Where, Plan] = {}
        #: The zones of the plans asked for so far.
        self.zones: set[str] = set()
        self.rules: dict[str, AnyRule | Unwatched] = {UNWATCHED.id: UNWATCHED} if says_unwatched else {}
        self._says_unwatched = says_unwatched
        for pack in self.packs:
            for rule in pack.rules:
                if rule.id in self.rules:
                    raise ValueError(f"rule {rule.id} is defined by two packs")
                self.rules[rule.id] = rule
        self._named_shops = {
            (pack.platform, shop)
            for pack in self.packs
            for versions in pack.versions.values()
            for version in versions
            for shop in version.shops
        }

    def clause_titles(self) -> dict[str, dict[str, str]]:
        """What each clause is called, by language. Of several rules with one clause the one whose figures are shown
        under it names it, else the first; a clause that only feeds of ledgers cite is called as one of them says."""
        rules = sorted(self.rules.values(), key=lambda rule: not rule.ROLES & {"ratio", "level or count"})
        titles: dict[str, dict[str, str]] = {}
        for rule in rules:
            titles.setdefault(rule.clause, rule.titles())
        for rule in rules:
            for clause, named in rule.cited():
                if named.title is not None:
                    titles.setdefault(clause, {"en": named.title, "zh": named.title_zh or named.title})
        return titles

    def chinese(self) -> dict[str, str]:
        """What packs' texts are in Chinese, by the English."""
        return {english: text for pack in self.packs for english, text in pack.chinese.items()}

    def is_of_orders(self, rule_id: str) -> bool:
        """Whether a rule's alerts are about single orders; True for a rule that isn't loaded."""
        rule = self.rules.get(rule_id)
        return rule is None or rule.PER_ORDER

    def plan(
        self, platform: str, site: str | None = None, programme: str | None = None, shop: str | None = None
    ) -> Plan:
        """The plan of a shop; one without rules if no pack is for its platform."""
        named = shop if {(platform, shop), ("*", shop)} & self._named_shops else None
        where = Where(platform, site, programme, named)
        plan = self._plans.get(where)
        if plan is None:
            packs = [pack for pack in self.packs if pack.platform in ("*", platform)]
            rules = [each for pack in packs for each in pack.in_force(where)] or self._none()
            plan = self._plans[where] = Plan(rules, _zone(packs, site), self._digest and f"{self._digest} {where}")
            self.zones.add(plan.zone)
        return plan

    def _none(self) -> list[InForce]:
        return [InForce(UNWATCHED, Locale("UTC", None))] if self._says_unwatched else []

    def plan_of(self, platform: str, shop: str, facts: ShopFacts) -> Plan:
        """The plan of a shop, with the site and programme in its facts."""
        return self.plan(platform, facts.profile("site"), facts.profile("programme"), shop)


def _zone(packs: list[Pack], site: str | None) -> str:
    """The zone of a shop's local days: that of its platform's pack, or of one for all platforms; UTC without any."""
    packs = sorted(packs, key=lambda pack: pack.platform == "*")
    return packs[0].site_of(site).zone if packs else "UTC"
