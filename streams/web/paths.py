"""Names in the path of a request. A `/` inside a name is sent as `%2F`, which only the raw path shows."""

from urllib.parse import unquote

from starlette.requests import Request


def names_in(request: Request, before: str, count: int) -> list[str] | None:
    """So many names in a path after `before`; the last is all the rest. None if there are fewer."""
    sent: bytes = request.scope.get("raw_path") or b""
    names = sent.removeprefix(before.encode()).split(b"/", count - 1)
    return [unquote(name) for name in names] if len(names) == count else None
