"""Names of shops and orders as plain text for chats: they mention nobody and are no links."""

import re

from rules.messages.text import visible

_LOOK_ALIKES = str.maketrans({"@": "＠", "<": "‹", ">": "›"})
"""A mention begins with one of these in every chat: `@everyone`, `@all`, `<!channel>`, `<at user_id="all">`."""

_HOST = re.compile(r"\.(?=[^\W\d_]{2,}(?!\w))")
"""The last dot of what a chat would take for a host, as in `example.com`; not that of `12.50` or `PO.7`."""


def plain(text: str) -> str:
    """`text` as one line without mentions, links or markup of links. Reads the same, but for characters that look
    alike; ordinary names stay as they are."""
    text = visible(text).translate(_LOOK_ALIKES)
    return _HOST.sub("․", text.replace("://", ":∕∕").replace("](", "] ("))
