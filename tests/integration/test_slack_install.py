"""How Slack's events come in, and how workspaces install the app and remove it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import structlog.testing
from cryptography.fernet import Fernet

from adapters.slack import check, plugin
from adapters.slack.scopes import BOT_SCOPES
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import OneToken, Teams
from bot.domain import Action, Answer, IncomingMessage
from bot.errors import SettingsError
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.slack import SCOPES, FakeSlack
from tests.fakes.slack_driver import environment, loopback, over_http, running, serve
from tests.fakes.slack_oauth import for_many, install
from tests.fakes.web import echo


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        yield fake
        assert not fake.violations, fake.violations


async def with_button(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Answer]:
    """An answer with a button."""
    del core
    said = f"You said: {message.text}"
    yield Answer(f"turn-{message.id}", said, actions=(Action("code", "Code", "turn-1"),))


class TestHttp:
    async def test_signed_events_are_answered(self, slack: FakeSlack, tmp_path: Path) -> None:
        """SLACK_MODE=http takes signed requests: mentions, commands, menus, buttons and modals."""
        async with serve(slack, tmp_path, with_button, **over_http(slack)) as site:
            slack.delivery.http_url = f"{site.platform.url}/slack/events"
            site.core.results["code"] = CommandResult("print(1)")
            site.core.results["status"] = CommandResult("It runs.")

            asked = await site.ann.say("C1", "hello", mention=True)
            answer = await site.answer(asked)
            await site.ann.click(answer, "Code")
            await slack.until(lambda: slack.ephemerals("U1"))
            await site.ann.command("/threadlab", "status", "C1")
            await slack.until(lambda: len(slack.ephemerals("U1")) == 2)
            code, menu = slack.ephemerals("U1")
            await site.ann.click(menu, "threadlab_pick", asked.ts)
            await slack.until(lambda: menu.text == "It runs.")
            await site.ann.shortcut("threadlab_analyse", asked)
            await site.ann.submit(site.ann.modal(), {"question": "and now?"})
            await slack.until(lambda: len(site.core.accepted) == 2)
            await slack.settled()

            assert answer.text == "You said: hello"
            assert code.text == "print(1)"
            assert [(name, key.thread) for name, key in site.core.commands] == [
                ("code", asked.ts),
                ("status", asked.ts),
            ]
            assert all(envelope.acknowledged for envelope in slack.delivery.sent)
            assert slack.calls["apps.connections.open"] == 0

    @pytest.mark.parametrize("wrong", ["secret", "stale", "missing"])
    async def test_others_are_refused(self, slack: FakeSlack, tmp_path: Path, wrong: str) -> None:
        """A request with another signature, an old one, or none, reaches nobody."""
        import time

        from tests.fakes.slack import signature

        body = '{"type": "event_callback", "team_id": "T0ACME", "event": {"type": "message"}}'
        at = str(int(time.time()) - (600 if wrong == "stale" else 0))
        secret = "other" if wrong == "secret" else slack.signing_secret
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signature(secret, at, body),
        }
        if wrong == "missing":
            headers = {"Content-Type": "application/json"}
        async with serve(slack, tmp_path, echo, **over_http(slack)) as site:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    f"{site.platform.url}/slack/events", content=body, headers=headers
                )

            assert answer.status_code == 401
            assert site.core.accepted == []

    async def test_what_is_too_long_is_not_read(self, slack: FakeSlack, tmp_path: Path) -> None:
        """A request is bounded before anybody knows whose it is."""
        limited = {**over_http(slack), "SLACK_REQUEST_BYTES": "100000"}
        async with serve(slack, tmp_path, echo, **limited) as site:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    f"{site.platform.url}/slack/events", content=b"x" * 100_001
                )

            assert answer.status_code == 413

    async def test_a_taken_port_is_said(self, slack: FakeSlack, tmp_path: Path) -> None:
        """Where the address can't be had, the settings are named."""
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
        async with serve(slack, tmp_path / "a", echo, **over_http(slack)) as first:
            assert first.platform.url is not None
            port = first.platform.url.rpartition(":")[2]
            taken = {**over_http(slack), "SLACK_HTTP_PORT": port}
            with pytest.raises(SettingsError, match="SLACK_HTTP_PORT"):
                async with serve(slack, tmp_path / "b", echo, **taken):
                    pass


class TestManyWorkspaces:
    async def test_install_use_and_remove_the_app(self, slack: FakeSlack, tmp_path: Path) -> None:
        """A workspace installs the app, is answered with its own token, and after it was removed
        nothing of the token is left."""
        other = slack.add_team("Globex", installed=False)
        async with serve(slack, tmp_path, echo, **for_many(slack)) as site:
            assert site.platform.url is not None
            slack.redirect_uri = f"{site.platform.url}/slack/oauth_redirect"
            slack.delivery.http_url = f"{site.platform.url}/slack/events"

            done = await install(site.platform.url)
            zoe = slack.person("U7", "Zoe", team=other.id)
            slack.channel("C7", members=[zoe], team=other.id)
            asked = await zoe.say("C7", "hello", mention=True)
            answer = await site.answer(asked)

            assert done.status_code == 200
            assert slack.asked_scopes == set(BOT_SCOPES)
            assert "You said: hello" in answer.text
            assert site.core.accepted[0].key.workspace == other.id

            slack.uninstall(other.id)
            await slack.settled()
            async with site.core.services.database.connect() as connection:
                left = await connection.execute(sa.text("SELECT count(*) FROM slack_installations"))
                assert left.scalar_one() == 0

    @pytest.mark.usefixtures("on_sqlite")
    async def test_tokens_are_sealed(self, slack: FakeSlack, tmp_path: Path) -> None:
        """What lies in the database is no token."""
        other = slack.add_team("Globex", installed=False)
        async with serve(slack, tmp_path, echo, **for_many(slack)) as site:
            assert site.platform.url is not None
            slack.redirect_uri = f"{site.platform.url}/slack/oauth_redirect"
            await install(site.platform.url)

        assert other.token.encode() not in (tmp_path / "test.db").read_bytes()
        for path in tmp_path.glob("test.db*"):
            assert other.token.encode() not in path.read_bytes()

    async def test_a_state_counts_once(self, slack: FakeSlack, tmp_path: Path) -> None:
        """The way back from Slack can't be gone twice, nor with a state that we did not issue."""
        slack.add_team("Globex", installed=False)
        async with serve(slack, tmp_path, echo, **for_many(slack)) as site:
            assert site.platform.url is not None
            slack.redirect_uri = f"{site.platform.url}/slack/oauth_redirect"
            async with httpx.AsyncClient(trust_env=False) as browser:
                forged = await browser.get(
                    f"{site.platform.url}/slack/oauth_redirect",
                    params={"code": slack.code(), "state": "forged"},
                    headers={"Cookie": "slack-app-oauth-state=forged"},
                )
                page = await browser.get(f"{site.platform.url}/slack/install")
                cookie = {"Cookie": page.headers["set-cookie"].partition(";")[0]}
                state = cookie["Cookie"].partition("=")[2]
                once, twice = [
                    await browser.get(
                        f"{site.platform.url}/slack/oauth_redirect",
                        params={"code": slack.code(), "state": state},
                        headers=cookie,
                    )
                    for _ in range(2)
                ]

        assert (forged.status_code, once.status_code, twice.status_code) == (401, 200, 401)

    @pytest.mark.parametrize("trouble", ["busy", "key"])
    async def test_an_event_of_a_workspace_that_can_not_be_opened_comes_again(
        self, slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
    ) -> None:
        """Where Slack is busy, or the key is the wrong one, an event is not lost: it is not
        acknowledged, and answered when Slack delivers it once more."""
        other = slack.add_team("Globex", installed=False)
        async with serve(slack, tmp_path, echo, **for_many(slack)) as site:
            assert site.platform.url is not None
            slack.redirect_uri = f"{site.platform.url}/slack/oauth_redirect"
            slack.delivery.http_url = f"{site.platform.url}/slack/events"
            await install(site.platform.url)
            zoe = slack.person("U7", "Zoe", team=other.id)
            slack.channel("C7", members=[zoe], team=other.id)
            installations = site.platform._installations
            assert installations is not None
            with monkeypatch.context() as wrong:
                if trouble == "key":
                    wrong.setattr(installations, "_seal", Fernet(Fernet.generate_key()))
                else:
                    slack.fail("auth.test", status=429, retry_after_seconds=3600, times=2)
                asked = await zoe.say("C7", "hello", mention=True, announce=("app_mention",))
                (event,) = [e for e in slack.delivery.sent if e.type == "events_api"]
                await slack.until(lambda: event.state == "waiting")

            await slack.clock.advance(70)
            answer = await site.answer(asked)

            assert "You said: hello" in answer.text
            assert event.attempts == 3

    async def test_a_busy_workspace_holds_up_no_other(self, slack: FakeSlack) -> None:
        """Each workspace is opened by itself."""
        settings = SlackSettings.read({"SLACK_API_URL": slack.api_url})
        teams = Teams(settings, OneToken(slack.bot_token))
        slack.fail("auth.test", status=429, retry_after_seconds=60)
        busy = asyncio.create_task(teams.get("T1"))
        await slack.until(lambda: slack.calls["auth.test"] == 1)

        async with asyncio.timeout(10):
            team = await teams.get("T2")
        busy.cancel()

        assert team.id == "T2"

    async def test_a_workspace_that_did_not_install_is_not_answered(
        self, slack: FakeSlack, tmp_path: Path
    ) -> None:
        """An event of a workspace without an installation begins nothing."""
        async with serve(slack, tmp_path, echo, **for_many(slack)) as site:
            slack.delivery.http_url = f"{site.platform.url}/slack/events"

            await site.ann.say("C1", "hello", mention=True)
            await slack.settled()

            assert site.core.accepted == []


async def test_a_token_that_slack_no_longer_takes_is_looked_up_again(slack: FakeSlack) -> None:
    """Another process may have seen the app installed anew: its token counts from then on."""
    settings = SlackSettings.read({"SLACK_API_URL": slack.api_url})
    teams = Teams(settings, OneToken(slack.bot_token))
    team = await teams.get(slack.team_id)
    slack.fail("users.info", error="token_revoked")

    await team.api.attempt("users.info", user="U1")

    assert await teams.get(slack.team_id) is not team


class TestSettings:
    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN"),
            ({"SLACK_MODE": "http"}, "SLACK_SIGNING_SECRET"),
            ({"SLACK_MODE": "carrier pigeon"}, "SLACK_MODE is not valid"),
            ({"SLACK_CLIENT_ID": "1.2"}, "either SLACK_BOT_TOKEN"),
            ({"SLACK_BOT_TOKEN": "", "SLACK_CLIENT_ID": "1.2"}, "SLACK_MODE=http"),
            ({"SLACK_ENCRYPTION_KEY": "short"}, "SLACK_ENCRYPTION_KEY is not valid"),
            ({"SLACK_CONNECTIONS": "11"}, "SLACK_CONNECTIONS is not valid"),
            ({"SLACK_API_URL": "slack.com"}, "SLACK_API_URL is not valid"),
        ],
    )
    async def test_that_can_not_work_are_said(
        self, slack: FakeSlack, tmp_path: Path, environ: dict[str, str], said: str
    ) -> None:
        """What is missing or contradicts is named, at the start and by the doctor."""
        settings = environment(slack, **environ)
        core = FakeCore(tmp_path, echo, settings)

        with pytest.raises(SettingsError, match=said):
            await core.attach(plugin)
        fine, sentence = await check(settings)
        await core.close()

        assert (fine, said in sentence) == (False, True)

    @pytest.mark.parametrize(
        ("environ", "method", "fault", "said"),
        [
            ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "", "", "Slack does not know SLACK_BOT_TOKEN"),
            ({"SLACK_APP_TOKEN": "xapp-wrong"}, "", "", "Slack does not know SLACK_APP_TOKEN"),
            ({}, "auth.test", "account_inactive", "Install it again"),
            ({}, "apps.connections.open", "missing_scope", "SLACK_APP_TOKEN lacks the scope"),
            ({}, "apps.connections.open", "socket_mode_not_enabled", "Socket Mode is off"),
        ],
    )
    async def test_that_slack_refuses_are_said(
        self,
        slack: FakeSlack,
        tmp_path: Path,
        environ: dict[str, str],
        method: str,
        fault: str,
        said: str,
    ) -> None:
        """What Slack does not take ends the start, with what helps; the doctor says the same."""
        settings = environment(slack, **environ)
        core = FakeCore(tmp_path, echo, settings)
        platform = await core.attach(plugin)
        if method:
            slack.fail(method, error=fault, times=2)

        with pytest.raises(SettingsError, match=said):
            async with running(platform):  # type: ignore[arg-type]
                pass
        fine, sentence = await check(settings)
        await core.close()

        assert (fine, said in sentence) == (False, True)

    async def test_an_address_that_is_not_slacks_is_said(
        self, slack: FakeSlack, tmp_path: Path
    ) -> None:
        """Without its path, an address answers nothing: the start ends, with the form it has."""
        settings = environment(slack, SLACK_API_URL=slack.api_url.removesuffix("api/"))
        core = FakeCore(tmp_path, echo, settings)
        platform = await core.attach(plugin)

        with pytest.raises(SettingsError, match="ends in /api/"):
            async with running(platform):  # type: ignore[arg-type]
                pass
        fine, sentence = await check(settings)
        await core.close()

        assert (fine, "ends in /api/" in sentence) == (False, True)

    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xoxb-1"}, "swapped"),
            ({"SLACK_BOT_TOKEN": "xoxp-1"}, "a person's token"),
            ({"SLACK_APP_TOKEN": "secret"}, "begins with xapp-"),
            ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is missing"),
        ],
    )
    async def test_tokens_of_another_kind_are_said(
        self, slack: FakeSlack, environ: dict[str, str], said: str
    ) -> None:
        """A token in the wrong place is known by how it begins: Slack is not asked."""
        fine, sentence = await check(environment(slack, **environ))

        assert (fine, said in sentence) == (False, True)
        assert slack.requests == []

    def test_one_token_alone_asks_for_slack(self) -> None:
        """Whoever forgets the bot's token is told so, and gets no web page instead."""
        assert plugin.wanted({"SLACK_APP_TOKEN": "xapp-1"})

    async def test_for_many_lack_what_they_lack(self, slack: FakeSlack) -> None:
        """A client ID alone is no talk of a bot's token; a fresh key is offered where one is
        missing, and only there."""
        many = {**environment(slack, **for_many(slack)), "SLACK_ENCRYPTION_KEY": ""}

        _, mode = await check({"SLACK_CLIENT_ID": "1.2"})
        _, key = await check(many)

        assert mode.startswith("SLACK_CLIENT_ID needs SLACK_MODE=http")
        assert "SLACK_ENCRYPTION_KEY" not in mode
        assert "needs SLACK_ENCRYPTION_KEY too. A fresh one: SLACK_ENCRYPTION_KEY=" in key

    async def test_missing_scopes_are_said(self, tmp_path: Path) -> None:
        """The doctor names scopes that the installed app lacks; the start logs them."""
        scopes = [scope for scope in SCOPES if scope != "files:read"]
        async with loopback(scopes=scopes) as slack:
            fine, sentence = await check(environment(slack))
            with structlog.testing.capture_logs() as logs:
                async with serve(slack, tmp_path, echo):
                    pass

        assert (fine, "the app lacks files:read" in sentence) == (False, True)
        assert [e["scopes"] for e in logs if e["event"] == "slack scopes missing"] == ["files:read"]

    async def test_right_ones_are_fine(self, slack: FakeSlack) -> None:
        """The doctor says which workspace it is."""
        assert await check(environment(slack)) == (True, "threadlab in the workspace Acme.")
        assert (await check(environment(slack, **for_many(slack))))[0]
