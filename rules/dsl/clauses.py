"""The clauses of RULES.md: what the rules of the built-in platforms may cite."""

PLATFORMS = {
    "joom": ("joom", 13),
    "ozon": ("ozon", 5),
    "aliexpress": ("ali", 5),
    "lazada": ("laz", 1),
    "shopee": ("sho", 11),
    "douyin": ("dy", 10),
}
"""Prefix and highest number of each platform's clauses."""

_SHARED = {"ali": "laz", "laz": "ali"}
"""Two platforms that one article is about, so that each may cite the other's."""


def is_known(clause: str, platform: str) -> bool:
    """Whether a pack of this platform may cite a clause: one of RULES.md for the platform, or one of its own (`own-…`).
    On platforms that RULES.md doesn't cover, any clause that isn't another platform's."""
    prefix, _, number = clause.rpartition("-")
    highest = dict(PLATFORMS.values()).get(prefix)
    if highest is not None:
        own = PLATFORMS.get(platform, ("", 0))[0]
        mine = platform == "*" or own in (prefix, _SHARED.get(prefix))
        return mine and number.isdecimal() and 1 <= int(number) <= highest
    return platform not in PLATFORMS or clause.startswith("own-")
