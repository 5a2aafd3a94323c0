"""Which time zone a shop's days are of, for those that deliver: as the view of this worker's web knows it."""

from collections.abc import Mapping

from streams.views.shops import ShopKey
from streams.views.view import View


class Zones:
    """A shop's zone goes by its site, which its standing says; until that is known it is its platform's (`platforms`),
    else UTC."""

    def __init__(self, platforms: Mapping[str, str]) -> None:
        self._platforms = platforms
        self._view: View | None = None

    def follow(self, view: View) -> None:
        self._view = view

    def of(self, platform: str, shop: str) -> str:
        known = None if self._view is None else self._view.shops.zone(ShopKey(platform, shop))
        return known or self._platforms.get(platform, "UTC")
