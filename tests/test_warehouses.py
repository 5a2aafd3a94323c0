"""Which warehouse an order belongs to."""

from pathlib import Path

import pytest

from streams.warehouses import BadWarehousesError, Warehouses, load

MAPPING = """\
- {platform: joom, shop: s17, warehouse: west}
- {sku_prefix: DE-, warehouse: berlin}
- {platform: ozon, warehouse: moscow}
- {platform: ozon, shop: s9, warehouse: never reached}
"""


@pytest.fixture
def warehouses(tmp_path: Path) -> Warehouses:
    return loaded(tmp_path, MAPPING)


def loaded(folder: Path, text: str) -> Warehouses:
    file = folder / "warehouses.yaml"
    file.write_text(text)
    return load(file)


def test_the_first_entry_that_fits_decides(warehouses: Warehouses) -> None:
    assert warehouses.of_shop("joom", "s17") == "west"
    assert warehouses.of_shop("ozon", "s9") == "moscow"


def test_what_none_fits_belongs_to_the_default(warehouses: Warehouses) -> None:
    assert warehouses.of_shop("joom", "s1") == "default"
    assert Warehouses().of_order("joom", "s1", ["A"]) == "default"


def test_one_article_with_the_prefix_is_enough(warehouses: Warehouses) -> None:
    assert warehouses.of_order("joom", "s1", ["A-1", "DE-1"]) == "berlin"
    assert warehouses.of_order("joom", "s1", ["A-1"]) == "default"


def test_an_earlier_entry_beats_an_articles_prefix(warehouses: Warehouses) -> None:
    assert warehouses.of_order("joom", "s17", ["DE-1"]) == "west"


def test_it_says_whether_articles_matter(warehouses: Warehouses) -> None:
    assert warehouses.go_by_articles()
    assert not Warehouses().go_by_articles()


def test_an_empty_file_maps_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "# nothing yet\n") == Warehouses()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shop: s17\n", "1: must be a list of entries, each like {shop: s17, warehouse: west}"),
        ("- {shop: s17, warehouse: west}\n- west\n", "2: an entry must be names with values"),
        ("- {shop: s17}\n", "1: warehouse is missing"),
        (
            "- shop: s17\n  warehose: west\n",
            "2: unknown name 'warehose'; known are platform, shop, sku_prefix, warehouse",
        ),
        ("- shop: s17\n  shop: s18\n  warehouse: w\n", "2: 'shop' is there twice"),
        ("- shop: [s17]\n  warehouse: w\n", "1: shop must be a text"),
        ("- shop: s17\n  warehouse:\n", "2: warehouse must be a text"),
        ("- {shop: s17\n- b", "2: "),
        ("- " + "[" * 5_000, "1: is nested too deeply"),
        ("- &a [x]\n" + "- [*a, *a]\n" * 40_000, "25002: the aliases up to here stand for more than 100000 values"),
        ("- {shop: \x01, warehouse: w}", "1: the character '\\x01' can't stand here"),
        ("- shop: !!python/object/apply:os.system [ls]\n  warehouse: w\n", "1: shop must be a text"),
    ],
)
def test_a_mapping_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadWarehousesError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'warehouses.yaml'}:{message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadWarehousesError, match=r"w\.yaml:1: is no YAML in UTF-8"):
        load(tmp_path / "w.yaml")


def test_the_example_can_be_used() -> None:
    example = load(Path(__file__).parents[1] / "deploy/examples/warehouses.yaml")
    assert example.of_order("ozon", "s1", ["A-1"]) == "moscow"
