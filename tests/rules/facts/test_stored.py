"""Facts as bytes: as they are stored, and as memory has them."""

import msgspec
from hypothesis import given

from rules.calendar.instants import MIN_MS, NEVER
from rules.facts.order_facts import OrderFacts, every_stamp
from rules.facts.stored import decode_facts, encode_facts, encode_plain
from tests.rules.made_up_rules import order_facts

plain_facts = order_facts.filter(lambda facts: facts.plain)


@given(order_facts)
def test_what_is_stored_comes_back(facts: OrderFacts) -> None:
    assert decode_facts(encode_facts(facts)) == facts


@given(plain_facts)
def test_what_memory_has_is_the_same_whether_it_is_encoded_or_cut_from_what_is_stored(facts: OrderFacts) -> None:
    in_memory = encode_plain(facts)
    assert decode_facts(in_memory) == facts
    assert encode_plain(facts, encode_facts(facts)) == in_memory
    assert len(in_memory) <= len(encode_facts(facts))


@given(plain_facts)
def test_what_an_older_version_stored_with_fewer_fields_is_encoded_anew(facts: OrderFacts) -> None:
    fields = msgspec.msgpack.decode(encode_facts(facts))
    older = msgspec.msgpack.encode(fields[:-1])
    assert encode_plain(decode_facts(older), older) == encode_plain(decode_facts(older))


@given(order_facts)
def test_facts_span_from_the_first_that_is_known_to_the_last(facts: OrderFacts) -> None:
    if facts.plain:
        instants = [stamp[0] for stamp in every_stamp(facts) if stamp is not None]
        instants += [stamp[0] for stamp, _ in facts.moves_before()]
    else:
        instants = [each.at_ms for each in facts.statements]
    assert facts.span_ms() == (min(instants, default=NEVER), max(instants, default=MIN_MS))
