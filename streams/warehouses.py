"""Which warehouse an order belongs to: a YAML list, of which the first entry that fits decides.

    - {platform: joom, shop: s17, warehouse: west}
    - {sku_prefix: DE-, warehouse: berlin}        # fits an order with any such article
    - {platform: ozon, warehouse: moscow}

What no entry fits belongs to `default`. Names that are left out fit everything.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml

from rules.dsl.yaml_source import BadYamlError, compose

DEFAULT = "default"
_NAMES = ("platform", "shop", "sku_prefix", "warehouse")


class BadWarehousesError(ValueError):
    """A mapping that can't be used; the text is `file:line: message`."""


class Entry(NamedTuple):
    warehouse: str
    platform: str | None = None
    shop: str | None = None
    sku_prefix: str | None = None

    def fits(self, platform: str, shop: str, skus: Iterable[str]) -> bool:
        return (
            self.platform in (None, platform)
            and self.shop in (None, shop)
            and (self.sku_prefix is None or any(sku.startswith(self.sku_prefix) for sku in skus))
        )


class Warehouses(NamedTuple):
    entries: tuple[Entry, ...] = ()

    def of_order(self, platform: str, shop: str, skus: Iterable[str]) -> str:
        skus = tuple(skus)
        return next((entry.warehouse for entry in self.entries if entry.fits(platform, shop, skus)), DEFAULT)

    def of_shop(self, platform: str, shop: str) -> str:
        """The warehouse for alerts of the whole shop, or of an order of which nothing is known."""
        return self.of_order(platform, shop, ())

    def names(self) -> list[str]:
        """All warehouses there are."""
        return list(dict.fromkeys([*(entry.warehouse for entry in self.entries), DEFAULT]))

    def go_by_articles(self) -> bool:
        return any(entry.sku_prefix is not None for entry in self.entries)


EVERYTHING_IN_ONE = Warehouses()


def load(file: Path) -> Warehouses:
    """Raises BadWarehousesError."""
    try:
        root = compose(file.read_text(encoding="utf-8-sig"))
    except BadYamlError as error:
        raise BadWarehousesError(f"{file}:{error.line}: {error}") from None
    except UnicodeDecodeError:
        raise BadWarehousesError(f"{file}:1: is no YAML in UTF-8") from None
    except OSError as error:
        raise BadWarehousesError(f"{file}: {error.strerror}") from None
    if root is None:
        return Warehouses()
    if not isinstance(root, yaml.SequenceNode):
        raise _wrong(file, root, "must be a list of entries, each like {shop: s17, warehouse: west}")
    return Warehouses(tuple(_entry(file, node) for node in root.value))


def _entry(file: Path, node: yaml.Node) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(file, node, "an entry must be names with values, like {shop: s17, warehouse: west}")
    given: dict[str, str] = {}
    for key, value in node.value:
        if key.value not in _NAMES:
            raise _wrong(file, key, f"unknown name {key.value!r}; known are {', '.join(_NAMES)}")
        if key.value in given:
            raise _wrong(file, key, f"{key.value!r} is there twice")
        if not isinstance(value, yaml.ScalarNode) or not value.value:
            raise _wrong(file, value, f"{key.value} must be a text")
        given[key.value] = value.value
    if "warehouse" not in given:
        raise _wrong(file, node, "warehouse is missing")
    return Entry(**given)


def _wrong(file: Path, node: yaml.Node, message: str) -> BadWarehousesError:
    return BadWarehousesError(f"{file}:{node.start_mark.line + 1}: {message}")
