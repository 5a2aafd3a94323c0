"""What a plan does for ledgers alone while they are compiled."""

from rules.kinds.ledger.evaluator import LedgerEvaluator


class LedgerWiring:
    """A part of the `Wiring` that rules are compiled with."""

    def show_ledger(self, evaluator: LedgerEvaluator) -> None:
        """Has a shop's standing show a ledger's points, and what they will come to."""
        raise NotImplementedError
