"""Who may talk to the page: host, origin, token; and what browsers may do with its answers."""

from __future__ import annotations

import hashlib
import hmac
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.settings import WebSettings

COOKIE = "threadlab_session"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOGIN_BODY_BYTES = 10_000
_WRONG = '<p class="wrong" role="alert">That token is not right.</p>'
_LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Threadlab</title>
<link rel="stylesheet" href="/static/style.css"><body class="login">
<form method="post" action="{path}">
<h1>Threadlab</h1><p>This page is protected. Enter its token (the setting WEB_TOKEN).</p>{wrong}
<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus>
</label><button class="primary">Open</button></form></body></html>"""


class Guard:
    """ASGI middleware in front of everything the page serves."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = await self._refusal(Request(scope, receive))
        await (refusal or self._app)(scope, receive, guarded)

    async def _refusal(self, request: Request) -> Response | None:
        """What to answer instead of serving the request, or None."""
        if not self._settings.allows_host(_host_name(request.headers.get("host", ""))):
            return _refused(403, "This host name is not allowed: see WEB_ALLOWED_HOSTS.")
        if request.method not in _SAFE_METHODS and not _same_origin(request.headers):
            return _refused(403, "Requests from other pages are not allowed.")
        if self._settings.token is None or request.url.path.startswith("/static/"):
            return None
        return await self._token_refusal(request, self._settings.token)

    async def _token_refusal(self, request: Request, token: str) -> Response | None:
        session = _session_of(token)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(bearer, token):
            return None
        known = _same(request.cookies.get(COOKIE, ""), session)
        in_form = request.method == "POST" and not request.url.path.startswith("/api/")
        if in_form and not known:
            offered = await _entered(request)
        else:
            offered = request.query_params.get("token") if request.method == "GET" else None
        if offered is not None and (known or _same(offered, token)):
            return _log_in(request, session, self._settings.web_session_days)
        if known:
            return None
        if request.url.path.startswith("/api/"):
            return _refused(401, "Please log in: open the page with its token.")
        return _login_page(request, wrong=offered is not None)


async def _entered(request: Request) -> str | None:
    """The token in the login form, or None."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LOGIN_BODY_BYTES:
            return None
    return parse_qs(body.decode("utf-8", "replace")).get("token", [None])[0]


def _login_page(request: Request, *, wrong: bool) -> Response:
    path = escape(quote(_own(request.url.path)))
    page = _LOGIN_PAGE.format(path=path, wrong=_WRONG if wrong else "")
    # With "no-referrer" browsers send "Origin: null" with a form, which would be refused.
    return HTMLResponse(page, status_code=401, headers={"Referrer-Policy": "same-origin"})


def _log_in(request: Request, session: str, days: int) -> Response:
    """Set the cookie and lead to the address without the token, which must not stay in there."""
    url = URL(path=request.url.path, query=request.url.query).remove_query_params("token")
    response = RedirectResponse(_own(str(url)), status_code=303)
    response.set_cookie(
        COOKIE,
        session,
        max_age=days * 24 * 60 * 60,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _own(address: str) -> str:
    """The address as one of this site: "//host" would lead away from it."""
    return "/" + address.lstrip("/\\")


def _session_of(token: str) -> str:
    """The cookie's value: proves the token without holding it."""
    return hmac.new(token.encode(), b"threadlab-web-session", hashlib.sha256).hexdigest()


def _same(offered: str, expected: str) -> bool:
    return hmac.compare_digest(offered.encode(), expected.encode())


def _host_name(host: str) -> str:
    """The name in a Host header, without the port and the brackets of IPv6."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(headers: Headers) -> bool:
    """Whether a request comes from the page itself, or from no page at all (such as curl).

    Browsers send Origin with every request that may change something.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") in {None, "same-origin", "none"}
    return origin.partition("://")[2] == headers.get("host")


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status)
