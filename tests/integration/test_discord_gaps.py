"""What must not fall into a gap on Discord: messages, presses and files, when something fails."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from adapters.discord.asks import NO_QUESTION
from adapters.discord.file_limits import FileLimits
from adapters.discord.store import DiscordStore
from bot.domain import Action, Answer, Artifact, IncomingMessage, Progress, ThreadKey
from bot.errors import PlatformError
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.discord import FakeDiscord, Message
from tests.fakes.discord_driver import DiscordSite, serve

LOCKED = OperationalError("", {}, Exception("database is locked"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path, DISCORD_COMMAND_ACK_SECONDS="0.05") as started:
        yield started
    assert started.discord.violations == []


class TestMessages:
    async def test_that_could_not_be_taken_are_read_at_the_next_start(self, tmp_path: Path) -> None:
        """A later message that was taken does not hide an earlier one that was not."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann = discord.person("Ann")
            async with serve(tmp_path, discord=discord) as site:
                await site.until(site.platform.ready.is_set)
                accept = site.core.accept

                async def failing(message: IncomingMessage) -> bool:
                    if message.text == "one":
                        raise LOCKED
                    return await accept(message)

                site.core.accept = failing  # type: ignore[method-assign]
                await ann.say(discord.channel("general"), "one", mention=True)
                other = await ann.say(discord.channel("random"), "two", mention=True)
                await site.answer_in(await site.thread_of(other))

            async with serve(tmp_path, discord=discord) as again:
                await again.until(lambda: [m for m in again.core.accepted if m.text == "one"])

    async def test_that_could_not_be_taken_are_tried_again(self, tmp_path: Path) -> None:
        """Once the database is back, so is the question, without a restart."""
        async with serve(tmp_path, DISCORD_SEEN_SECONDS="0.05") as site:
            await site.until(site.platform.ready.is_set)
            accept, failures = site.core.accept, [LOCKED]

            async def failing(message: IncomingMessage) -> bool:
                if failures:
                    raise failures.pop()
                return await accept(message)

            site.core.accept = failing  # type: ignore[method-assign]
            asked = await site.discord.person("Ann").say(
                site.discord.channel("general"), "one", mention=True
            )
            answer = await site.answer_in(await site.thread_of(asked))

        assert answer.content == "You said: one"
        assert failures == []

    async def test_that_could_never_be_taken_hold_up_nothing_for_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that is too old to be read again does not keep newer ones from being noted."""
        async with (
            FakeDiscord(rate_limits=False) as discord,
            serve(
                tmp_path,
                discord=discord,
                DISCORD_SEEN_SECONDS="0.05",
                DISCORD_BACKFILL_AGE_MINUTES="60",
            ) as site,
        ):
            await site.until(site.platform.ready.is_set)
            accept, general = site.core.accept, discord.channel("general")

            async def failing(message: IncomingMessage) -> bool:
                if message.text == "one":
                    raise LOCKED
                return await accept(message)

            site.core.accept = failing  # type: ignore[method-assign]
            bad = await discord.person("Ann").say(general, "one", mention=True)
            discord.clock.advance(7200)
            good = await discord.person("Ann").say(general, "two", mention=True)
            await site.answer_in(await site.thread_of(good))
            before = await _noted(site)

            later = SimpleNamespace(time=discord.clock.now, monotonic=time.monotonic)
            monkeypatch.setattr("adapters.discord.backfill.time", later)
            async with asyncio.timeout(10):
                while await _noted(site) < good.id:
                    await asyncio.sleep(0.01)

        assert before < bad.id

    async def test_missed_by_one_shard_of_two_are_read(self, tmp_path: Path) -> None:
        """One shard's session is invalid, the other goes on: what the first missed is fetched."""
        async with (
            FakeDiscord(shards=2) as discord,
            serve(tmp_path, discord=discord, DISCORD_SHARDS="2") as site,
        ):
            await site.until(site.platform.ready.is_set)
            general = discord.channel("general")
            assert general.guild is not None
            for session in discord.gateway.live():
                if session.wants("MESSAGE_CREATE", general.guild.id):
                    del discord.gateway.sessions[session.id]
                    assert session.connection is not None
                    session.connection.abort()

            await discord.person("Ann").say(general, "one", mention=True)
            await site.until(lambda: [m.text for m in site.core.accepted] == ["one"])

    async def test_missed_before_a_new_division_are_read(self, tmp_path: Path) -> None:
        """Another number of shards begins where the one before had come to."""
        async with FakeDiscord(rate_limits=False, shards=2) as discord:
            for shards in ("2", "4"):
                async with serve(tmp_path, discord=discord, DISCORD_SHARDS=shards) as site:
                    if shards == "4":
                        await site.until(lambda: [m.text for m in site.core.accepted] == ["one"])
                if shards == "2":
                    await discord.person("Ann").say(discord.channel("general"), "one", mention=True)

    async def test_missed_are_read_though_the_database_fails_at_first(self, tmp_path: Path) -> None:
        """Looking for missed messages is tried again, not given up in silence."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann, general = discord.person("Ann"), discord.channel("general")
            async with serve(tmp_path, discord=discord):
                pass
            await ann.say(general, "one", mention=True)
            async with serve(tmp_path, discord=discord) as again:
                recent, failures = again.core.recent, [LOCKED]

                async def failing(*arguments: Any, **options: Any) -> Any:
                    if failures:
                        raise failures.pop()
                    return await recent(*arguments, **options)

                again.core.recent = failing  # type: ignore[method-assign]
                await again.until(lambda: [m.text for m in again.core.accepted] == ["one"])

        assert failures == []

    async def test_in_a_thread_that_was_not_told_of_belong_to_it(self, site: DiscordSite) -> None:
        """A private thread is known only once it is asked for; the answer stays in it."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        await site.until(site.platform.ready.is_set)
        client = site.platform._context.connection.current
        assert client is not None
        guild = client.guilds[0]
        thread = await ann.open_thread(general, "apart")
        told = await site.until(lambda: guild.get_thread(thread.id))
        guild._remove_thread(told)
        site.discord.deny("general", "create_public_threads")

        await ann.say(thread, "one", mention=True)
        answer = await site.answer_in(thread)

        assert answer.content == "You said: one"
        assert site.core.accepted[0].key.thread == str(thread.id)

    async def test_that_are_edited_keep_what_came_with_them(self, site: DiscordSite) -> None:
        """The title of a forum's post comes with its question, also after an edit."""
        ann = site.discord.person("Ann")
        thread = await ann.post(site.discord.channel("questions"), "Totals", "sum?", mention=True)
        await site.answer_in(thread)

        await ann.edit(next(iter(thread.messages.values())), "the sum?")
        (revised,) = await site.until(lambda: site.core.revised)

        assert revised[2] == "> Title of the post: Totals\n\nthe sum?"


class TestInteractions:
    async def test_are_acknowledged_while_the_database_is_busy(
        self, site: DiscordSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The three seconds begin with the press, not when our own books are open."""
        go_on, claim = asyncio.Event(), DiscordStore.claim

        async def slow(store: DiscordStore, order_id: int) -> bool:
            await go_on.wait()
            return await claim(store, order_id)

        monkeypatch.setattr(DiscordStore, "claim", slow)
        site.core.results["usage"] = CommandResult("Nothing yet.")

        given = await site.discord.person("Ann").slash(site.discord.channel("general"), "usage")
        await given.acked()
        go_on.set()

        assert (await given.answer()).content == "Nothing yet."

    async def test_are_answered_though_the_bot_is_told_to_stop(
        self, site: DiscordSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The gateway is left at once; who gave a command before that still hears."""
        monkeypatch.setattr("adapters.discord.connection._LEAST_LINGER_SECONDS", 0)
        go_on, claim = asyncio.Event(), DiscordStore.claim

        async def slow(store: DiscordStore, order_id: int) -> bool:
            await go_on.wait()
            return await claim(store, order_id)

        monkeypatch.setattr(DiscordStore, "claim", slow)
        site.core.results["usage"] = CommandResult("Nothing yet.")
        given = await site.discord.person("Ann").slash(site.discord.channel("general"), "usage")
        await given.acked()

        site.running.cancel()
        await asyncio.wait({site.running}, timeout=10)
        go_on.set()

        assert (await given.answer()).content == "Nothing yet."

    @pytest.mark.parametrize(("question", "shown"), [("sum?", "> sum?"), (" ", NO_QUESTION)])
    async def test_that_ask_are_acknowledged_then_too(
        self, site: DiscordSite, monkeypatch: pytest.MonkeyPatch, question: str, shown: str
    ) -> None:
        """A question is shown, or refused to the person alone, once that is known."""
        go_on, claim = asyncio.Event(), DiscordStore.claim

        async def slow(store: DiscordStore, order_id: int) -> bool:
            await go_on.wait()
            return await claim(store, order_id)

        monkeypatch.setattr(DiscordStore, "claim", slow)
        general = site.discord.channel("general")

        given = await site.discord.person("Ann").slash(general, "ask", question=question)
        await given.acked()
        go_on.set()

        def told() -> list[Message]:
            return [message for message in (given.original, *given.followups) if message]

        await site.until(lambda: [message.content for message in told()][-1:] == [shown])

        assert told()[-1].ephemeral == (shown == NO_QUESTION)
        assert len(site.discord.bot_messages(general)) == (shown != NO_QUESTION)

    async def test_that_fail_say_so(self, site: DiscordSite) -> None:
        """A question by command that could not be taken does not just stand there."""

        async def failing(message: IncomingMessage) -> bool:
            raise LOCKED

        site.core.accept = failing  # type: ignore[method-assign]
        general = site.discord.channel("general")

        given = await site.discord.person("Ann").slash(general, "ask", question="one")
        await given.until(lambda: bool(given.followups))

        assert "did not work" in given.followups[0].content

    async def test_with_what_a_command_showed_concern_its_conversation(
        self, tmp_path: Path
    ) -> None:
        """Also in a channel without threads: a button leads to buttons of the same conversation."""

        async def script(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            yield Answer(f"turn-{message.id}", "Here.", actions=(Action("files", "Files"),))

        async with FakeDiscord() as discord:
            discord.deny("general", "create_public_threads")
            async with serve(tmp_path, script, discord=discord) as site:
                ann, general = discord.person("Ann"), discord.channel("general")
                await ann.say(general, "one", mention=True)
                answer = await site.answer_in(general)
                zipped = Action("files", "All as a zip", "zip")
                site.core.results["files"] = CommandResult("Two files.", actions=(zipped,))
                shown = await (await ann.click(answer, "Files")).answer()
                store = DiscordStore(site.core.services.database)
                async with asyncio.timeout(10):
                    while await store.thread_of(shown.id) is None:
                        await asyncio.sleep(0.01)

                await (await ann.click(shown, "All as a zip")).answer()

        assert [key for _, key, _, _ in site.core.calls] == [site.core.accepted[0].key] * 2


class TestFiles:
    async def test_that_are_too_large_are_all_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ten names, more than one message takes, are said in several."""
        names = [f"{number}-{'long' * 20}.bin" for number in range(10)]

        async def script(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            async def chunks() -> AsyncIterator[bytes]:
                yield os.urandom(2000)

            blob = await core.blobs.put(message.key, chunks(), limit_bytes=10_000)
            files = tuple(Artifact(name, name, "application/octet-stream", blob) for name in names)
            yield Answer(f"turn-{message.id}", "Here they are.", artifacts=files)

        async def small(limits: FileLimits, key: ThreadKey, artifacts: Sequence[Artifact]) -> int:
            return 1000

        monkeypatch.setattr(FileLimits, "of", small)
        async with serve(tmp_path, script) as site:
            asked = await site.discord.person("Ann").say(
                site.discord.channel("general"), "one", mention=True
            )
            thread = await site.thread_of(asked)

            def unnamed() -> list[str]:
                said = "\n".join(m.content for m in site.discord.bot_messages(thread))
                return [name for name in names if name not in said]

            await site.until(lambda: not unnamed())

        assert len(site.discord.bot_messages(thread)) > 2


async def test_books_that_fail_at_the_end_do_not_keep_it_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to stop, it stops, though it can't note up to where messages were seen."""
    failed: list[str] = []

    async def failing(store: DiscordStore, name: str, value: str) -> None:
        failed.append(name)
        raise LOCKED

    async with serve(tmp_path, DISCORD_SEEN_SECONDS="0.05") as site:
        await site.until(site.platform.ready.is_set)
        monkeypatch.setattr(DiscordStore, "set_value", failing)
        await site.discord.person("Ann").say(site.discord.channel("general"), "hello there")
        await site.until(lambda: failed)

        site.running.cancel()
        before = len(failed)
        await asyncio.wait({site.running}, timeout=10)

    assert len(failed) > before
    assert site.running.cancelled()


async def _noted(site: DiscordSite) -> int:
    return int(await DiscordStore(site.core.services.database).value("seen up to") or 0)


async def test_a_token_that_is_refused_later_leaves_other_platforms_alone(tmp_path: Path) -> None:
    """At the start a bad token ends the bot with a sentence; once it ran, Discord alone waits."""
    async with FakeDiscord() as discord, serve(tmp_path, discord=discord) as site:
        await site.until(site.platform.ready.is_set)
        discord.gateway.garbage()
        await asyncio.gather(site.running, return_exceptions=True)
        discord.world.token = "another"

        with pytest.raises(PlatformError, match="DISCORD_TOKEN"):
            await site.platform.run()
