"""Tracking services, as far as numbers are registered with them. `followed` are those they follow, with the reference
that comes back with their news."""

import base64
import hashlib
import json
from typing import Any

from aiohttp import web

from tests.feeds.emulated.platform import Clock, Platform


class Service(Platform):
    """`register` refuses numbers that begin with `BAD`, and all beyond `quota`."""

    source: str
    words: dict[str, str] = {}
    """Carriers as an order feed says them, and as this service does."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.followed: dict[str, str] = {}
        self.carriers: dict[str, Any] = {}
        self.quota = 1_000_000
        self.stopped: set[str] = set()

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        raise NotImplementedError

    def take(self, number: str, reference: str, carrier: Any = None) -> str | None:
        """What is wrong with it: known, bad or quota."""
        if number in self.followed:
            return "known"
        if number.startswith("BAD"):
            return "bad"
        if len(self.followed) >= self.quota:
            return "quota"
        self.followed[number], self.carriers[number] = reference, carrier
        return None


class Track17(Service):
    source = "track17"
    words = {"DHL Express": "100001", "J&T": ""}
    codes = {"known": -18019901, "bad": -18010012, "quota": -18019908}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"key": "track17-key"}, {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/track/v2.2/register", self._register),
            web.post("/track/v2.2/stoptrack", self._stop),
            web.post("/track/v2.2/retrack", self._again),
            web.post("/track/v2.2/getquota", self._quota),
        ]

    def _wrong(self, request: web.Request) -> web.Response | None:
        if request.headers.get("17token") != "track17-key":
            return self.refuse("token", web.json_response({"code": -18010002, "data": {}}, status=401))
        return None

    async def _register(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        asked = await request.json()
        if not isinstance(asked, list) or not 1 <= len(asked) <= 40:
            return self.refuse("more than 40", web.json_response({"code": -18010014, "data": {}}))
        accepted, rejected = [], []
        for each in asked:
            if not isinstance(each.get("carrier", 0), int):
                return self.refuse("carrier", web.json_response({"code": -18010013, "data": {}}))
            wrong_ = self.take(each["number"], each.get("tag", ""), each.get("carrier"))
            if wrong_ is None:
                accepted.append({"origin": 1, "number": each["number"], "carrier": each.get("carrier", 3011)})
            else:
                error = {"code": self.codes[wrong_], "message": f"number {each['number']}"}
                rejected.append({"number": each["number"], "error": error})
        return web.json_response({"code": 0, "data": {"accepted": accepted, "rejected": rejected}})

    async def _stop(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        for each in await request.json():
            if self.followed.pop(each["number"], None) is not None:
                self.stopped.add(each["number"])
        return web.json_response({"code": 0, "data": {"accepted": [], "rejected": []}})

    async def _again(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        ((each),) = await request.json()
        if each["number"] not in self.stopped:
            error = {"code": -18019904, "message": "only stopped ones"}
            rejected = [{"number": each["number"], "error": error}]
            return web.json_response({"code": 0, "data": {"accepted": [], "rejected": rejected}})
        self.stopped.remove(each["number"])
        return web.json_response({"code": 0, "data": {"accepted": [each], "rejected": []}})

    async def _quota(self, request: web.Request) -> web.Response:
        return self._wrong(request) or web.json_response({"code": 0, "data": {"quota_remain": 7}})


class AfterShip(Service):
    source = "aftership"
    words = {"DHL Express": "dhl", "J&T": ""}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"secret": "aftership-secret", "api_key": "aftership-key"}, {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/tracking/2024-07/trackings", self._create),
            web.get("/tracking/2024-07/couriers", self._couriers),
        ]

    def _wrong(self, request: web.Request) -> web.Response | None:
        if request.headers.get("as-api-key") != "aftership-key":
            return self.refuse("key", web.json_response({"meta": {"code": 401}, "data": {}}, status=401))
        return None

    async def _create(self, request: web.Request) -> web.Response:
        if (wrong := self._wrong(request)) is not None:
            return wrong
        asked = await request.json()
        wrong_ = self.take(asked["tracking_number"], asked["custom_fields"]["ref"], asked.get("slug"))
        if wrong_ is None:
            return web.json_response({"meta": {"code": 201}, "data": {"id": "x"}}, status=201)
        if wrong_ == "quota":
            return web.json_response({"meta": {"code": 429}, "data": {}}, status=429)
        return web.json_response({"meta": {"code": 4003 if wrong_ == "known" else 4005}, "data": {}}, status=400)

    async def _couriers(self, request: web.Request) -> web.Response:
        return self._wrong(request) or web.json_response({"meta": {"code": 200}, "data": {"couriers": []}})


class Kuaidi100(Service):
    source = "kuaidi100"
    words = {"shunfeng": "shunfeng", "圆通速递": "yuantong"}
    callback = "https://hooks.example.net/feeds/kuaidi100/main"

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"salt": "kuaidi-salt", "key": "kuaidi-key", "callback_url": self.callback}, {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/poll", self._poll)]

    async def _poll(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = json.loads(str(form["param"]))
        if form.get("schema") != "json" or asked["key"] != "kuaidi-key":
            return self.refuse("key", _kuaidi("600"))
        if asked["company"] not in ("shunfeng", "yuantong", "zhongtong"):
            return self.refuse("company", _kuaidi("701"))
        parameters = asked["parameters"]
        address, _, reference = parameters["callbackurl"].partition("?ref=")
        if (address, parameters["salt"], parameters["resultv2"]) != (self.callback, "kuaidi-salt", "4"):
            return self.refuse("parameters", _kuaidi("700"))
        wrong = self.take(asked["number"], reference, asked["company"])
        return _kuaidi({None: "200", "known": "501", "bad": "700", "quota": "601"}[wrong])


class Kdniao(Service):
    source = "kdniao"
    words = {"shunfeng": "SF", "圆通速递": "YTO"}

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        return {"business_id": "1990042", "app_key": "kdniao-key"}, {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/dist", self._dist)]

    async def _dist(self, request: web.Request) -> web.Response:
        form = await request.post()
        digest = hashlib.md5(f"{form['RequestData']}kdniao-key".encode()).hexdigest()
        if form["DataSign"] != base64.b64encode(digest.encode()).decode():
            return self.refuse("sign", _kdniao(False, "sign"))
        if (form["EBusinessID"], form["RequestType"], form["DataType"]) != ("1990042", "1008", "2"):
            return self.refuse("request", _kdniao(False, "request"))
        asked = json.loads(str(form["RequestData"]))
        if asked["ShipperCode"] not in ("SF", "YTO", "ZTO"):
            return self.refuse("shipper", _kdniao(False, "shipper"))
        wrong = self.take(asked["LogisticCode"], asked["CallBack"], asked["ShipperCode"])
        return _kdniao(wrong in (None, "known"), wrong or "")  # a second subscription is no mistake there


def _kuaidi(code: str) -> web.Response:
    return web.json_response({"result": code == "200", "returnCode": code, "message": "-"})


def _kdniao(success: bool, reason: str) -> web.Response:
    return web.json_response({"EBusinessID": "1990042", "Success": success, "Reason": reason})
