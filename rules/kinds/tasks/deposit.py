"""The deposit: what was deducted is owed until it is topped up."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.shop_facts import Entry, event_evidence, until
from rules.kinds.evaluation import ActiveSanction, Evaluation, Evidence, Finding
from rules.kinds.progress import Progress
from rules.kinds.shop_view import ShopView
from rules.kinds.tasks.duty import Duty, DutyEvaluator
from rules.messages.alerts import instant_of

_NEXT_TOP_UP = MIN_MS
"""A key that stands for the next top-up of the deposit."""


class Deposits(Struct):
    """How far what was taken from the deposit has been gone through, and what was topped up: what is owed, how much of
    each, where each instant's lie, and by currency those not settled yet, the oldest first. `changed`: when
    those were taken of which something has changed since this was last asked (epoch ms); None where all has."""

    rewrites: tuple[int, int]
    paid: int = 0
    paid_ms: int = MIN_MS
    to_ms: int = MIN_MS
    duties: list[Duty] = []
    owed: list[Any] = []
    at: dict[int, list[int]] = {}
    open_by: dict[str | None, deque[int]] = {}
    changed: list[int] | None = None


class DepositEvaluator(DutyEvaluator[Progress[Deposits]]):
    """Evaluates a rule on deductions from the deposit, by instant."""

    def new_state(self) -> Progress[Deposits]:
        return Progress()

    def changed_keys(self, shop: ShopView, state: Progress[Deposits], at_ms: int) -> list[int]:
        """The instants of deductions that were added or paid since it was last asked; all, if it began anew."""
        deposits = self._settled(shop, state, at_ms)
        changed, deposits.changed = deposits.changed, []
        return self.keys(shop) if changed is None else changed

    def keys(self, shop: ShopView) -> list[int]:
        return [_NEXT_TOP_UP, *(entry.at_ms for entry in shop.facts.of("deposit.deducted"))]

    def touched_by(self, shop: ShopView, name: str, entry: Entry) -> list[int]:
        return [entry.at_ms if name == "deposit.deducted" else _NEXT_TOP_UP]

    def key_of(self, finding: Finding) -> int:
        due = instant_of(finding.episode)
        return NEVER if due is None else due - self.rule.within

    def evaluate_key(self, shop: ShopView, state: Progress[Deposits], key: int, at_ms: int) -> Evaluation:
        if key == _NEXT_TOP_UP:
            ahead = shop.facts.next_after("deposit.topped_up", at_ms)
            return Evaluation([], NEVER if ahead is None else ahead)
        if key > at_ms:
            return Evaluation([], key)
        deposits = self._settled(shop, state, at_ms)
        owed = [duty for n in deposits.at.get(key, ()) if (duty := deposits.duties[n]).done_ms is None]
        if not owed:
            return Evaluation([], NEVER)
        return self._evaluate_duty(owed[0], at_ms)

    def _duty_of(self, shop: ShopView, state: Progress[Deposits], finding: Finding, at_ms: int) -> Duty | None:
        deposits = self._settled(shop, state, at_ms)
        owed = deposits.at.get(self.key_of(finding), ()) if finding.subject == "-" else ()
        return deposits.duties[owed[0]] if owed else None

    def evidence(self, shop: ShopView, state: Progress[Deposits], finding: Finding, at_ms: int) -> Evidence:
        return self._evidence(self._duty_of(shop, state, finding, at_ms), finding.subject, None)

    def sanctions(self, shop: ShopView, state: Progress[Deposits], at_ms: int) -> list[ActiveSanction]:
        return self._sanctions(self._settled(shop, state, at_ms).duties, at_ms)

    def _settled(self, shop: ShopView, progress: Progress[Deposits], at_ms: int) -> Deposits:
        """The deductions, settled by the top-ups, the oldest first, each currency by itself. Goes on from the last
        time, unless something came late."""
        facts = shop.facts
        rewrites = facts.rewrites("deposit.deducted"), facts.rewrites("deposit.topped_up")
        taken, topped_up = facts.of("deposit.deducted"), facts.of("deposit.topped_up")
        deposits = progress.kept
        fresh = taken[len(deposits.duties) : until(taken, at_ms)] if deposits is not None else ()
        if deposits is None or deposits.rewrites != rewrites or _is_late(deposits, fresh, topped_up, at_ms):
            deposits, fresh = Deposits(rewrites), taken[: until(taken, at_ms)]
            progress.kept = deposits
        changed = [entry.at_ms for entry in fresh]
        waiting = deque(fresh)
        for entry in topped_up[deposits.paid : until(topped_up, at_ms)]:
            while waiting and waiting[0].at_ms <= entry.at_ms:
                _deduct(deposits, waiting.popleft())
            deposits.paid, deposits.paid_ms = deposits.paid + 1, entry.at_ms
            changed += _pay(deposits, entry)
        for entry in waiting:
            _deduct(deposits, entry)
        deposits.to_ms = at_ms
        if deposits.changed is not None:
            deposits.changed += changed
        return deposits


def _is_late(deposits: Deposits, taken: Sequence[Entry], topped_up: Sequence[Entry], at_ms: int) -> bool:
    """Whether a sum was taken or topped up before what has been gone through, or that lies after the moment."""
    if at_ms < deposits.to_ms:
        return True
    if taken and taken[0].at_ms <= deposits.paid_ms:
        return True
    paid = topped_up[deposits.paid : deposits.paid + 1]
    return bool(paid and deposits.duties) and paid[0].at_ms < deposits.duties[-1].at_ms


def _deduct(deposits: Deposits, entry: Entry) -> None:
    """Adds a deduction."""
    n = len(deposits.duties)
    deposits.duties.append(Duty(entry.at_ms, "-", entry, ["top_up"]))
    deposits.owed.append(entry.data.amount)
    deposits.at.setdefault(entry.at_ms, []).append(n)
    deposits.open_by.setdefault(entry.data.currency, deque()).append(n)


def _pay(deposits: Deposits, entry: Entry) -> Iterator[int]:
    """Applies a top-up; yields when the deductions it pays were made (epoch ms). A deduction without an amount is
    settled by any top-up."""
    left = entry.data.amount
    while (queue := _oldest(deposits.open_by, entry.data.currency)) is not None:
        duty, due = deposits.duties[queue[0]], deposits.owed[queue[0]]
        paid = due if left is None or due is None else min(left, due)
        if due is not None and paid is not None:
            deposits.owed[queue[0]] = due = due - paid
            left = None if left is None else left - paid
        duty.ticked.append(event_evidence(entry))
        if not due:
            duty.left, duty.done_ms = [], entry.at_ms
            queue.popleft()
        yield duty.at_ms
        if left is not None and left <= 0:
            return


def _oldest(open_by: dict[str | None, deque[int]], currency: str | None) -> deque[int] | None:
    """The queue with the oldest open deduction that a top-up in a currency settles. Without a currency either settles
    any."""
    queues = open_by.values() if currency is None else [open_by.get(currency), open_by.get(None)]
    return min([queue for queue in queues if queue], key=lambda queue: queue[0], default=None)
