"""The measure of what a shop takes still measures what is there."""

import pytest

from tests.bench import shop_memory


def test_a_shop_is_measured_in_the_engine_and_in_the_view(capsys: pytest.CaptureFixture[str]) -> None:
    shop_memory.main(**vars(shop_memory.parser().parse_args(["30", "joom,ozon"])))
    found = capsys.readouterr().out
    assert found.startswith("30 shops of joom,ozon, bytes each: engine ")
    assert "(a standing is 0)" not in found
