"""What goes wrong between us and Discord, and what people see of it: as little as can be."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from discord import gateway

from adapters.discord import check, plugin
from adapters.discord.connection import Connection
from adapters.discord.file_limits import FileLimits
from adapters.discord.store import DiscordStore
from bot.domain import (
    Action,
    Answer,
    Artifact,
    Attachment,
    CodeRun,
    IncomingMessage,
    Progress,
    RunState,
    ThreadKey,
)
from bot.errors import (
    AmbiguousSend,
    AttachmentInterrupted,
    AttachmentUnavailable,
    PlatformError,
    SettingsError,
)
from bot.ports import CommandResult
from bot.supervision import keep_running
from tests.fakes.core import FakeCore, Script
from tests.fakes.discord import FakeDiscord, Message
from tests.fakes.discord_driver import DiscordSite, serve

MESSAGES = "/channels/*/messages"
ONE_MESSAGE = "/channels/*/messages/*"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path) as started:
        yield started
    assert started.discord.violations == []


async def ask(site: DiscordSite, text: str = "one") -> Message:
    """The answer to a question in #general."""
    asked = await site.discord.person("Ann").say(
        site.discord.channel("general"), text, mention=True
    )
    return await site.answer_in(await site.thread_of(asked))


def with_file(content: bytes, name: str = "data.bin") -> Script:
    """Answers with a file."""

    async def script(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        blob = await core.blobs.put(message.key, chunks(), limit_bytes=100_000_000)
        file = Artifact("cf_1", name, "application/octet-stream", blob)
        yield Answer(f"turn-{message.id}", "Here it is.", artifacts=(file,))

    return script


class TestRequests:
    async def test_that_fail_for_long_are_ambiguous_and_found_again(self, tmp_path: Path) -> None:
        """The core hears that a post may have arrived, and finds it where it has."""
        async with serve(tmp_path, DISCORD_ATTEMPTS="1") as site:
            site.core.answers = False
            ann = site.discord.person("Ann")
            await ann.say(site.discord.channel("general"), "one", mention=True)
            (message,) = await site.until(lambda: site.core.accepted)
            reply = await site.platform.open_reply(
                message.key, turn_id="t", message_id=message.id, ref=None
            )
            first, second = reply.plan(Answer("t", "word " * 700))
            await reply.send(first)
            site.discord.fault("POST", MESSAGES, status=503, accepted=True)

            with pytest.raises(AmbiguousSend):
                await reply.send(second)
            found = await reply.find(second.id)
            again = await reply.send(second)
            await reply.close()

            said = site.discord.bot_messages(int(message.key.thread))

        assert found == again
        assert len(said) == 2

    async def test_of_a_short_answer_are_three(self, site: DiscordSite) -> None:
        """Typing, the status, the answer in its place: no more once the thread is open."""
        answer = await ask(site)
        before = len(site.discord.requests)

        await site.discord.person("Ann").say(answer.channel, "two", mention=True)
        await site.answer_in(answer.channel, 1)

        made = [(request.method, request.route) for request in site.discord.requests[before:]]
        assert len(made) <= 3, made

    async def test_give_a_first_sign_at_once(self, tmp_path: Path) -> None:
        """Typing is asked for before anything else is."""
        async with serve(tmp_path) as site:
            before = len(site.discord.requests)
            await ask(site)

            first = site.discord.requests[before]

        assert first.route.endswith("/typing")

    async def test_of_fifty_channels_at_once_keep_the_limits(self, tmp_path: Path) -> None:
        """Fifty questions in a moment are all answered, and Discord never says 429."""
        async with FakeDiscord() as discord:
            channels = [discord.add_channel(f"room-{number}") for number in range(50)]
            async with serve(tmp_path, discord=discord) as site:
                ann = discord.person("Ann")
                asked = [await ann.say(channel, "one", mention=True) for channel in channels]
                threads = [await site.thread_of(message) for message in asked]
                answers = [await site.answer_in(thread) for thread in threads]

        assert len(answers) == 50
        assert [request for request in discord.requests if request.status == 429] == []
        assert discord.violations == []


class TestPictures:
    async def test_are_paced_and_slow_down_under_429s(self, tmp_path: Path) -> None:
        """A fast stream makes few edits; where Discord asks to wait, fewer still; none is last."""
        seen = 0

        async def streaming(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            nonlocal seen
            for number in range(400):
                seen = number
                run = CodeRun("r", f"# step {number}\nx = 1", RunState.RUNNING)
                yield Progress(f"step {number}", (run,), "word " * number)
                await asyncio.sleep(0.01)
            yield Answer(f"turn-{message.id}", "final")

        async with serve(tmp_path, streaming, DISCORD_EDIT_PACE_MS="1000") as site:
            limited = site.discord.fault("PATCH", ONE_MESSAGE, status=429, retry_after_seconds=1.5)
            answer = await ask(site)

        edits = [r for r in site.discord.requests if r.method == "PATCH" and r.status == 200]
        typing = [r for r in site.discord.requests if r.route.endswith("/typing")]
        assert limited.met == 1
        assert len(typing) == 1  # a first sign, which passes: the status goes on from there
        assert 2 <= len(edits) <= 4
        assert "step" in answer.past[-1]
        assert answer.content == "final"
        assert seen == 399

    async def test_stop_where_the_status_is_over_an_hour_old(self, tmp_path: Path) -> None:
        """Discord takes no more edits then: the answer is a new message, the status goes."""
        async with serve(tmp_path, DISCORD_EDIT_AGE_SECONDS="3600") as site:
            site.core.answers = False
            ann = site.discord.person("Ann")
            await ann.say(site.discord.channel("general"), "one", mention=True)
            (message,) = await site.until(lambda: site.core.accepted)
            reply = await site.platform.open_reply(
                message.key, turn_id="t", message_id=message.id, ref=None
            )
            site.discord.clock.advance(3601)

            (post,) = reply.plan(Answer("t", "At last.", actions=(Action("retry", "Retry"),)))
            ref = await reply.send(post)
            await reply.close()

            (said,) = site.discord.bot_messages(int(message.key.thread))

        assert ref != reply.ref
        assert said.content == "At last."

    async def test_pick_up_an_answer_after_a_restart(self, tmp_path: Path) -> None:
        """A crash before the reference was stored, minutes ago, opens no second status."""
        async with FakeDiscord() as discord:
            async with serve(tmp_path, discord=discord) as site:
                site.core.answers = False
                ann = discord.person("Ann")
                await ann.say(discord.channel("general"), "one", mention=True)
                (message,) = await site.until(lambda: site.core.accepted)
                first = await site.platform.open_reply(
                    message.key, turn_id="t", message_id=message.id, ref=None
                )
                await first.close()
            discord.clock.advance(600)
            async with serve(tmp_path, discord=discord) as again:
                second = await again.platform.open_reply(
                    message.key, turn_id="t", message_id=message.id, ref=None
                )
                await second.close()

        assert first.ref == second.ref

    @pytest.mark.parametrize("threads", [True, False], ids=["thread", "chain of replies"])
    async def test_that_nobody_noted_are_found_in_the_chat(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: bool
    ) -> None:
        """A crash just after the status was sent, long ago, opens no second one either."""
        note_post, failures = DiscordStore.note_post, [ConnectionError("the process ends here")]

        async def crashing(store: DiscordStore, *arguments: Any) -> None:
            if failures:
                raise failures.pop()
            await note_post(store, *arguments)

        async with FakeDiscord() as discord:
            if not threads:
                discord.deny("general", "create_public_threads")
            async with serve(tmp_path, discord=discord) as site:
                site.core.answers = False
                ann, general = discord.person("Ann"), discord.channel("general")
                await ann.say(general, "one", mention=True)
                (message,) = await site.until(lambda: site.core.accepted)
                where = {"turn_id": "t", "message_id": message.id, "ref": None}
                monkeypatch.setattr(DiscordStore, "note_post", crashing)
                with pytest.raises(ConnectionError):
                    await site.platform.open_reply(message.key, **where)
                discord.clock.advance(600)

                reply = await site.platform.open_reply(message.key, **where)
                await reply.close()
                place = int(message.key.thread) if threads else general

        assert len(discord.bot_messages(place)) == 1


class TestSurface:
    async def test_of_an_answer_that_was_refused_says_so(self, site: DiscordSite) -> None:
        """Nobody waits for ever: the status goes, and Retry comes in the place of Stop."""
        site.core.answers = False
        ann = site.discord.person("Ann")
        await ann.say(site.discord.channel("general"), "one", mention=True)
        (message,) = await site.until(lambda: site.core.accepted)
        reply = await site.platform.open_reply(
            message.key, turn_id="t", message_id=message.id, ref=None
        )
        (post,) = reply.plan(Answer("t", "Here it is."))
        site.discord.fault("PATCH", ONE_MESSAGE, status=400)

        with pytest.raises(PlatformError):
            await reply.send(post)
        await reply.close()

        (left,) = site.discord.bot_messages(int(message.key.thread))
        assert "did not take the answer" in left.content
        assert [button["label"] for button in left.buttons] == ["Retry"]


class TestFiles:
    async def test_of_eleven_megabytes_are_zipped_where_that_helps(self, tmp_path: Path) -> None:
        """Larger than the server takes, but full of repetition."""
        async with serve(tmp_path, with_file(b"a,b,c\n" * 2_000_000, "long.csv")) as site:
            answer = await ask(site)

        assert list(answer.files) == ["long.csv.zip"]
        assert "zipped" in answer.content

    async def test_of_eleven_megabytes_are_sent_where_a_boosted_server_takes_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker that does not listen to the server asks for its limit, once."""
        monkeypatch.setattr(Connection, "guild", lambda *_: None)
        async with serve(tmp_path, with_file(os.urandom(11 << 20))) as site:
            site.discord.guild.premium_tier = 2
            answer = await ask(site)
            await site.discord.person("Ann").say(answer.channel, "two", mention=True)
            second = await site.answer_in(answer.channel, 1)

        asked = [r for r in site.discord.requests if r.route == "/guilds/{guild_id}"]
        assert list(answer.files) == list(second.files) == ["data.bin"]
        assert len(asked) == 1

    async def test_that_fit_the_server_but_no_request_come_in_parts(self, tmp_path: Path) -> None:
        """A boosted server takes 50 MB a file, but no request of more than 25."""
        whole = os.urandom(26 << 20)
        async with serve(tmp_path, with_file(whole)) as site:
            site.discord.guild.premium_tier = 2
            answer = await ask(site)
            last = await site.answer_in(answer.channel, 1)

        got = answer.files | last.files
        assert b"".join(got[name] for name in sorted(got)) == whole

    async def test_that_no_zip_makes_fit_are_named(self, tmp_path: Path) -> None:
        """Its size is said, and how to get at it: nothing is lost in silence."""
        script = with_file(os.urandom(11 << 20))
        async with serve(tmp_path, script, DISCORD_PARTS_MAX="1") as site:
            answer = await ask(site)

        assert answer.files == {}
        assert "data.bin (11.5 MB)" in answer.content
        assert "less of it" in answer.content

    async def test_that_no_zip_makes_fit_come_in_parts(self, tmp_path: Path) -> None:
        """Numbered parts over several messages, joined by the line that stands below the text."""
        whole = os.urandom(25 << 20)
        async with serve(tmp_path, with_file(whole)) as site:
            answer = await ask(site)
            last = await site.answer_in(answer.channel, 1)

        got = answer.files | last.files
        assert list(answer.files) == ["data.bin.001", "data.bin.002"]
        assert last.content == "-# data.bin, part 3 of 3"
        assert "`cat data.bin.0* > data.bin`" in answer.content
        assert b"".join(got[name] for name in sorted(got)) == whole

    async def test_parts_that_are_missing_are_sent_after_a_crash(self, tmp_path: Path) -> None:
        """A second try sends those that did not arrive, and none twice."""
        whole = os.urandom(25 << 20)
        async with serve(tmp_path, with_file(whole), DISCORD_FILES_PER_MESSAGE="1") as site:
            site.core.answers = False
            ann = site.discord.person("Ann")
            await ann.say(site.discord.channel("general"), "one", mention=True)
            (message,) = await site.until(lambda: site.core.accepted)
            where = {"turn_id": "t", "message_id": message.id}
            reply = await site.platform.open_reply(message.key, ref=None, **where)
            script = site.core.script(site.core, message)
            (answer,) = [said async for said in script if isinstance(said, Answer)]
            answer = replace(answer, turn_id="t")
            (post,) = reply.plan(answer)
            site.discord.fault("POST", MESSAGES, status=503, times=3, skip=1)
            with pytest.raises(AmbiguousSend):
                await reply.send(post)
            again = await site.platform.open_reply(message.key, ref=reply.ref, **where)
            again.plan(answer)

            assert await again.find(post.id) is None
            await again.send(post)
            await reply.close()
            await again.close()

        said = site.discord.bot_messages(int(message.key.thread))
        names = [name for message in said for name in message.files]
        assert names == ["data.bin.001", "data.bin.002", "data.bin.003"]

    async def test_of_a_command_come_in_parts_too(self, tmp_path: Path) -> None:
        """`files get` gives a large file whole, written as a message or as a command."""
        whole = os.urandom(25 << 20)
        async with serve(tmp_path, with_file(whole)) as site:
            answer = await ask(site)
            (message,) = site.core.accepted
            script = site.core.script(site.core, message)
            (made,) = [said async for said in script if isinstance(said, Answer)]
            site.core.results["files"] = CommandResult("data.bin.", files=made.artifacts)
            ann, thread = site.discord.person("Ann"), answer.channel
            await ann.say(thread, "files")
            typed = [await site.answer_in(thread, number) for number in (2, 3)]
            given = await ann.slash(thread, "files")
            shown = await given.answer()
            await given.until(lambda: bool(given.followups))

        for messages in (typed, [shown, *given.followups]):
            got = {name: content for each in messages for name, content in each.files.items()}
            assert b"".join(got[name] for name in sorted(got)) == whole

    async def test_of_a_typed_command_that_may_not_be_attached_are_named(
        self, tmp_path: Path
    ) -> None:
        """Without “Attach Files” a typed command is answered all the same."""
        async with serve(tmp_path, with_file(b"1")) as site:
            answer = await ask(site)
            (message,) = site.core.accepted
            script = site.core.script(site.core, message)
            (made,) = [said async for said in script if isinstance(said, Answer)]
            site.core.results["files"] = CommandResult("data.bin.", files=made.artifacts)
            site.discord.deny("general", "attach_files")
            await site.discord.person("Ann").say(answer.channel, "files")
            told = await site.answer_in(answer.channel, 1)

        assert told.content.startswith("data.bin.")
        assert "Attach Files" in told.content

    async def test_that_discord_refuses_all_the_same_are_named(self, tmp_path: Path) -> None:
        """The server's limit is lower than we knew: the text arrives, the file is named."""
        async with serve(tmp_path, with_file(os.urandom(1 << 20))) as site:
            site.discord.fault("PATCH", ONE_MESSAGE, status=413)
            site.discord.fault("POST", MESSAGES, status=413, skip=1)
            answer = await ask(site)
            named = await site.answer_in(answer.channel, 1)

        assert answer.content == "Here it is."
        assert "data.bin" in named.content

    async def test_beside_a_refused_part_are_sent(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A part whose fellows were refused is left out, but not the file that goes with it."""

        async def script(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            files: list[Artifact] = []
            for name, content in (("a.bin", os.urandom(4500)), ("b.bin", b"1")):
                async for answer in with_file(content, name)(core, message):
                    assert isinstance(answer, Answer)
                    files += answer.artifacts
            yield Answer(f"turn-{message.id}", "Here.", artifacts=tuple(files))

        async def small(*_: object) -> int:
            return 1000

        monkeypatch.setattr(FileLimits, "of", small)
        async with serve(tmp_path, script, DISCORD_FILES_PER_MESSAGE="2") as site:
            site.discord.fault("POST", MESSAGES, status=413, skip=1)
            answer = await ask(site)
            beside = await site.answer_in(answer.channel, 1)
            named = await site.answer_in(answer.channel, 2)

        assert list(beside.files) == ["b.bin"]
        assert "a.bin" in named.content

    async def test_whose_link_has_expired_are_looked_up_again(self, site: DiscordSite) -> None:
        """A day later the attachment is read through its message."""
        asked = await site.discord.person("Ann").say(
            site.discord.channel("general"), "one", mention=True, files={"a.csv": b"1,2"}
        )
        await site.answer_in(await site.thread_of(asked))
        (message,) = site.core.accepted
        site.discord.clock.advance(90_000)

        read = [c async for c in site.platform.read(message.key, message.attachments[0])]

        assert b"".join(read) == b"1,2"

    @pytest.mark.parametrize("fault", [{"status": 429}, {"status": 502}, {"reset": True}])
    async def test_that_may_come_later_are_told_apart(
        self, site: DiscordSite, fault: dict[str, Any]
    ) -> None:
        """A busy or failing Discord, or a lost line, is no reason to give a file up."""
        asked = await site.discord.person("Ann").say(
            site.discord.channel("general"), "one", mention=True, files={"a.csv": b"1,2"}
        )
        await site.answer_in(await site.thread_of(asked))
        (message,) = site.core.accepted
        site.discord.fault("GET", "/cdn/*", **fault)

        with pytest.raises(AttachmentInterrupted):
            [c async for c in site.platform.read(message.key, message.attachments[0])]

        read = [c async for c in site.platform.read(message.key, message.attachments[0])]
        assert b"".join(read) == b"1,2"

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/a.csv",
            "http://cdn.discordapp.com/a.csv",
            "https://cdn.discordapp.com.evil.example/a.csv",
            "https://cdn.discordapp.com@evil.example/a.csv",
            "file:///etc/passwd",
            "http://[",
            "",
        ],
    )
    async def test_from_elsewhere_are_not_fetched(self, site: DiscordSite, url: str) -> None:
        """Only Discord's own hosts are asked for files."""
        file = Attachment("1", "a.csv", "text/csv", 3, {"url": url})

        with pytest.raises(AttachmentUnavailable):
            [c async for c in site.platform.read(ThreadKey("discord", "1", "2", "3"), file)]


class TestDowntime:
    async def test_is_made_up_for_once(self, tmp_path: Path) -> None:
        """Five messages written meanwhile, in threads, channels and a DM, are answered, once."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann, general = discord.person("Ann"), discord.channel("general")
            async with serve(tmp_path, discord=discord) as site:
                asked = await ann.say(general, "one", mention=True)
                thread = await site.thread_of(asked)
                await site.answer_in(thread)
                await ann.whisper("hello")
                await site.answer_in(discord.dm(ann))
                known = list(site.core.accepted)
            for text in ("two", "three"):
                await ann.say(thread, text)
            await ann.say(general, "four", mention=True)
            await ann.say(general, "not for us")
            await ann.whisper("five")
            await discord.person("Ben").say(discord.channel("random"), "six", mention=True)
            for _ in range(2):
                async with serve(tmp_path, discord=discord) as again:
                    again.core.accepted += known
                    await again.until(lambda: again.platform.ready.is_set())
                    await again.until(lambda: len(again.core.accepted) >= 7)
                    accepted = again.core.accepted[2:]
                known += accepted

        texts = sorted(message.text for message in accepted[:5])
        assert texts == sorted(["two", "three", "four", "five", "six"])
        assert discord.violations == []

    async def test_is_made_up_for_in_threads_archived_meanwhile(self, tmp_path: Path) -> None:
        """Discord lists no archived threads; those with a conversation lately are looked at."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann = discord.person("Ann")
            async with serve(tmp_path, discord=discord) as site:
                answer = await ask(site)
                known = list(site.core.accepted)
            await ann.say(answer.channel, "two")
            await ann.archive(answer.channel)
            async with serve(tmp_path, discord=discord) as again:
                again.core.accepted += known
                await again.answer_in(answer.channel, 1)

        assert [message.text for message in again.core.accepted] == ["one", "two"]
        assert again.core.accepted[1].key == known[0].key
        assert discord.violations == []

    async def test_in_a_busy_channel_does_not_hide_the_newest(self, tmp_path: Path) -> None:
        """Of more than can be read, the oldest and the newest are."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann, general = discord.person("Ann"), discord.channel("general")
            async with serve(tmp_path, discord=discord) as site:
                await ask(site)
            await ann.say(general, "old", mention=True)
            for number in range(20):
                await ann.say(general, f"talk {number}")
            await ann.say(general, "new", mention=True)
            async with serve(tmp_path, discord=discord, DISCORD_BACKFILL_MESSAGES="5") as again:
                await again.until(lambda: len(again.core.accepted) >= 2)

        texts = [message.text for message in again.core.accepted]
        assert texts[-2:] == ["old", "new"]

    async def test_of_long_ago_is_let_be(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A question that is too old is not answered out of the blue."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann, general = discord.person("Ann"), discord.channel("general")
            async with serve(tmp_path, discord=discord) as site:
                await ask(site)
            await ann.say(general, "old", mention=True)
            discord.clock.advance(7200)
            later = SimpleNamespace(time=discord.clock.now)
            monkeypatch.setattr("adapters.discord.backfill.time", later)
            await ann.say(general, "new", mention=True)
            async with serve(tmp_path, discord=discord, DISCORD_BACKFILL_AGE_MINUTES="60") as again:
                await again.until(lambda: again.core.accepted)

        assert [message.text for message in again.core.accepted] == ["new"]

    async def test_of_the_gateway_loses_nothing(self, site: DiscordSite) -> None:
        """What is said while the socket is cut comes with the resumed session."""
        await ask(site)

        site.discord.gateway.drop()
        answer = await ask(site, "two")

        assert answer.content == "You said: two"

    async def test_with_an_invalid_session_is_made_up_for(self, site: DiscordSite) -> None:
        """A new session replays nothing: what was missed is fetched."""
        await site.until(site.platform.ready.is_set)
        await ask(site)
        site.discord.gateway.refuse(1)
        site.discord.gateway.forget_sessions()
        site.discord.gateway.drop()

        answer = await ask(site, "two")

        assert answer.content == "You said: two"

    async def test_before_a_session_that_breaks_at_once_is_made_up_for(
        self, tmp_path: Path
    ) -> None:
        """What was missed before a session began is fetched, though that session breaks and is
        resumed before its servers are there."""
        async with serve(tmp_path, DISCORD_SEEN_SECONDS="0.05") as site:
            gateway = site.discord.gateway
            await site.until(site.platform.ready.is_set)
            await ask(site)
            identified, resumed = gateway.identifies, gateway.resumes
            gateway.forget_sessions()
            gateway.drop()
            ann, general = site.discord.person("Ann"), site.discord.channel("general")
            missed = await ann.say(general, "two", mention=True)
            await site.until(lambda: gateway.identifies > identified)
            gateway.drop()
            await site.until(lambda: gateway.resumes > resumed)
            heard = await ann.say(general, "three", mention=True)

            answers = [
                await site.answer_in(await site.thread_of(asked)) for asked in (heard, missed)
            ]

        assert [answer.content for answer in answers] == ["You said: three", "You said: two"]


class TestRunning:
    @pytest.mark.parametrize("fault", ["refused", "garbage"])
    async def test_goes_on_after_a_break(self, tmp_path: Path, fault: str) -> None:
        """A first connect that fails and an event that breaks the parser end in a new start."""
        async with FakeDiscord() as discord:
            if fault == "refused":
                discord.gateway.refuse(1)
            core = FakeCore(tmp_path, _echo, _environ(discord))
            with discord.in_discord_py():
                platform = await core.attach(plugin)
                running = asyncio.create_task(keep_running("discord", platform.run, _deaf))
                await discord.gateway.connected()
                if fault == "garbage":
                    identified = discord.gateway.identifies
                    discord.gateway.garbage()
                    await discord.until(lambda: discord.gateway.identifies > identified)
                    await discord.gateway.connected()
                asked = await discord.person("Ann").say(
                    discord.channel("general"), "one", mention=True
                )
                await discord.until(lambda: asked.thread)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await core.close()

    @pytest.mark.parametrize("fault", ["dropped", "invalid session", "garbage"])
    async def test_breaks_in_mid_answer_and_posts_it(self, tmp_path: Path, fault: str) -> None:
        """Whatever becomes of the gateway while code runs, the answer arrives, once."""
        go_on = asyncio.Event()

        async def slow(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            yield Progress("computing…")
            await go_on.wait()
            yield Answer(f"turn-{message.id}", "Here it is.")

        async with FakeDiscord() as discord:
            core = FakeCore(tmp_path, slow, _environ(discord))
            with discord.in_discord_py():
                platform = await core.attach(plugin)
                running = asyncio.create_task(keep_running("discord", platform.run, _deaf))
                await discord.gateway.connected()
                asked = await discord.person("Ann").say(
                    discord.channel("general"), "one", mention=True
                )
                thread = await discord.until(lambda: asked.thread)
                await discord.until(lambda: discord.bot_messages(thread))
                before = len(discord.gateway.sessions)
                if fault == "dropped":
                    discord.gateway.drop()
                elif fault == "garbage":
                    discord.gateway.garbage()
                else:
                    discord.gateway.invalidate()
                go_on.set()
                (answer,) = await discord.until(
                    lambda: [m for m in discord.bot_messages(thread) if "Here" in m.content]
                )
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await core.close()

        assert before == 1
        assert discord.bot_messages(thread) == [answer]

    async def test_in_two_shards_works(self, tmp_path: Path) -> None:
        """DISCORD_SHARDS divides the servers; questions are answered all the same."""
        async with FakeDiscord(shards=2) as discord:
            core = FakeCore(tmp_path, _echo, _environ(discord) | {"DISCORD_SHARDS": "2"})
            with discord.in_discord_py():
                platform = await core.attach(plugin)
                running = asyncio.create_task(platform.run())
                await discord.gateway.connected(2, timeout_seconds=20)
                asked = await discord.person("Ann").say(
                    discord.channel("general"), "one", mention=True
                )
                await discord.until(lambda: asked.thread)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await core.close()

    async def test_ends_though_it_is_told_so_in_the_moment_of_connecting(
        self, site: DiscordSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A cancellation that discord.py swallows is made again."""
        sockets = gateway.DiscordWebSocket
        from_client = sockets.from_client.__func__  # type: ignore[attr-defined]
        armed = [site.running]

        async def ending(cls: type, *given: Any, **named: Any) -> Any:
            made = await from_client(cls, *given, **named)
            if armed:
                asyncio.get_running_loop().call_soon(armed.pop().cancel)
            return made

        monkeypatch.setattr(sockets, "from_client", classmethod(ending))
        await site.until(site.platform.ready.is_set)
        site.discord.gateway.drop()

        ended, _ = await asyncio.wait({site.running}, timeout=10)

        assert ended

    async def test_without_the_intent_names_the_switch(self, tmp_path: Path) -> None:
        """Discord refuses the intent: the operator reads where to switch it on."""
        async with FakeDiscord(message_content=False) as discord:
            with pytest.raises(SettingsError, match="Message Content Intent"):
                async with serve(tmp_path, discord=discord):
                    pass
            fine, sentence = await check(_environ(discord))

        assert not fine
        assert "DISCORD_MESSAGE_CONTENT=false" in sentence

    async def test_that_does_without_the_intent_hears_what_is_left(self, tmp_path: Path) -> None:
        """Mentions, replies and DMs are answered; what Discord hides is not guessed at."""
        async with FakeDiscord(message_content=False) as discord:
            without = serve(tmp_path, discord=discord, DISCORD_MESSAGE_CONTENT="false")
            async with without as site:
                ann = discord.person("Ann")
                asked = await ann.say(
                    discord.channel("general"), "one", mention=True, files={"a.csv": b"1"}
                )
                thread = await site.thread_of(asked)
                answer = await site.answer_in(thread)
                await ann.say(thread, "hidden")
                await ann.say(thread, "three", reply_to=answer)
                await ann.whisper("four")
                await site.until(lambda: len(site.core.accepted) == 3)

        assert [m.text for m in site.core.accepted] == ["one", "three", "four"]
        assert [file.name for file in site.core.accepted[0].attachments] == ["a.csv"]

    async def test_without_the_intent_says_that_a_file_is_hidden(self, tmp_path: Path) -> None:
        """A reply to somebody's file shows us nothing of it: the way that works is named."""
        async with FakeDiscord(message_content=False) as discord:
            without = serve(tmp_path, discord=discord, DISCORD_MESSAGE_CONTENT="false")
            async with without as site:
                general = discord.channel("general")
                shared = await discord.person("Ben").say(general, files={"a.csv": b"1"})
                asked = await discord.person("Ann").say(
                    general, "sum?", mention=True, reply_to=shared, ping=False
                )
                answer = await site.answer_in(await site.thread_of(asked))

        assert answer.content.startswith("You said: sum?")
        assert "Analyse with Threadlab" in answer.content

    async def test_with_a_wrong_token_says_so(self, tmp_path: Path) -> None:
        """A token that Discord does not know is the operator's to put right."""
        async with FakeDiscord() as discord:
            with pytest.raises(SettingsError, match="DISCORD_TOKEN"):
                async with serve(tmp_path, discord=discord, DISCORD_TOKEN="wrong"):
                    pass
            fine, sentence = await check(_environ(discord) | {"DISCORD_TOKEN": "wrong"})
            well, _ = await check(_environ(discord))

        assert not fine
        assert "DISCORD_TOKEN" in sentence
        assert well

    async def test_forgets_a_thread(self, site: DiscordSite) -> None:
        """What the adapter keeps of a thread is erased; the chat keeps its messages."""
        answer = await ask(site)
        key = site.core.accepted[0].key

        await site.platform.forget(key)
        reply = await site.platform.open_reply(
            key, turn_id=f"turn-{key.thread}", message_id=key.thread, ref=None
        )
        found = await reply.find("nothing:0")
        await reply.close()

        assert found is None
        assert answer in site.discord.bot_messages(answer.channel)


async def _echo(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    yield Answer(f"turn-{message.id}", f"You said: {message.text}")


def _deaf(name: str, runs: bool) -> None:
    """Nobody asks whether it runs."""


def _environ(discord: FakeDiscord) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
    }
