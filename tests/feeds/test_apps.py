"""The settings file: what it says, and what is wrong with it."""

from pathlib import Path

import pytest

from rules.dsl.yaml_source import BadPack
from streams.feeds import apps
from tests.commands.support import run
from tests.feeds.support import own

GOOD = """\
listen: {host: 0.0.0.0, port: 7000}
trusted_proxies: [10.0.0.0/8]
apps:
  shopee:
    main:
      credentials:
        callback_url: https://hooks.example.net/feeds/shopee/main
        partner_key: {file: key}
      setting: {shop: s1, zone: Asia/Jakarta}
      aliases: {"910044217": jakarta}
  lazada:
    sg: {credentials: {app_key: "139904", app_secret: {env: LAZADA}}, setting: {shipped_at: rts}}
"""
ENVIRONMENT = {"LAZADA": "s3cr3t-of-lazada"}


def settings_file(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in GOOD
    (folder / "key").write_text("s3cr3t-of-shopee\n")
    file = folder / "feeds.yaml"
    file.write_text(GOOD.replace(old, new, 1))
    return file


def test_apps_have_their_credentials_from_files_and_variables(tmp_path: Path) -> None:
    found = apps.load(settings_file(tmp_path), ENVIRONMENT)
    assert (found.listen.port, found.trusted_proxies) == (7000, ("10.0.0.0/8",))
    shopee, lazada = found.apps["shopee", "main"], found.apps["lazada", "sg"]
    assert shopee.credentials["partner_key"] == "s3cr3t-of-shopee"
    assert lazada.credentials == {"app_key": "139904", "app_secret": "s3cr3t-of-lazada"}
    assert shopee.setting["zone"] == "Asia/Jakarta"
    assert lazada.setting["shipped_at"] == "rts"
    assert shopee.setting["aliases"] == {"910044217": "jakarta"}
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  shopee:", "  shoppe:", 4, "shoppe is no source; known are aftership,"),
        ("    main:", "    a/b:", 5, "an app's name is part of a path"),
        ("partner_key: {file: key}", "partner_key: s3cr3t", 8, "partner_key is a secret: write where it is"),
        ("partner_key: {file: key}", "partner_key: {file: gone}", 8, "No such file or directory"),
        ("partner_key: {file: key}", "partner_key: {file: key, env: K}", 8, "either {file: …} or {env: …}"),
        ("partner_key: {file: key}", "partner_ky: {file: key}", 8, "partner_ky is no credential of shopee"),
        ("        partner_key: {file: key}\n", "", 6, "the credential partner_key is missing"),
        ("env: LAZADA", "env: NOT_SET", 12, "the variable NOT_SET is not set"),
        ("zone: Asia/Jakarta", "zone: Mars", 9, "Mars is no time zone"),
        ("shop: s1", "shipped_at: rts", 9, "shipped_at is no setting of shopee; they are shop, zone"),
        ("shipped_at: rts", "shipped_at: soon", 12, "shipped_at is one of scan, rts"),
        ("10.0.0.0/8", "10.0.0", 2, "10.0.0 is no network"),
        ("port: 7000", "port: 70000", 1, "70000 is no port"),
        ("    main:\n", "    main:\n      credential: x\n", 6, "unknown field `credential`"),
        ("apps:", "apps: 3\nrest:", 3, "Expected `object`"),
        ("  lazada:", "  ozon:\n    main: {}\n  lazada:", 12, "16 or more characters that nobody guesses"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_no_secret(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    file = settings_file(tmp_path, old, new)
    with pytest.raises(BadPack) as raised:
        apps.load(file, ENVIRONMENT)
    output = str(raised.value).splitlines()
    assert any(each.startswith(f"{file}:{line}: ") and message in each for each in output), output
    assert "s3cr3t" not in str(raised.value)


def test_a_source_of_ones_own_has_apps_too(tmp_path: Path) -> None:
    own(tmp_path / "own")
    file = settings_file(
        tmp_path, "apps:\n", "sources: [own]\napps:\n  etsy: {a: {credentials: {secret: {file: key}}}}\n"
    )
    assert ("etsy", "a") in apps.load(file, ENVIRONMENT).apps


def test_a_key_that_is_to_be_base64_is_looked_at_when_the_file_is_read(tmp_path: Path) -> None:
    own(tmp_path / "own", "key: secret", "key: secret, key_form: base64")
    app = "{credentials: {secret: {file: key}}}"
    file = settings_file(tmp_path, "apps:\n", f"sources: [own]\napps:\n  etsy: {{a: {app}}}\n")
    with pytest.raises(BadPack, match=r"feeds\.yaml:5: secret is not base64"):
        apps.load(file, ENVIRONMENT)


def test_the_check_reads_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZADA", "x")
    monkeypatch.setenv("SHIPCLOCK_FEEDS", str(settings_file(tmp_path)))
    assert run("feeds", "check").output == "apps without a mistake: 2\nsources without a mistake: 11\n"
    result = run("feeds", "check", "--settings", settings_file(tmp_path, "10.0.0.0/8", "10.0"))
    assert result.exit_code == 1
    assert ":2: Expected `str`, got `float`" in result.output
    assert run("feeds", "check", "--settings", tmp_path / "gone").exit_code == 2


POLLED = """\
apps:
  shopee:
    main:
      push: false
      credentials: {partner_id: "1180042", partner_key: {file: key}}
      poll:
        shops:
          "910044217": {credentials: {refresh_token: {file: key}}, setting: {zone: Asia/Jakarta}}
"""


def _polled(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in POLLED
    (folder / "key").write_text("s3cr3t\n")
    (folder / "feeds.yaml").write_text(POLLED.replace(old, new, 1))
    return folder / "feeds.yaml"


def test_shops_that_are_polled_have_the_credentials_and_settings_of_their_app_and_their_own(tmp_path: Path) -> None:
    found = apps.load(_polled(tmp_path), {}).apps["shopee", "main"]
    assert not found.takes_pushes
    assert found.polling is not None
    shop = found.polling.shops["910044217"]
    assert shop.credentials == {"partner_id": "1180042", "partner_key": "s3cr3t", "refresh_token": "s3cr3t"}
    assert (shop.setting["shop"], shop.setting["zone"]) == ("910044217", "Asia/Jakarta")
    assert (found.polling.every_min, found.polling.overlap_min) == (5, 10)
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('partner_id: "1180042", ', "", 5, "the credential partner_id is missing"),
        ("refresh_token: {file: key}", "refresh_token: abc", 8, "refresh_token is a secret"),
        ("{refresh_token: {file: key}}", "{}", 8, "the credential refresh_token is missing"),
        ("zone: Asia/Jakarta", "zone: Mars", 8, "Mars is no time zone"),
        ("zone: Asia/Jakarta", "zoen: Mars", 8, "zoen is no setting of shopee"),
        ("        shops:", "        host: http://example.net\n        shops:", 7, "http only where it is this machine"),
        ("        shops:", "        host: https://example.net/api\n        shops:", 7, "write the host like"),
        ("        shops:", "        every_min: 0\n        shops:", 7, "Expected `int` >= 1"),
        ("  shopee:", "  aftership:", 6, "nothing is known of an API of aftership"),
    ],
)
def test_a_mistake_in_what_is_polled_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    file = _polled(tmp_path, old, new)
    with pytest.raises(BadPack) as raised:
        apps.load(file, {})
    output = str(raised.value).splitlines()
    assert any(each.startswith(f"{file}:{line}: ") and message in each for each in output), output
    assert "s3cr3t" not in str(raised.value)
