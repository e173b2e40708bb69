"""The HTTP side: one path for every request, from its authority to its answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.discord.call import Answer, Call, Endpoint, Upload
from tests.fakes.discord.chat import Chat
from tests.fakes.discord.connection import reset
from tests.fakes.discord.effects import Effect
from tests.fakes.discord.faults import Fault, Faults
from tests.fakes.discord.openapi import description
from tests.fakes.discord.rates import Rates, Verdict
from tests.fakes.discord.refusal import Refusal

BASE = "/api/v10"
FILE_FIELD = re.compile(r"files\[(\d+)\]")
MAX_BODY_BYTES = 200 << 20


class Server:
    """The REST API over the state."""

    def __init__(self, chat: Chat, rates: Rates, faults: Faults) -> None:
        self.chat = chat
        self.rates = rates
        self.faults = faults
        self.validates = True
        self.checks_itself = False
        self.flaws: list[str] = []

    def add_to(self, app: web.Application, endpoints: Sequence[Endpoint]) -> None:
        """Registers the endpoints; the rest of the API answers 404."""
        for endpoint in endpoints:
            app.router.add_route(endpoint.method, BASE + endpoint.path, self._handler(endpoint))
        app.router.add_route("*", BASE + "/{rest:.*}", self._unknown)

    async def _unknown(self, request: web.Request) -> web.Response:
        self.chat.world.effects.complain(f"unknown route: {request.method} {request.path}")
        return answer(404, {"message": "404: Not Found", "code": 0})

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self.faults.take(request.method, request.path.removeprefix(BASE))
            if fault is None:
                return await self._answer(request, endpoint)
            if fault.drop:
                self.chat.gateway.drop()
            if fault.accepted:
                response = await self._answer(request, endpoint)
                await asyncio.sleep(fault.slow_seconds)
                return self._fail(request, fault) if fault.fails else response
            await asyncio.sleep(fault.slow_seconds)
            if not fault.fails:
                return await self._answer(request, endpoint)
            await request.read()
            self._log(endpoint, Call(self.chat, {}, {}, None), fault.status or 0, None)
            return self._fail(request, fault)

        return handle

    def _fail(self, request: web.Request, fault: Fault) -> web.Response:
        if fault.reset:
            reset(request.transport)
            return web.Response(status=500)
        if fault.banned:
            return web.Response(status=429, text="error code: 1015", content_type="text/html")
        status = fault.status or 500
        if status == 429:
            return limited(Verdict(False, {}, fault.retry_after_seconds))
        return answer(status, {"message": f"{status}: Ordered by a test", "code": 0})

    async def _answer(self, request: web.Request, endpoint: Endpoint) -> web.Response:
        params = dict(request.match_info)
        verdict = self.rates.ask(
            endpoint.bucket, endpoint.major(params), counts_globally=endpoint.with_token
        )
        call = Call(self.chat, params, dict(request.query), None)
        if not verdict.allowed:
            await request.read()
            self._log(endpoint, call, 429, None)
            return limited(verdict)
        try:
            self._authorise(request, endpoint)
            await self._read(request, call)
            self._validate(endpoint, call)
            result = endpoint.handle(call)
        except Refusal as refusal:
            self._log(endpoint, call, refusal.status, refusal.code)
            headers = dict(verdict.headers)
            if refusal.status == 429:
                headers |= {"Via": "1.1 loopback", "Retry-After": "1"}
            return answer(refusal.status, refusal.body(), headers)
        status, body = (result.status, result.body) if isinstance(result, Answer) else (200, result)
        if body is None and status == 200:
            status = 204
        self._log(endpoint, call, status, None)
        self._check(endpoint, status, body)
        return answer(status, body, verdict.headers)

    def _check(self, endpoint: Endpoint, status: int, body: Any) -> None:
        """Holds our own answer to the description; what is wrong with it goes into `flaws`."""
        known = description() if self.checks_itself else None
        if known is not None and body is not None:
            found = known.answer_complaints(endpoint.method, endpoint.path, status, body)
            self.flaws += [f"{endpoint.method} {endpoint.path}: {flaw}" for flaw in found]

    def _authorise(self, request: web.Request, endpoint: Endpoint) -> None:
        expected = f"Bot {self.chat.world.token}"
        if endpoint.with_token and request.headers.get("Authorization") != expected:
            raise Refusal(0, status=401, message="401: Unauthorized")

    async def _read(self, request: web.Request, call: Call) -> None:
        kind = request.content_type
        if (request.content_length or 0) > self.chat.world.limits.request_bytes:
            await request.read()
            raise Refusal(40005)
        if kind == "multipart/form-data":
            await self._read_form(request, call)
            return
        raw = await request.read()
        if not raw:
            call.body = {}
        elif kind == "application/json":
            call.body = parse(raw)
        else:
            message = (
                f'Expected "Content-Type" header to be one of {{application/json}}, got {kind}'
            )
            raise Refusal(50035, message=message)

    async def _read_form(self, request: web.Request, call: Call) -> None:
        call.body = {}
        form = await request.post()
        for name, value in form.items():
            found = FILE_FIELD.fullmatch(name)
            if name == "payload_json" and isinstance(value, str):
                call.body = parse(value)
            elif found and isinstance(value, web.FileField):
                call.files[int(found[1])] = Upload(value.filename, value.file.read())
            else:
                self.chat.world.effects.complain(f"unknown form field {name!r}")

    def _validate(self, endpoint: Endpoint, call: Call) -> None:
        known = description() if self.validates else None
        if known is None or endpoint.method == "GET":
            return
        effects = self.chat.world.effects
        for name in known.unknown_fields(endpoint.method, endpoint.path, call.body):
            effects.complain(f"unknown field {name!r} in {endpoint.method} {endpoint.path}")
        if call.body == {} and not call.files:
            return
        for complaint in known.complaints(endpoint.method, endpoint.path, call.body):
            effects.complain(f"{endpoint.method} {endpoint.path}: {complaint}")
            raise Refusal(50035, errors={"_description": complaint})

    def _log(self, endpoint: Endpoint, call: Call, status: int, code: int | None) -> None:
        body = call.body if isinstance(call.body, dict) else {}
        effect = Effect(
            self.chat.world.clock.now(),
            endpoint.method,
            endpoint.path,
            status,
            call.channel_id,
            call.message_id,
            body.get("nonce"),
            code,
            call.body,
            call.repeated,
        )
        self.chat.world.effects.requests.append(effect)


def parse(raw: str | bytes) -> Any:
    """JSON, or 50109."""
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(50109) from None


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """JSON with the one content type that clients understand, without a charset."""
    if status == 204:
        return web.Response(status=204, headers=headers)
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers=headers,
        content_type="application/json",
    )


def limited(verdict: Verdict) -> web.Response:
    """429, with the `Via` header that tells a limit from a ban."""
    seconds = round(verdict.retry_after_seconds, 3)
    headers = verdict.headers | {"Retry-After": str(max(1, round(seconds))), "Via": "1.1 loopback"}
    body = {
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": verdict.is_global,
    }
    return answer(429, body, headers)
