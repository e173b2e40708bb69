"""Who may talk to the page."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.errors import SettingsError
from tests.fakes.web import WebSite, serve

_TOKEN = "correct horse battery staple"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path) as running:
        yield running


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path, environ={"WEB_TOKEN": _TOKEN}) as running:
        yield running


class TestWithoutAToken:
    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.com"])
    async def test_refuses_other_host_names(self, site: WebSite, host: str) -> None:
        """A name that another site made point here (DNS rebinding) gets nothing."""
        got = await site.client.get("/api/conversations", headers={"Host": host})

        assert got.status_code == 403

    @pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
    async def test_answers_to_its_own_names(self, site: WebSite, host: str) -> None:
        """The names of this machine are fine."""
        got = await site.client.get("/api/conversations", headers={"Host": host})

        assert got.status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://["},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
        ],
    )
    async def test_takes_no_changes_from_other_pages(
        self, site: WebSite, headers: dict[str, str]
    ) -> None:
        """Another site open in the same browser can't write here."""
        got = await site.client.post("/api/conversations", headers=headers)

        assert got.status_code == 403
        assert (await site.client.get("/api/conversations")).json()["conversations"] == []

    async def test_takes_changes_from_its_own_page(self, site: WebSite) -> None:
        """The page itself may."""
        got = await site.client.post("/api/conversations", headers={"Origin": site.url})

        assert got.status_code == 201

    @pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/config", "/nowhere"])
    async def test_tells_browsers_what_they_may_do(self, site: WebSite, path: str) -> None:
        """Every answer forbids inline scripts, sniffing, framing and referrers."""
        headers = (await site.client.get(path)).headers

        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"

    @pytest.mark.parametrize("path", ["/static/../settings.py", "/static/%2e%2e/settings.py"])
    async def test_serves_nothing_beside_its_static_files(self, site: WebSite, path: str) -> None:
        """Paths can't leave the folder."""
        assert (await site.client.get(path)).status_code in {403, 404}


class TestWithAToken:
    async def test_refuses_who_has_none(self, locked: WebSite) -> None:
        """The page asks for the token; the API answers 401."""
        page = await locked.client.get("/")
        api = await locked.client.get("/api/conversations")
        wrong = await locked.client.get("/?token=wrong")

        assert [page.status_code, api.status_code, wrong.status_code] == [401, 401, 401]
        assert "WEB_TOKEN" in page.text
        assert "not right" not in page.text
        assert "That token is not right." in wrong.text

    async def test_takes_the_token_from_its_form(self, locked: WebSite) -> None:
        """The form posts, so that the token is never in an address; then the page opens."""
        origin = {"Origin": locked.url}

        wrong = await locked.client.post("/c/abc", data={"token": "wrong"}, headers=origin)
        right = await locked.client.post("/c/abc", data={"token": _TOKEN}, headers=origin)

        assert (wrong.status_code, right.status_code) == (401, 303)
        assert "That token is not right." in wrong.text
        assert 'method="post" action="/c/abc"' in wrong.text
        assert right.headers["location"] == "/c/abc"
        assert (await locked.client.get("/api/conversations")).status_code == 200

    async def test_takes_any_token_out_of_the_address_of_who_is_logged_in(
        self, locked: WebSite
    ) -> None:
        """An old link with a token does not keep it in view."""
        await locked.client.get("/", params={"token": _TOKEN})

        answer = await locked.client.get("/c/abc", params={"token": "old"})

        assert (answer.status_code, answer.headers["location"]) == (303, "/c/abc")

    @pytest.mark.parametrize("path", ["//evil.example/", "/%09/evil.example/", '/"><script>'])
    async def test_its_form_leads_nowhere_else(self, locked: WebSite, path: str) -> None:
        """A crafted address does not make the form send the token to another site."""
        page = await locked.client.get(f"{locked.url}{path}")

        assert re.search(r'action="/[a-z%][^/"<\t]*/?[^"<\t]*"', page.text)
        assert "<script>" not in page.text

    async def test_swaps_the_token_in_the_address_for_a_cookie(self, locked: WebSite) -> None:
        """The address is clean afterwards, and the cookie is out of scripts' reach."""
        answer = await locked.client.get("/c/abc", params={"token": _TOKEN})

        assert answer.status_code == 303
        assert answer.headers["location"] == "/c/abc"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert _TOKEN not in cookie
        assert (await locked.client.get("/api/conversations")).status_code == 200

    async def test_never_sends_people_elsewhere(self, locked: WebSite) -> None:
        """A crafted address does not turn the login into a redirect to another site."""
        answer = await locked.client.get(f"{locked.url}//evil.example/", params={"token": _TOKEN})

        assert httpx.URL(answer.headers["location"]).host == ""
        assert not answer.headers["location"].startswith("//")

    async def test_takes_a_bearer(self, locked: WebSite) -> None:
        """Programs send the token as a bearer."""
        good = {"Authorization": f"Bearer {_TOKEN}"}
        bad = {b"Authorization": "Bearer nö".encode()}

        assert (await locked.client.post("/api/conversations", headers=good)).status_code == 201
        assert (await locked.client.get("/api/conversations", headers=bad)).status_code == 401


async def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """Two servers on one port: the second says which setting to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        with pytest.raises(SettingsError, match="WEB_PORT"):
            async with asyncio.timeout(5), serve(tmp_path, environ={"WEB_PORT": port}):
                pass
