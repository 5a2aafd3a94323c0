"""What deploy/docs/feeds.md shows works as it stands there."""

import json
import re
from collections import defaultdict
from pathlib import Path

from streams.feeds import apps, library
from streams.feeds.signatures import credentials_of, secrets_of
from tests.commands.support import run

PAGE = (Path(__file__).parents[2] / "deploy" / "docs" / "feeds.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
FIRST_DAY, SETTINGS, ETSY = YAML[0], YAML[1], YAML[-1]
SAMPLE, SIGNATURE = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def _sources(folder: Path) -> Path:
    own = folder / "my-sources"
    (own / "samples" / "etsy").mkdir(parents=True)
    (own / "etsy.yaml").write_text(ETSY)
    return own


def test_the_settings_of_the_first_day_are_settings(tmp_path: Path) -> None:
    for name in ("shopee-partner-key", "shopee-jakarta"):
        (tmp_path / name).write_text("s3cr3t")
    (tmp_path / "feeds.yaml").write_text(FIRST_DAY)
    (app,) = apps.load(tmp_path / "feeds.yaml", {}).apps.values()
    assert app.takes_pushes and app.polling is not None
    assert run("feeds", "check", "--settings", tmp_path / "feeds.yaml").output.startswith("apps without a mistake: 1\n")


def test_the_tracking_service_of_the_page_is_one(tmp_path: Path) -> None:
    (written,) = [each for each in YAML if "register:" in each]
    (tmp_path / "17track").write_text("s3cr3t")
    (tmp_path / "feeds.yaml").write_text(written)
    (app,) = apps.load(tmp_path / "feeds.yaml", {}).apps.values()
    assert app.registering is not None and app.registering.platforms == {"shopee", "lazada"}


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    _sources(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t")
    file = tmp_path / "feeds.yaml"
    file.write_text(SETTINGS.replace("/run/secrets/shopee", str(secret)))
    assert {source for source, _ in apps.load(file, {}).apps} == {"shopee", "ozon"}


def test_the_source_of_the_page_is_a_source_and_its_sample_a_sample(tmp_path: Path) -> None:
    own = _sources(tmp_path)
    receipt = {"status": "paid", "updated": 1_793_784_600}
    body = {"event_type": "order.paid", "shop_id": 5, "receipt_id": 9, "receipt": receipt}
    (own / "samples" / "etsy" / "paid.json").write_text(json.dumps(body))
    (own / "samples" / "etsy" / "paid.expected.json").write_text(
        SAMPLE.replace('"data": {}', '"data": {"mode": "spot"}')
    )
    (own / "samples" / "etsy" / "signature.json").write_text(SIGNATURE)
    assert run("feeds", "check", "etsy", "--sources", own).output == "sources without a mistake: 1\n"
    result = run("feeds", "test", "etsy", "--sources", own)
    assert result.output == "2 samples passed\n"


def test_the_page_names_each_sources_credentials() -> None:
    found: dict[str, str] = defaultdict(str)
    for names, words in re.findall(r"^\| ([a-z0-9, ]+) \| (.*) \|$", PAGE, re.MULTILINE):
        for source in names.split(", "):
            found[source] += words
    for name, file in library.files().items():
        signature = library.read(file).source.signature
        for credential in credentials_of(signature) if signature else ():
            assert credential in found[name], name
        for secret in secrets_of(signature) if signature else ():
            assert f"{secret} (secret)" in found[name], name
