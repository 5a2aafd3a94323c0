"""Places in the texts of an API's calls, such as `{shop}` or `{from_s}`.

Places that texts may name: the app's and the shop's credentials and settings, `shop`, `access_token`, `refresh_token`;
the stretch that is read, as `from_s`, `from_ms`, `from_utc`, `from_iso` (with an offset), `from_local` (in the shop's
zone), and the same of its end: `to`, or `until`, the second after it; `past`, a year before; the present as `now_…`;
`cursor`, `page` and `offset`; `ids` of details; of numbers to be registered `tracking_no`, `carrier`, `reference`,
`reference_in_url`, or `numbers` for many.
"""

import re
from typing import Any

INSTANTS = ("from", "to", "until", "past", "now")
FORMS = ("s", "ms", "utc", "iso", "local")
NUMBERS = ("tracking_no", "carrier", "reference", "reference_in_url", "numbers")
OTHERS = ("shop", "access_token", "refresh_token", "cursor", "page", "offset", "ids", *NUMBERS)

PLACE = re.compile(r"\{([A-Za-z_]+)(:int)?\}")


def places(written: Any) -> set[str]:
    """The names that a text, or the texts inside an object, ask for."""
    if isinstance(written, dict):
        return set().union(*(places(each) for each in written.values()))
    if isinstance(written, list):
        return set().union(*(places(each) for each in written))
    return {place[1] for place in PLACE.finditer(written)} if isinstance(written, str) else set()
