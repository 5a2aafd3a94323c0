"""How occurrences follow from an order's own facts and deadlines."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from rules.expr.conditions import compile_condition
from rules.facts.order_facts import OrderFacts, bits_of
from rules.kinds.deadline.timer import Timer
from rules.kinds.occurrences.spec import OccurrenceSpec

Instants = Callable[[OrderFacts, int, int], tuple[int, ...]]
"""`(facts, missed, passed_ms)`: the instants (epoch ms) at which something happened to an order."""


class Extractor(Struct, frozen=True):
    """How instants follow from an order. They are extracted again when one of `facts` has changed, or one of the
    deadline rules `bits` says something else."""

    instants: Instants
    facts: int = 0
    bits: int = 0


def extractor_of(of: OccurrenceSpec, timers: Mapping[str, Sequence[Timer]]) -> Extractor | None:
    """How instants follow from an order; None if the `of` isn't about orders' facts."""
    if of.missed is not None:
        versions = timers[of.missed]
        return Extractor(_missed(versions), bits=_bits(versions))
    if of.judged is not None:
        versions = timers[of.judged]
        return Extractor(_judgements(versions), bits=_bits(versions))
    if of.orders is not None and of.at is not None:
        return Extractor(_meeting(compile_condition(of.orders, {}), of.at), facts=bits_of(of.facts()))
    return None


def _bits(timers: Sequence[Timer]) -> int:
    return sum(timer.bit for timer in timers)


def _missed(timers: Sequence[Timer]) -> Instants:
    bits = _bits(timers)

    def instants(facts: OrderFacts, missed: int, passed_ms: int) -> tuple[int, ...]:
        if not missed & bits:
            return ()
        return tuple(due for timer in timers if missed & timer.bit for due in timer.due_instants(facts)[:1])

    return instants


def _judgements(timers: Sequence[Timer]) -> Instants:
    bits = _bits(timers)
    return lambda facts, missed, passed_ms: (
        tuple(at for timer in timers for at in timer.judgements(facts, passed_ms)) if missed & bits else ()
    )


def _meeting(test: Callable[[OrderFacts, int, int], bool], at: str) -> Instants:
    def instants(facts: OrderFacts, missed: int, passed_ms: int) -> tuple[int, ...]:
        stamp = getattr(facts, at)
        return (stamp[0],) if stamp is not None and test(facts, 0, 0) else ()

    return instants
