"""What somebody stumbles over who writes a source of their own."""

from pathlib import Path

import pytest

from tests.commands.support import run
from tests.feeds.support import OWN, own

BODY = b'{"event": "order", "shop_id": 5, "receipt": 9, "at": 1793784600, "status": "paid", "until": "%s"}'


def diagnostic(folder: Path, old: str, new: str) -> str:
    result = run("feeds", "check", "etsy", "--sources", own(folder / "sources", old, new))
    assert result.exit_code == 1
    return str(result.stdout).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{amount: total,", "{amuont: total,", "amuont is no data of order.placed; is amount meant?"),
        ('"{order}:placed"', '"{ordr}:placed"', "{ordr} is none of the names that ids know; is {order} meant?"),
        ("key: secret", 'key: ""', "an HMAC has a key, the name of the credential that it is"),
    ],
)
def test_a_slip_in_a_name_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    line = OWN[: OWN.index(old)].count("\n") + 1
    assert f"etsy.yaml:{line}: {message}" in diagnostic(tmp_path, old, new)


def test_data_of_ones_own_and_paths_in_ids_are_no_slips(tmp_path: Path) -> None:
    for old, new in (("{amount: total,", "{my_note: total,"), ('"{order}:placed"', '"{receipt}:placed"')):
        assert run("feeds", "check", "etsy", "--sources", own(tmp_path / "sources", old, new)).exit_code == 0


@pytest.mark.parametrize(
    ("zone", "until", "ship_by"),
    [
        ("UTC", "2026-11-06", "2026-11-07T00:00:00Z"),
        ("Asia/Shanghai", "2026-11-06", "2026-11-06T16:00:00Z"),
        ("Asia/Shanghai", "2026-11-06T12:00", "2026-11-06T04:00:00Z"),
        ("Europe/Berlin", "2026-10-24", "2026-10-24T22:00:00Z"),
    ],
)
def test_a_deadline_that_is_a_date_ends_with_that_day(tmp_path: Path, zone: str, until: str, ship_by: str) -> None:
    body = tmp_path / "body.json"
    body.write_bytes(BODY % until.encode())
    context = f'{{"zone": "{zone}"}}'
    result = run("feeds", "map", "etsy", body, "--context", context, "--sources", own(tmp_path / "sources"))
    assert f'"ship_by":"{ship_by}"' in result.stdout


def test_an_event_at_a_date_is_at_its_beginning(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_bytes((BODY % b"2026-11-06").replace(b"1793784600", b'"2026-11-04"'))
    result = run("feeds", "map", "etsy", body, "--sources", own(tmp_path / "sources"))
    assert '"time":"2026-11-04T00:00:00Z"' in result.stdout
