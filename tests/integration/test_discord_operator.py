"""What whoever runs the bot on Discord is told: at the start, and by `threadlab doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.discord import check, plugin
from bot.errors import PlatformError
from tests.fakes.core import FakeCore
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.permissions import bits
from tests.fakes.discord_driver import echo, serve

INVITE = "https://discord.com/oauth2/authorize?client_id={id}&scope=bot+applications.commands"


def environ(discord: FakeDiscord, **others: str) -> dict[str, str]:
    return {"DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url, **others}


def invite(discord: FakeDiscord) -> str:
    return INVITE.format(id=discord.world.application_id)


class TestDoctor:
    async def test_gives_the_link_that_invites(self) -> None:
        """The application's id stands in it already; in no server yet, that is to be noted."""
        async with FakeDiscord() as discord:
            discord.throw_out(discord.guild)
            fine, sentence = await check(environ(discord))

        assert fine is None
        assert "no server" in sentence
        assert f"{invite(discord)}&permissions=309237763136" in sentence

    async def test_names_servers_that_do_not_allow_what_is_needed(self) -> None:
        """Each with the permissions that it lacks there, by Discord's names for them."""
        async with FakeDiscord() as discord:
            well, _ = await check(environ(discord))
            guild = discord.add_guild("Strict")
            for role in guild.roles.values():
                role.permissions &= ~bits("attach_files")
            fine, sentence = await check(environ(discord))

        assert well
        assert fine is None
        assert "in “Strict” Attach Files." in sentence
        assert "Lab" not in sentence

    @pytest.mark.parametrize("token", ["secret secret", "secret\nsecret", "secrét"])
    async def test_shows_no_token_that_is_none(self, token: str) -> None:
        """A token with blanks or accents is refused before anybody is asked, and not shown."""
        async with FakeDiscord() as discord:
            fine, sentence = await check(environ(discord, DISCORD_TOKEN=token))

        assert fine is False
        assert "DISCORD_TOKEN" in sentence
        assert "secr" not in sentence

    async def test_says_where_nobody_answers(self) -> None:
        """An address that is wrong is named."""
        address = "http://127.0.0.1:1/api"

        fine, sentence = await check({"DISCORD_TOKEN": "t", "DISCORD_API_URL": address})

        assert fine is False
        assert address in sentence


class TestUnreachable:
    @pytest.mark.parametrize(
        "nobody",
        [
            {"DISCORD_API_URL": "http://127.0.0.1:1/api/v10"},
            {"DISCORD_GATEWAY_URL": "ws://127.0.0.1:1/"},
        ],
        ids=["API", "gateway"],
    )
    async def test_is_a_sentence_with_the_address(
        self, tmp_path: Path, nobody: dict[str, str]
    ) -> None:
        """No page of traceback; who supervises says when it is tried again."""
        async with FakeDiscord() as discord:
            core = FakeCore(tmp_path, echo, environ(discord, **nobody))
            with discord.in_discord_py():
                platform = await core.attach(plugin)
                with pytest.raises(PlatformError, match=r"can't be reached at 127\.0\.0\.1"):
                    await platform.run()
            await core.close()


class TestStart:
    async def test_names_what_is_not_allowed_where(self, tmp_path: Path) -> None:
        """A line for each server that lacks something, with the channels that lack more."""
        async with FakeDiscord() as discord:
            discord.deny("random", "attach_files", "add_reactions")
            with capture_logs() as logs:
                async with serve(tmp_path, discord=discord) as site:
                    await site.platform.ready.wait()

        (line,) = [entry for entry in logs if entry["event"] == "permissions missing"]
        assert line["server"] == discord.guild.name
        assert line["channels"] == {"#random": ("Attach Files", "Add Reactions")}

    async def test_in_no_server_gives_the_link_that_invites(self, tmp_path: Path) -> None:
        """Silence would look as if the bot were broken."""
        async with FakeDiscord() as discord:
            discord.throw_out(discord.guild)
            with capture_logs() as logs:
                async with serve(tmp_path, discord=discord) as site:
                    await site.platform.ready.wait()

        (line,) = [entry for entry in logs if entry["event"] == "in no server yet"]
        assert line["invite"].startswith(invite(discord))
