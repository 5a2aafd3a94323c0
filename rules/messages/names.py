"""Names inside alert ids, record keys and Redis members, which join several names with `:` and `/`.

These two characters and `%` are percent-encoded inside a name, so that different lists of names never give the same
text. Names without them stay as they are.
"""


def encoded(name: str) -> str:
    """A name as it is written inside an id, a key or a member."""
    if "%" in name or ":" in name or "/" in name:
        return name.replace("%", "%25").replace(":", "%3A").replace("/", "%2F")
    return name


def decoded(text: str) -> str:
    """The name that was encoded."""
    if "%" in text:
        return (
            text.replace("%3A", ":").replace("%2F", "/").replace("%25", "%")
        )  # %25 last, so that its result isn't decoded again
    return text


def shop_key(platform: str, shop: str) -> str:
    """`platform/shop`: the key of a shop's records, and what its alert ids begin with after the rule."""
    return f"{encoded(platform)}/{encoded(shop)}"


def parcel_name(name: str) -> str:
    """A parcel's name or tracking number as it is compared: carriers and shops write it in their own way."""
    return name.strip().upper()
