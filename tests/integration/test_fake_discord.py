"""The loopback Discord's channels and threads, driven by the real discord.py."""

from __future__ import annotations

import io
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


@pytest.fixture
async def client(server: FakeDiscord) -> AsyncIterator[Listener]:
    async with running(server, Listener()) as ready:
        yield ready


class TestTalking:
    async def test_it_logs_in_and_sees_the_server(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A client is ready with the server, its channels and its own permissions."""
        guild = client.guilds[0]

        assert guild.name == "Lab"
        assert [c.name for c in guild.text_channels] == ["general", "random"]
        assert [c.name for c in guild.forums] == ["questions"]
        assert guild.me.guild_permissions.create_public_threads
        assert guild.filesize_limit == 10 << 20
        assert client.application is not None
        assert client.application.flags.gateway_message_content_limited

    async def test_what_people_say_is_heard_with_its_files(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A mention arrives with its author, its text and files that can be downloaded."""
        ann = server.person("Ann")

        await ann.say(server.channel("general"), "hi", files={"a.csv": b"1,2"}, mention=True)
        await server.until(lambda: client.heard)

        heard = client.heard[0]
        assert client.user in heard.mentions
        assert heard.content.endswith("hi")
        assert heard.author.display_name == "Ann"
        assert await heard.attachments[0].read() == b"1,2"

    async def test_a_reply_names_what_it_answers(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A reply to the bot carries the bot's message and pings it, unless the ping is off."""
        ann = server.person("Ann")
        general = server.channel("general")
        await client.place(general).send("ask me")

        await ann.say(general, "why", reply_to=server.bot_messages("general")[0])
        await ann.say(general, "so?", reply_to=server.bot_messages("general")[0], ping=False)
        await server.until(lambda: len(client.heard) == 2)

        loud, quiet = client.heard
        assert loud.reference is not None
        assert isinstance(loud.reference.resolved, dpy.Message)
        assert loud.reference.resolved.content == "ask me"
        assert client.user in loud.mentions
        assert client.user not in quiet.mentions

    async def test_a_nonce_makes_one_message(self, server: FakeDiscord, client: Listener) -> None:
        """Sending twice with one nonce leaves one message, and both calls return it."""
        channel = client.place(server.channel("general"))

        first = await channel.send("once", nonce="abc", suppress_embeds=True)
        second = await channel.send("once", nonce="abc", suppress_embeds=True)

        assert first.id == second.id
        assert [m.content for m in server.bot_messages("general")] == ["once"]
        assert server.effects.count("POST", "/channels/{channel_id}/messages") == 1

    async def test_an_old_nonce_is_forgotten(self, server: FakeDiscord, client: Listener) -> None:
        """Some minutes later the same nonce makes a second message."""
        channel = client.place(server.channel("general"))

        await channel.send("once", nonce="abc")
        server.clock.advance(server.limits.nonce_seconds + 1)
        await channel.send("once", nonce="abc")

        assert len(server.bot_messages("general")) == 2

    async def test_files_edits_reactions_and_deletion(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A message with a file is posted, edited, reacted to, and taken back."""
        channel = client.place(server.channel("general"))

        sent = await channel.send("one", file=dpy.File(io.BytesIO(b"data"), "out.csv"))
        await sent.edit(content="two")
        await sent.add_reaction("👀")
        await channel.typing()

        kept = server.bot_messages("general")[0]
        assert (kept.content, kept.past, kept.files) == ("two", ["one"], {"out.csv": b"data"})
        assert kept.reactions == {"👀": [server.bot_user_id]}
        assert server.is_typing("general")
        await sent.delete()
        assert server.messages("general") == []
        assert server.violations == []

    async def test_an_edit_keeps_the_files_it_names(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Attachments that an edit lists stay, others go, new ones are added."""
        channel = client.place(server.channel("general"))
        two = [dpy.File(io.BytesIO(b"1"), "a.txt"), dpy.File(io.BytesIO(b"2"), "b.txt")]
        sent = await channel.send(files=two)

        third = dpy.File(io.BytesIO(b"3"), "c.txt")
        await sent.edit(attachments=[sent.attachments[1], third])

        assert server.bot_messages("general")[0].files == {"b.txt": b"2", "c.txt": b"3"}

    async def test_a_preview_is_no_edit(self, server: FakeDiscord, client: Listener) -> None:
        """A link's preview updates a message without the mark of an edit; an edit bears it."""
        updates: list[dpy.RawMessageUpdateEvent] = []

        @client.event
        async def on_raw_message_edit(update: dpy.RawMessageUpdateEvent) -> None:
            updates.append(update)

        ann = server.person("Ann")
        said = await ann.say(server.channel("general"), "https://example.org")
        server.unfurl(said)
        await ann.edit(said, "never mind")
        await server.until(lambda: len(updates) == 2)

        assert [bool(update.data["edited_timestamp"]) for update in updates] == [False, True]

    async def test_history_is_paged(self, server: FakeDiscord, client: Listener) -> None:
        """Over a hundred messages come back in order, those after one of them too."""
        ann = server.person("Ann")
        general = server.channel("general")
        said = [await ann.say(general, f"number {n}") for n in range(130)]
        channel = client.place(general)

        whole = [m async for m in channel.history(limit=None, oldest_first=True)]
        tail = [m async for m in channel.history(after=dpy.Object(said[120].id), limit=None)]

        assert [m.content for m in whole] == [m.content for m in said]
        assert [m.content for m in tail] == [m.content for m in said[121:]]

    async def test_a_dm_goes_both_ways(self, server: FakeDiscord, client: Listener) -> None:
        """A person whispers to the bot, which answers in the same DM."""
        ann = server.person("Ann")

        await ann.whisper("psst", files={"a.txt": b"x"})
        await server.until(lambda: client.heard)
        await client.heard[0].channel.send("yes?")

        assert isinstance(client.heard[0].channel, dpy.DMChannel)
        assert [m.content for m in server.messages(server.dm(ann))] == ["psst", "yes?"]

    async def test_links_of_files_expire(self, server: FakeDiscord, client: Listener) -> None:
        """A day later a file's link is dead, and the message fetched again has a fresh one."""
        ann = server.person("Ann")
        await ann.say(server.channel("general"), "hi", files={"a.csv": b"1,2"})
        heard = (await server.until(lambda: client.heard))[0]

        server.clock.advance(server.limits.cdn_seconds + 1)

        with pytest.raises(dpy.NotFound):
            await heard.attachments[0].read()
        again = await heard.channel.fetch_message(heard.id)
        assert await again.attachments[0].read() == b"1,2"


class TestThreads:
    async def test_a_thread_starts_from_a_message(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A thread has its message's id, one each; what is said in it is heard."""
        ann = server.person("Ann")
        asked = await ann.say(server.channel("general"), "sum", mention=True)
        heard = (await server.until(lambda: client.heard))[0]

        thread = await heard.create_thread(name="sum")
        await thread.send("3")
        await ann.say(server.channel(thread.id), "and twice?")
        await server.until(lambda: len(client.heard) == 2)

        assert thread.id == asked.id
        assert asked.thread is server.threads("general")[0]
        assert isinstance(client.heard[1].channel, dpy.Thread)
        with pytest.raises(dpy.HTTPException) as refused:
            await heard.create_thread(name="again")
        assert refused.value.code == 160004

    async def test_an_archived_thread_refuses_until_it_is_opened(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Posting to an archived thread is 50083; opened again it takes the message."""
        ann = server.person("Ann")
        asked = await ann.say(server.channel("general"), "sum")
        thread = await client.place(server.channel("general")).create_thread(
            name="sum", message=dpy.Object(asked.id)
        )
        await ann.archive(server.channel(thread.id))

        with pytest.raises(dpy.HTTPException) as refused:
            await thread.send("late")
        await thread.edit(archived=False)
        await thread.send("late")

        assert refused.value.code == 50083
        assert [m.content for m in server.bot_messages(thread.id)] == ["late"]

    async def test_a_locked_thread_stays_shut(self, server: FakeDiscord, client: Listener) -> None:
        """Without Manage Threads the bot cannot open a locked thread."""
        ann = server.person("Ann")
        asked = await ann.say(server.channel("general"), "sum")
        thread = await client.place(server.channel("general")).create_thread(
            name="sum", message=dpy.Object(asked.id)
        )
        await ann.archive(server.channel(thread.id), locked=True)

        with pytest.raises(dpy.Forbidden):
            await thread.edit(archived=False)

    async def test_a_deleted_thread_is_unknown(self, server: FakeDiscord, client: Listener) -> None:
        """What is sent to a thread that was deleted is 10003."""
        ann = server.person("Ann")
        made = await ann.open_thread(server.channel("general"), "Lab")
        thread = await server.until(lambda: client.guilds[0].get_thread(made.id))
        await ann.remove(made)

        with pytest.raises(dpy.NotFound) as refused:
            await thread.send("late")

        assert refused.value.code == 10003

    async def test_there_is_room_for_so_many_threads(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """Where the server has no room for another active thread the answer is 160006."""
        ann = server.person("Ann")
        server.limits.active_threads = 0
        asked = await ann.say(server.channel("general"), "sum")

        with pytest.raises(dpy.HTTPException) as refused:
            await client.place(server.channel("general")).create_thread(
                name="sum", message=dpy.Object(asked.id)
            )

        assert refused.value.code == 160006

    async def test_a_post_in_a_forum_is_a_thread(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A forum post arrives as the first message of a thread, with the thread's id."""
        ann = server.person("Ann")

        thread = await ann.post(
            server.channel("questions"), "How many?", "see file", files={"a.csv": b"1"}
        )
        heard = (await server.until(lambda: client.heard))[0]
        await heard.channel.send("one")

        assert heard.id == thread.id == heard.channel.id
        assert isinstance(heard.channel, dpy.Thread)
        assert isinstance(heard.channel.parent, dpy.ForumChannel)
        assert [m.content for m in server.messages(thread)] == ["see file", "one"]

    async def test_a_thread_opened_by_hand_is_announced(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A thread without a message is announced in its channel, by no ordinary message."""
        ann = server.person("Ann")

        await ann.open_thread(server.channel("general"), "Lab")
        heard = (await server.until(lambda: client.heard))[0]

        assert heard.type is dpy.MessageType.thread_created
        assert heard.is_system()

    async def test_the_bot_opens_posts_and_lone_threads(
        self, server: FakeDiscord, client: Listener
    ) -> None:
        """A post in a forum and a thread without a message can be made by the bot too."""
        forum = client.get_channel(server.channel("questions").id)
        assert isinstance(forum, dpy.ForumChannel)

        made = await forum.create_thread(name="News", content="hello")
        lone = await client.place(server.channel("general")).create_thread(
            name="Alone", type=dpy.ChannelType.public_thread
        )

        assert [m.content for m in server.messages(made.thread.id)] == ["hello"]
        assert [t.name for t in server.threads("general")] == ["Alone"]
        assert [t.id for t in await client.guilds[0].active_threads()] == [made.thread.id, lone.id]
