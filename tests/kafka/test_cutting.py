"""Records that would be too large for Kafka, cut until they fit."""

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from rules.messages.alerts import Action, Alert, AlertData, Penalty, decode
from streams.kafka.cutting import LARGEST_VALUE_BYTES, fitting

JSON = st.recursive(
    st.integers(0, 9) | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text("abc", max_size=2), parts, max_size=4),
    max_leaves=10,
)


def test_a_record_that_fits_is_written_as_it_is() -> None:
    record = {"due": [{"order": str(n), "skus": ["A"] * 300} for n in range(50)]}
    assert fitting(record, orjson.dumps) == orjson.dumps(record)


def test_lists_are_cut_as_little_as_it_takes_and_it_is_said_how_many_are_left_out() -> None:
    """Eight orders of 1,100 long SKUs each, as one shop once had them."""
    skus = [f"{'s' * 180}{n}" for n in range(1_100)]
    record = {"shop": "s17", "due": [{"order": str(n), "skus": skus} for n in range(8)], "due_total": 8}
    value = fitting(record, orjson.dumps)
    assert len(value) <= LARGEST_VALUE_BYTES < len(orjson.dumps(record))
    found = orjson.loads(value)
    assert [each["order"] for each in found["due"]] == [str(n) for n in range(8)]
    assert "due_left_out" not in found
    for each in found["due"]:
        assert (each["skus"], each["skus_left_out"]) == (skus[:200], 900)


def test_so_are_mappings_of_many_entries_but_not_records() -> None:
    record = {"metrics": {"joom-1": {"value": 1, "by": {f"provider {n:0200}": n for n in range(9_000)}}}}
    found = orjson.loads(fitting(record, orjson.dumps))
    metric = found["metrics"]["joom-1"]
    assert (len(metric["by"]), metric["by_left_out"]) == (1_000, 8_000)
    assert metric["value"] == 1


@given(st.dictionaries(st.text("abc", max_size=2), JSON, max_size=5))
def test_whatever_is_cut_away_is_counted(record: dict[str, object]) -> None:
    found = orjson.loads(fitting(record, orjson.dumps, largest=0))
    for name, value in record.items():
        if isinstance(value, list):
            assert len(found[name]) + found.get(f"{name}_left_out", 0) == len(value)
        else:
            assert name in found


def alert(penalty: Penalty, **evidence: object) -> Alert:
    data = AlertData(
        alert="joom.late:joom/s17:1:-",
        revision=1,
        rule="joom.late",
        clause="joom-1",
        state="open",
        severity="critical",
        stage="overdue",
        reason="deadline_passed",
        opened_at="2026-01-04T00:00:00Z",
        summary="Order 1 is late",
        evidence=evidence,
        penalty=penalty,
        actions=[Action("warehouse", "ship_first")],
    )
    return Alert(
        id="joom.late:joom/s17:1:-/1",
        type="alert.opened",
        time="2026-01-04T00:00:00Z",
        platform="joom",
        shop="s17",
        data=data,
    )


def test_an_alert_that_was_cut_is_still_an_alert_with_all_that_it_says_of_itself() -> None:
    others = [{"amount": "1.00", "currency": f"{n:08}"} for n in range(30_000)]
    whole = alert(Penalty("2.00", "USD", others), marks=[{"event": "e" * 200}] * 9_000)
    read = decode(fitting(msgspec.to_builtins(whole), msgspec.json.encode))
    assert read.data.penalty is not None and read.data.penalty.others is not None
    assert (len(read.data.penalty.others), len(read.data.evidence["marks"])) == (1_000, 1_000)
    assert read.data.evidence["marks_left_out"] == 8_000
    assert (read.id, read.data.summary, read.data.actions) == (whole.id, whole.data.summary, whole.data.actions)
    assert read.data.penalty.amount == "2.00"
