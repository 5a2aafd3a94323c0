"""The kind `ledger`: what a pack writes, and how it is compiled."""

from rules.kinds.ledger.evaluator import LedgerEvaluator
from rules.kinds.ledger.postings import FeedReader
from rules.kinds.ledger.spec import Feed, LedgerSpec
from rules.kinds.ledger.wiring import LedgerWiring
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.shop_rule import ShopRule, Wiring


class Ledger(LedgerSpec, ShopRule, tag="ledger", tag_field="kind", kw_only=True, frozen=True):
    __doc__ = LedgerSpec.__doc__

    def compile(self, wiring: Wiring) -> LedgerEvaluator:
        feeds = [feed for feed in self.feeds if not feed.sites or wiring.site in feed.sites]
        evaluator = LedgerEvaluator(wiring.n, self, [_reader(feed, wiring) for feed in feeds], wiring.locale)
        wiring.for_kind(LedgerWiring).show_ledger(evaluator)
        return evaluator


def _reader(feed: Feed, wiring: Wiring) -> FeedReader:
    ratio = None if feed.computed is None else wiring.evaluator_of(feed.computed, RatioEvaluator)
    return FeedReader(feed, [wiring.source(spec, feed.kept_ms()) for spec in feed.of], ratio, wiring.locale.zone)
