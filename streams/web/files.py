"""The console's own files, held in memory: a page asks for dozens of them at once, and a worker under load would take a
thread several times for each one from the disk."""

from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONSOLE = Path(__file__).with_name("console")
PAGE = "index.html"


class ConsoleFiles:
    """The page itself at `/`, the rest in `/console/`. A browser that has a file already is told so (304)."""

    def __init__(self) -> None:
        self._files = {each.name: _File(each) for each in CONSOLE.iterdir() if each.is_file()}

    def routes(self) -> list[Route]:
        return [Route("/", self._page), Route("/console/{name}", self._file)]

    async def _page(self, request: Request) -> Response:
        return self._files[PAGE].answer(request)

    async def _file(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found.answer(request)


class _File:
    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._type = guess_type(path.name)[0]
        self._etag = f'"{sha256(self._content).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response:
        headers = {"etag": self._etag}
        known = (each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(","))
        if self._etag in known:
            return Response(status_code=304, headers=headers)
        return Response(self._content, media_type=self._type, headers=headers)
