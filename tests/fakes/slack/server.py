"""The HTTP side: Web API calls, uploads, downloads, response_urls, OAuth's page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.slack.faults import Fault
from tests.fakes.slack.methods import METHODS, ApiError, Call, Method, checked
from tests.fakes.slack.records import Effect, Json, Request, Token
from tests.fakes.slack.response_urls import respond

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_MASS_MENTION = re.compile(r"<!(?:channel|here|everyone|subteam\^)[^>]*>")
_BODY_BYTES = 2**20
_GIVEN = web.RequestKey("given", dict[str, Any])
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body></body></html>"


class Server:
    """Answers every request with the faults that wait for it."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=_BODY_BYTES)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/v1/{ticket}", self._upload)
        app.router.add_get("/files-pri/{file}/download/{name}", self._download)
        app.router.add_post("/actions/{ticket}", self._respond)
        app.router.add_get("/oauth/v2/authorize", self._authorize)
        app.router.add_get("/link/", self._slack.sockets.serve)
        return app

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name, came_at = request.match_info["method"], time.monotonic()
        fault = self._slack.faults.take(name)
        answer, status, headers = await _faulty(request, fault)
        if answer is None and status == 200:
            answer, status, headers = await self._call(request, name)
        outcome = f"http {status}" if status != 200 else (answer or {}).get("error", "ok")
        given = await _given(request)
        at = self._slack.clock.now()
        self._slack.requests.append(Request(name, outcome, at, given, came_at))
        if fault is not None and fault.drop == "after":
            _cut(request)
        if answer is None:
            return web.Response(status=status, text="<html>Server error</html>")
        return web.json_response(answer, status=status, headers=headers)

    async def _call(self, request: web.Request, name: str) -> tuple[Json, int, dict[str, str]]:
        given = await _given(request)
        try:
            method = METHODS.get(name)
            if method is None:
                self._slack.violate(name, "unknown method")
                raise ApiError("unknown_method")
            if request.content_type == "application/json" and not method.changes:
                # What only reads takes its arguments from the address or a form.
                self._slack.violate(name, "takes no JSON")
                given = dict(request.query)
            token = self._token(request, given, method)
            call = Call(self._slack, name, token, {})
            wait = self._wait(method, token, given)
            if wait is not None:
                return {"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait)}
            if method.scope is not None:
                call.need(method.scope)
            call.arguments, unknown = checked(method, given)
            if unknown:
                self._slack.violate(name, f"unknown arguments {unknown}")
            self._watch_mentions(name, call.arguments)
            if method.open:
                call.arguments["_authorization"] = request.headers.get("Authorization", "")
            answer = await method.handler(call)
        except ApiError as error:
            return {"ok": False, "error": error.error, **error.extra}, 200, {}
        if method.changes:
            self._record(call, answer)
        scopes = ",".join(sorted(token.scopes)) if token is not None else ""
        return {"ok": True, **answer}, 200, {"X-OAuth-Scopes": scopes}

    def _token(self, request: web.Request, given: Json, method: Method) -> Token | None:
        value = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if "token" in given:
            self._slack.violate(method.name, "the token stood in the arguments")
            value = given.pop("token")
        if method.open:
            return None
        if not value:
            raise ApiError("not_authed")
        token = self._slack.tokens.get(value)
        if token is None:
            raise ApiError("invalid_auth")
        if token.revoked:
            raise ApiError("token_revoked")
        if token.value.startswith("xapp-") != method.app_token:
            self._slack.violate(method.name, "called with the other kind of token")
            raise ApiError("not_allowed_token_type")
        return token

    def _wait(self, method: Method, token: Token | None, given: Json) -> int | None:
        team = token.team if token is not None else ""
        channel = given.get("channel")
        return self._slack.limits.retry_after_seconds(method.name, method.tier, team, channel)

    def _watch_mentions(self, method: str, arguments: Json) -> None:
        shown = {name: value for name, value in arguments.items() if name != "metadata"}
        for found in _MASS_MENTION.findall(json.dumps(shown, ensure_ascii=False)):
            self._slack.violate(method, f"a mass mention: {found}")

    def _record(self, call: Call, answer: Json) -> None:
        message = answer.get("message") or {}
        get = call.arguments.get
        effect = Effect(
            call.method,
            get("channel") or get("channel_id"),
            get("thread_ts") or message.get("thread_ts"),
            answer.get("ts") or answer.get("message_ts") or get("ts") or get("timestamp"),
            get("metadata"),
            self._slack.clock.now(),
            call.arguments,
        )
        self._slack.effects.append(effect)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fault = self._slack.faults.take("upload")
        answer, status, headers = await _faulty(request, fault)
        if answer is not None or status != 200:
            return web.json_response(answer or {}, status=status, headers=headers)
        content, size_bytes = await self._slack.files.read(request.content)
        refused = self._slack.files.receive(request.match_info["ticket"], content, size_bytes)
        if fault is not None and fault.drop == "after":
            _cut(request)
        if refused is not None:
            self._slack.violate("upload", refused)
            return web.Response(status=400, text=refused)
        return web.Response(text=f"OK - {size_bytes}", content_type="text/plain")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self._slack.faults.take("download")
        answer, status, headers = await _faulty(request, fault)
        if answer is not None or status != 200:
            return web.Response(status=status, headers=headers)
        file_id = request.match_info["file"].partition("-")[2]
        file = self._slack.files.all.get(file_id)
        value = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        token = self._slack.tokens.get(value)
        # [facts: slack] without files:read comes HTTP 200 with a login page
        allowed = token is not None and not token.revoked and "files:read" in token.scopes
        if not allowed or token is None:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        if file is None or file.team != token.team:
            return web.Response(status=404, text="file not found")
        if not isinstance(file.content, bytes):
            return web.FileResponse(file.content, headers={"Content-Type": file.mimetype})
        return web.Response(body=file.content, content_type=file.mimetype)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        fault = self._slack.faults.take("response_url")
        answer, status, headers = await _faulty(request, fault)
        if answer is not None or status != 200:
            return web.Response(status=status, headers=headers)
        try:
            body = await request.json()
            self._watch_mentions("response_url", body)
            respond(self._slack, request.match_info["ticket"], body)
        except ApiError as error:
            return web.json_response({"ok": False, "error": error.error}, status=404)
        return web.Response(text="ok", content_type="text/plain")

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if query.get("client_id") != self._slack.client_id:
            return web.Response(status=400, text="invalid client_id")
        self._slack.asked_scopes = frozenset(query.get("scope", "").split(","))
        redirect = query.get("redirect_uri") or self._slack.redirect_uri
        assert redirect is not None, "the app has no redirect address"
        code = self._slack.code(redirect_uri=query.get("redirect_uri"))
        raise web.HTTPFound(f"{redirect}?{urlencode({'code': code, 'state': query['state']})}")


async def _given(request: web.Request) -> Json:
    if _GIVEN in request:
        known: Json = request[_GIVEN]
        return dict(known)
    given: dict[str, Any] = dict(request.query)
    with contextlib.suppress(ValueError):
        if request.content_type == "application/json":
            body = await request.json()
            given |= body if isinstance(body, dict) else {}
        elif request.method == "POST":
            given |= dict(await request.post())
    request[_GIVEN] = given
    return dict(given)


async def _faulty(
    request: web.Request, fault: Fault | None
) -> tuple[Json | None, int, dict[str, str]]:
    if fault is None:
        return None, 200, {}
    if fault.slow_seconds:
        await asyncio.sleep(fault.slow_seconds)
    if fault.drop == "before":
        _cut(request)
        return None, 500, {}
    if fault.status == 429:
        answer = {"ok": False, "error": "ratelimited"}
        return answer, 429, {"Retry-After": str(fault.retry_after_seconds)}
    if fault.status is not None:
        return None, fault.status, {}
    return ({"ok": False, "error": fault.error} if fault.error else None), 200, {}


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
