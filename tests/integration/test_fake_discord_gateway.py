"""The loopback Discord's gateway: what is lost, what is replayed, what ends the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import discord as dpy
import pytest

from tests.fakes.discord import FakeDiscord
from tests.fakes.discord.listener import Listener, running


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(rate_scale=0.02) as fake:
        fake.server.checks_itself = True
        with fake.in_discord_py():
            yield fake
        assert fake.server.flaws == []


@pytest.fixture(autouse=True)
def hasty_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnects without the waits that are meant for the real network."""
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda self: 0.01)


def texts(client: Listener) -> list[str]:
    return [message.content for message in client.heard]


async def until_heard(server: FakeDiscord, client: Listener, count: int) -> None:
    await server.until(lambda: len(client.heard) == count)


class TestSessions:
    async def test_a_dropped_connection_is_resumed(self, server: FakeDiscord) -> None:
        """What is said while the line is down is replayed to a resumed session, once."""
        ann, general = server.person("Ann"), server.channel("general")
        async with running(server, Listener()) as client:
            await ann.say(general, "before")
            server.gateway.drop()
            await server.gateway.disconnected()
            await ann.say(general, "during")
            await server.gateway.connected()
            await ann.say(general, "after")
            await server.until(lambda: len(client.heard) >= 3)

            assert texts(client) == ["before", "during", "after"]
            assert (server.gateway.identifies, server.gateway.resumes) == (1, 1)

    async def test_asked_to_reconnect_it_resumes(self, server: FakeDiscord) -> None:
        """Op 7 makes the client come back with its session."""
        async with running(server, Listener()) as client:
            server.gateway.ask_to_reconnect()
            await server.until(lambda: client.resumes)

            assert server.gateway.identifies == 1

    async def test_an_invalid_session_starts_anew(self, server: FakeDiscord) -> None:
        """Op 9 makes the client identify again; what was said meanwhile is in history only."""
        ann, general = server.person("Ann"), server.channel("general")
        async with running(server, Listener()) as client:
            server.gateway.invalidate()
            await ann.say(general, "lost")
            await server.until(lambda: client.readies == 2)
            await ann.say(general, "heard")
            await server.until(lambda: client.heard)

            assert texts(client) == ["heard"]
            kept = [m.content async for m in client.place(general).history(oldest_first=True)]
            assert kept == ["lost", "heard"]

    async def test_what_is_said_to_nobody_is_in_history(self, server: FakeDiscord) -> None:
        """A client that was closed and starts again is told nothing of what it missed."""
        ann, general = server.person("Ann"), server.channel("general")
        async with running(server, Listener()):
            pass
        await ann.say(general, "anyone?", mention=True)

        async with running(server, Listener()) as client:
            await ann.say(general, "now?")
            await server.until(lambda: client.heard)

            assert texts(client) == ["now?"]
            assert len([m async for m in client.place(general).history()]) == 2

    async def test_a_garbled_event_ends_the_client(self, server: FakeDiscord) -> None:
        """An event that its parser does not understand ends `start`, as with Discord."""
        client = Listener()
        task = asyncio.create_task(client.start(server.token))
        await server.gateway.connected()

        server.gateway.garbage()

        with pytest.raises((KeyError, ValueError, TypeError)):
            await task
        await client.close()

    async def test_a_first_connect_that_fails_ends_the_client(self, server: FakeDiscord) -> None:
        """A refused first connection ends the `start` of a client without shards."""
        server.gateway.refuse(1)
        client = dpy.Client(intents=dpy.Intents.default())

        # It looks for the session of a socket that it never had.
        with pytest.raises(AttributeError):
            await client.start(server.token)
        await client.close()

    async def test_an_event_may_come_twice(self, server: FakeDiscord) -> None:
        """An event that is delivered again is the same message, heard twice."""
        async with running(server, Listener()) as client:
            await server.person("Ann").say(server.channel("general"), "hi")
            server.gateway.repeat()
            await server.until(lambda: len(client.heard) == 2)

            assert len({message.id for message in client.heard}) == 1

    async def test_servers_come_and_go(self, server: FakeDiscord) -> None:
        """The client learns of a server that it is added to and one that it is thrown out of."""
        async with running(server, Listener()) as client:
            second = server.add_guild("Second")
            await server.until(lambda: client.get_guild(second.id))
            server.throw_out(second)
            await server.until(lambda: client.get_guild(second.id) is None)

            assert [guild.name for guild in client.guilds] == ["Lab"]

    async def test_several_shards(self, server: FakeDiscord) -> None:
        """Each server's events go to its shard only."""
        server.add_guild("Second")
        ann = server.person("Ann")
        async with running(server, Listener(shards=2)) as client:
            await server.gateway.connected(2)
            for number in range(3):
                for guild in client.guilds:
                    await ann.say(server.channel("general", server.world.guilds[guild.id]), "hi")
                await until_heard(server, client, 2 * number + 2)

            shards = [session.shard for session in server.gateway.live()]
            assert sorted(shards) == [(0, 2), (1, 2)]
            for message in client.heard:
                assert message.guild is not None
                assert message.guild.shard_id == (message.guild.id >> 22) % 2


class TestIdentity:
    async def test_a_wrong_token_is_refused(self, server: FakeDiscord) -> None:
        """A wrong token fails at login."""
        client = Listener()

        with pytest.raises(dpy.LoginFailure):
            await client.login("wrong")
        await client.close()

    async def test_an_intent_that_the_portal_refuses_ends_the_client(self) -> None:
        """Asking for message content where the portal does not allow it is refused."""
        async with FakeDiscord(message_content=False) as server:
            with server.in_discord_py():
                client = Listener()
                with pytest.raises(dpy.PrivilegedIntentsRequired):
                    await client.start(server.token)
                await client.close()

    async def test_without_the_intent_most_messages_are_empty(self) -> None:
        """Text and files are shown in mentions, pinged replies and DMs, and nowhere else."""
        async with FakeDiscord(message_content=False) as server:
            ann, general = server.person("Ann"), server.channel("general")
            listener = Listener(message_content=False)
            with server.in_discord_py():
                async with running(server, listener) as client:
                    own = await client.place(general).send("mine")
                    posted = server.messages(general)[0]
                    await ann.say(general, "plain", files={"a.csv": b"1"})
                    await ann.say(general, "named", files={"a.csv": b"1"}, mention=True)
                    await ann.say(general, "reply", reply_to=posted)
                    await ann.say(general, "quiet reply", reply_to=posted, ping=False)
                    await ann.whisper("whisper")
                    await server.until(lambda: len(client.heard) == 5)

                    assert own.content == "mine"
                    assert [bool(text) for text in texts(client)] == [0, 1, 1, 0, 1]
                    assert [len(m.attachments) for m in client.heard] == [0, 1, 0, 0, 0]
                    plain = await client.place(general).fetch_message(client.heard[0].id)
                    assert plain.content == ""
