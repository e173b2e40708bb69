"""Commands, autocompletion, the menu of a message and buttons on Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from discord.utils import snowflake_time

from adapters.discord.menu import ANALYSE
from bot.domain import Action, Addressing, Answer, Artifact, IncomingMessage, Progress, ThreadKey
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.discord import Channel, FakeDiscord
from tests.fakes.discord.permissions import bits
from tests.fakes.discord.records import Role
from tests.fakes.discord_driver import DiscordSite, serve

BUTTONS = (Action("code", "Code", "turn-1"), Action("retry", "Retry"), Action("reset", "Reset"))


async def with_buttons(
    core: FakeCore, message: IncomingMessage
) -> AsyncIterator[Progress | Answer]:
    """An answer with buttons."""
    turn_id = f"turn-{message.id}-{core.attempts}" if core.attempts else f"turn-{message.id}"
    yield Answer(turn_id, f"You said: {message.text}", actions=BUTTONS)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path, with_buttons) as started:
        yield started
    assert started.discord.violations == []


async def thread_in(site: DiscordSite) -> Channel:
    """A thread in which something was answered."""
    asked = await site.discord.person("Ann").say(
        site.discord.channel("general"), "one", mention=True
    )
    thread = await site.thread_of(asked)
    await site.answer_in(thread)
    return thread


class TestCommands:
    async def test_work_in_the_thread_that_they_are_given_in(self, site: DiscordSite) -> None:
        """What a command says concerns its own thread, and is seen by who gave it."""
        thread = await thread_in(site)
        site.core.results["status"] = CommandResult("A container **is** running.")

        answer = await (await site.discord.person("Ann").slash(thread, "status")).answer()

        assert answer.ephemeral
        assert answer.content == "A container **is** running."
        name, key, caller, _ = site.core.calls[-1]
        assert (name, key) == ("status", site.core.accepted[0].key)
        assert caller.author.name == "Ann"
        assert not caller.admin

    async def test_that_concern_everybody_are_seen_by_everybody(self, site: DiscordSite) -> None:
        """A reset is no secret."""
        thread = await thread_in(site)
        site.core.results["reset"] = CommandResult("Reset.", public=True)

        answer = await (await site.discord.person("Ann").slash(thread, "reset")).answer()

        assert not answer.ephemeral

    async def test_that_take_long_are_acknowledged_in_time(self, tmp_path: Path) -> None:
        """Discord waits three seconds; a slow command says meanwhile that it works."""
        async with serve(tmp_path, DISCORD_COMMAND_ACK_SECONDS="0.05") as site:
            go_on = asyncio.Event()
            run = site.core.run

            async def slow(
                name: str, key: ThreadKey, caller: Any, arguments: str = "", *, once: str = ""
            ) -> Any:
                await go_on.wait()
                return await run(name, key, caller, arguments)

            site.core.run = slow  # type: ignore[method-assign]
            site.core.results["usage"] = CommandResult("Nothing yet.")
            given = await site.discord.person("Ann").slash(site.discord.channel("general"), "usage")

            await given.acked()
            go_on.set()
            answer = await given.answer()

        assert answer.content == "Nothing yet."
        assert site.discord.violations == []

    @pytest.mark.parametrize("name", ["help", "usage", "settings"])
    async def test_for_a_channel_have_no_thread(self, site: DiscordSite, name: str) -> None:
        """In a plain channel a command is about the channel."""
        site.core.results[name] = CommandResult("Here.")

        await (await site.discord.owner.slash(site.discord.channel("general"), name)).answer()

        _, key, caller, _ = site.core.calls[-1]
        assert key.thread == ""
        assert key.channel == str(site.discord.channel("general").id)
        assert caller.admin

    @pytest.mark.parametrize("manages", [True, False], ids=["Manage Server", "nobody special"])
    async def test_typed_as_a_message_know_who_manages_the_server(
        self, tmp_path: Path, manages: bool
    ) -> None:
        """Settings by message take “Manage Server” as well; “Manage Channels” is not enough."""
        async with FakeDiscord() as discord:
            ann, guild = discord.person("Ann"), discord.guild
            name = "manage_guild" if manages else "manage_channels"
            role = Role(discord.world.ids.next(), "staff", bits(name))
            guild.roles[role.id] = role
            guild.members[ann.id].role_ids.append(role.id)
            async with serve(tmp_path, discord=discord) as site:
                site.core.results["settings"] = CommandResult("Set.")

                await ann.say(discord.channel("general"), "settings model large", mention=True)
                await site.until(lambda: site.core.calls)

                (name, _, caller, arguments), *_ = site.core.calls

        assert (name, arguments) == ("settings", "model large")
        assert caller.admin is manages
        assert discord.violations == []

    async def test_get_their_arguments_as_a_line(self, site: DiscordSite) -> None:
        """`/files action:get name:sales.csv` is "files get sales.csv"."""
        thread = await thread_in(site)
        site.core.results["files"] = CommandResult("There.")

        given = await site.discord.person("Ann").slash(
            thread, "files", name="sales 2026.csv", action="get"
        )
        await given.answer()

        assert site.core.calls[-1][3] == "get sales 2026.csv"

    async def test_bring_files_and_buttons(self, site: DiscordSite) -> None:
        """A file that a command gives hangs on its answer."""
        thread = await thread_in(site)
        blob = await site.core.blobs.put(
            site.core.accepted[0].key, _chunks(b"print(1)"), limit_bytes=100
        )
        file = Artifact("a", "code.py", "text/x-python", blob)
        site.core.results["code"] = CommandResult(
            "The code.", files=(file,), actions=(Action("notebook", "Notebook"),)
        )

        answer = await (await site.discord.person("Ann").slash(thread, "code")).answer()

        assert answer.files == {"code.py": b"print(1)"}
        assert [button["label"] for button in answer.buttons] == ["Notebook"]

    async def test_long_results_come_in_pieces(self, site: DiscordSite) -> None:
        """Help longer than a message goes on in the next."""
        site.core.results["help"] = CommandResult("\n\n".join(["A line of help."] * 300))

        given = await site.discord.person("Ann").slash(site.discord.channel("general"), "help")
        await given.answer()
        await site.until(lambda: len(given.followups) >= 2)

        assert all(message.ephemeral for message in given.followups)

    async def test_written_as_messages_work_too(self, site: DiscordSite) -> None:
        """ "status" in a thread of ours is the command, not a question."""
        thread = await thread_in(site)
        site.core.results["status"] = CommandResult("Running.")

        await site.discord.person("Ann").say(thread, "status")
        answer = await site.answer_in(thread, 1)

        assert answer.content == "Running."
        assert len(site.core.accepted) == 1

    async def test_written_as_messages_are_answered_once(self, site: DiscordSite) -> None:
        """After a crash, an answer that stands in the thread is not said again."""
        thread = await thread_in(site)
        site.core.results["status"] = CommandResult("Running.")
        await site.discord.person("Ann").say(thread, "status")
        await site.answer_in(thread, 1)
        (order,) = site.core.orders.given
        before = len(thread.messages)

        site.discord.clock.advance(3600)
        await site.platform.answer(order, site.core.results["status"], again=True)

        assert len(thread.messages) == before

    async def test_written_while_the_bot_was_away_are_handed_in(self, tmp_path: Path) -> None:
        """A command of a downtime comes with its time: whether it still counts is the core's."""
        async with FakeDiscord(rate_limits=False) as discord:
            async with serve(tmp_path, discord=discord) as site:
                thread = await thread_in(site)
            written = await discord.person("Ann").say(thread, "status")
            async with serve(tmp_path, discord=discord) as again:
                await again.until(lambda: again.core.orders.given)
                (order,) = again.core.orders.given

        assert (order.id, order.command) == (str(written.id), "status")
        assert order.sent_at == snowflake_time(written.id)

    async def test_complete_what_is_typed(self, site: DiscordSite) -> None:
        """The core's suggestions are Discord's choices; it knows the options given before."""
        thread = await thread_in(site)

        ann = site.discord.person("Ann")
        choices = await ann.autocomplete(thread, "files", "name", "sal", action="get")

        assert site.core.completed_after == "get"
        assert choices == [
            {"name": "sal one", "value": "sal-1"},
            {"name": "sal two", "value": "sal-2"},
        ]

    async def test_are_followed_once_by_two_workers(self, tmp_path: Path) -> None:
        """Two workers on one database hear the same command, message or press; one follows it."""
        async with FakeDiscord(rate_limits=False) as discord:
            ann, general = discord.person("Ann"), discord.channel("general")
            async with (
                serve(tmp_path, discord=discord) as one,
                serve(tmp_path, discord=discord) as two,
            ):
                await discord.gateway.connected(2)
                cores = (one.core, two.core)
                for core in cores:
                    core.results["help"] = CommandResult("Help.", actions=(Action("help", "Help"),))

                shown = await (await ann.slash(general, "help")).answer()
                await (await ann.click(shown, "Help")).answer()
                await ann.say(general, "help", mention=True)
                await one.until(lambda: sum(len(core.commands) for core in cores) >= 3)
                await one.answer_in(general, 0)

        assert sum(len(core.commands) for core in cores) == 3

    async def test_are_registered_once_until_they_change(self, tmp_path: Path) -> None:
        """A restart registers nothing: Discord allows 200 a day."""
        async with FakeDiscord() as discord:
            for _ in range(2):
                async with serve(tmp_path, discord=discord) as site:
                    await site.until(lambda: discord.world.command_syncs)

        assert discord.world.command_syncs == 1


class TestAsk:
    async def test_opens_a_thread_from_the_question(self, site: DiscordSite) -> None:
        """`/ask` with files is shown in the channel, and answered in a thread of its own."""
        general = site.discord.channel("general")

        given = await site.discord.person("Ann").slash(
            general, "ask", question="sum?", file=("a.csv", b"1"), file2=("b.csv", b"2")
        )
        shown = await given.answer()
        answer = await site.answer_in(await site.thread_of(shown))

        (message,) = site.core.accepted
        assert shown.content == "> sum?\n-# 📎 a.csv, b.csv"
        assert answer.content == "You said: sum?"
        assert [file.name for file in message.attachments] == ["a.csv", "b.csv"]
        assert message.addressed is Addressing.MENTION
        chunks = [c async for c in site.platform.read(message.key, message.attachments[1])]
        assert b"".join(chunks) == b"2"

    async def test_in_a_thread_goes_on_there(self, site: DiscordSite) -> None:
        """A question by command belongs to the thread that it is put in."""
        thread = await thread_in(site)

        await (await site.discord.person("Ann").slash(thread, "ask", question="and?")).answer()
        await site.until(lambda: len(site.core.accepted) == 2)

        first, second = site.core.accepted
        assert first.key == second.key

    async def test_that_is_replied_to_goes_on(self, site: DiscordSite) -> None:
        """A reply to the question in the channel belongs to the question's thread."""
        ann, general = site.discord.person("Ann"), site.discord.channel("general")
        shown = await (await ann.slash(general, "ask", question="sum?")).answer()
        thread = await site.thread_of(shown)
        await site.answer_in(thread)

        await ann.say(general, "and the mean?", reply_to=shown)
        await site.answer_in(thread, 1)

        first, second = site.core.accepted
        assert first.key == second.key

    async def test_in_a_direct_message_goes_on_there(self, site: DiscordSite) -> None:
        """A DM is one conversation, however a question is put."""
        ann = site.discord.person("Ann")
        await ann.whisper("one")
        await site.answer_in(site.discord.dm(ann))

        await (await ann.slash(site.discord.dm(ann), "ask", question="two")).answer()
        await site.until(lambda: len(site.core.accepted) == 2)

        first, second = site.core.accepted
        assert first.key == second.key

    async def test_without_words_are_refused(self, site: DiscordSite) -> None:
        """Blanks alone open no thread; who gave them is told so."""
        general = site.discord.channel("general")

        told = await (await site.discord.person("Ann").slash(general, "ask", question=" ")).answer()

        assert told.ephemeral
        assert "no question" in told.content
        assert site.core.accepted == []


class TestMenu:
    async def test_analyses_the_files_of_a_message(self, site: DiscordSite) -> None:
        """“Analyse with Threadlab” on anybody's message asks about its files."""
        general = site.discord.channel("general")
        shared = await site.discord.person("Ben").say(
            general, "our sales", files={"sales.csv": b"1,2"}
        )

        shown = await (await site.discord.person("Ann").menu(shared, ANALYSE)).answer()
        await site.answer_in(await site.thread_of(shown))

        (message,) = site.core.accepted
        assert message.author.name == "Ann"
        assert message.text == "> our sales\n\nWhat is in sales.csv?"
        assert shown.thread is not None
        assert shown.thread.name == "Analysis of sales.csv"
        assert [file.name for file in message.attachments] == ["sales.csv"]

    async def test_does_not_quote_the_bot(self, site: DiscordSite) -> None:
        """What the bot said about a file of its own is no question."""
        thread = await thread_in(site)
        blob = await site.core.blobs.put(
            site.core.accepted[0].key, _chunks(b"1,2"), limit_bytes=1000
        )
        file = Artifact("cf_1", "a.csv", "text/csv", blob)
        site.core.results["files"] = CommandResult("Here is a.csv.", files=(file,), public=True)
        given = await (await site.discord.person("Ann").slash(thread, "files")).answer()

        await (await site.discord.person("Ann").menu(given, ANALYSE)).answer()
        await site.until(lambda: len(site.core.accepted) == 2)

        assert site.core.accepted[1].text == "What is in a.csv?"

    async def test_says_where_there_is_nothing_to_analyse(self, site: DiscordSite) -> None:
        """A message without files gets a sentence, for who asked."""
        said = await site.discord.person("Ben").say(site.discord.channel("general"), "hi")

        answer = await (await site.discord.person("Ann").menu(said, ANALYSE)).answer()

        assert answer.ephemeral
        assert "no files" in answer.content


class TestButtons:
    async def test_give_their_command(self, site: DiscordSite) -> None:
        """Code shows the code of that answer, to who pressed."""
        thread = await thread_in(site)
        site.core.results["code"] = CommandResult("```python\nprint(1)\n```")

        pressed = await site.discord.person("Ben").click(
            site.discord.bot_messages(thread)[0], "Code"
        )
        answer = await pressed.answer()

        assert answer.ephemeral
        assert "print(1)" in answer.content
        name, key, caller, arguments = site.core.calls[-1]
        assert (name, arguments, caller.author.name) == ("code", "turn-1", "Ben")
        assert key == site.core.accepted[0].key

    async def test_live_on_after_a_restart(self, tmp_path: Path) -> None:
        """A button that another process posted still works."""
        async with FakeDiscord() as discord:
            async with serve(tmp_path, with_buttons, discord=discord) as site:
                thread = await thread_in(site)
            async with serve(tmp_path, with_buttons, discord=discord) as again:
                again.core.results["code"] = CommandResult("Still here.")
                pressed = await discord.person("Ann").click(discord.bot_messages(thread)[0], "Code")
                answer = await pressed.answer()

        assert answer.content == "Still here."
        assert discord.violations == []

    async def test_stop_ends_a_running_answer(self, tmp_path: Path) -> None:
        """While it works there is a Stop, and pressing it ends the work."""

        async def endless(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            yield Progress("computing…", text="So far, so good.")
            await asyncio.Event().wait()

        async with serve(tmp_path, endless) as site:
            ann = site.discord.person("Ann")
            asked = await ann.say(site.discord.channel("general"), "one", mention=True)
            thread = await site.thread_of(asked)
            (status,) = await site.until(lambda: site.discord.bot_messages(thread))

            await ann.click(status, "Stop")
            answer = await site.answer_in(thread)

        assert "Stopped." in answer.content
        assert answer.buttons == []
        assert site.discord.violations == []

    async def test_retry_answers_once_more(self, site: DiscordSite) -> None:
        """A press without a word of its own is acknowledged; the new answer is a new message."""
        thread = await thread_in(site)

        await site.discord.person("Ann").click(site.discord.bot_messages(thread)[0], "Retry")
        await site.answer_in(thread, 1)

        assert len(site.discord.bot_messages(thread)) == 2

    async def test_in_a_locked_thread_say_where_the_answer_comes(self, site: DiscordSite) -> None:
        """A new answer can't be seen where the button is: who pressed is told so, alone."""
        thread, general = await thread_in(site), site.discord.channel("general")
        (answer,) = site.discord.bot_messages(thread)
        site.discord.chat.update_thread(thread, locked=True)

        told = await (await site.discord.person("Ann").click(answer, "Retry")).answer()
        await site.answer_in(general, 1)

        assert told.ephemeral
        assert f"locked. Where I may not write in it, the answer comes in <#{general.id}>" in (
            told.content
        )
        assert len(site.discord.bot_messages(thread)) == 1


class TestUserInstall:
    async def test_answers_where_the_bot_is_not(self, site: DiscordSite) -> None:
        """Somebody who installed the app asks in another server, and asks on."""
        elsewhere = site.discord.add_guild("Elsewhere", with_bot=False)
        general = site.discord.channel("general", elsewhere)
        ann = site.discord.person("Ann", guild=elsewhere)

        given = await ann.slash(general, "ask", question="sum?", file=("a.csv", b"1"))
        await site.until(lambda: _said(site, general, "> sum?\n-# 📎 a.csv\nYou said: sum?"))
        again = await ann.slash(general, "ask", question="and?")
        await site.until(lambda: _said(site, general, "> and?\nYou said: and?"))

        first, second = site.core.accepted
        assert first.key == second.key
        assert given.user_installed
        assert again.user_installed
        assert first.key.workspace == str(elsewhere.id)

    async def test_answers_in_the_place_of_the_question(self, site: DiscordSite) -> None:
        """One message shows the question, then the status and the answer below it; a lost line
        makes no second one."""
        elsewhere = site.discord.add_guild("Elsewhere", with_bot=False)
        general = site.discord.channel("general", elsewhere)
        ann = site.discord.person("Ann", guild=elsewhere)
        lost = {"status": 503, "accepted": True}
        met = [site.discord.fault(method, "/webhooks/*", **lost) for method in ("POST", "PATCH")]

        shown = await (await ann.slash(general, "ask", question="sum?")).answer()
        await site.until(lambda: "You said" in shown.content)

        assert shown.past[0] == "> sum?"
        assert shown.past[1].startswith("> sum?\n-# ⏳")
        assert site.discord.bot_messages(general) == [shown]
        assert [fault.met for fault in met] == [0, 1]

    async def test_answers_though_the_question_was_deleted(self, site: DiscordSite) -> None:
        """Then the answer is a message of its own."""
        elsewhere = site.discord.add_guild("Elsewhere", with_bot=False)
        general = site.discord.channel("general", elsewhere)
        ann = site.discord.person("Ann", guild=elsewhere)
        site.discord.fault("PATCH", "/webhooks/*", status=404)

        await ann.slash(general, "ask", question="sum?")

        await site.until(lambda: _said(site, general, "You said: sum?"))

    async def test_buttons_work_there(self, site: DiscordSite) -> None:
        """The buttons of such an answer are about the same conversation."""
        elsewhere = site.discord.add_guild("Elsewhere", with_bot=False)
        general = site.discord.channel("general", elsewhere)
        ann = site.discord.person("Ann", guild=elsewhere)
        await ann.slash(general, "ask", question="sum?")
        answer = await site.until(lambda: _said(site, general, "> sum?\nYou said: sum?"))
        site.core.results["code"] = CommandResult("The code.")

        shown = await (await ann.click(answer, "Code")).answer()

        assert shown.content == "The code."
        assert site.core.calls[-1][1] == site.core.accepted[0].key

    async def test_a_retry_does_not_speak_before_it_is_answered(self, site: DiscordSite) -> None:
        """A command's way is open once it was answered: the new answer waits for that, and shows
        in the place of nobody's private one."""
        elsewhere = site.discord.add_guild("Elsewhere", with_bot=False)
        general = site.discord.channel("general", elsewhere)
        ann = site.discord.person("Ann", guild=elsewhere)
        await ann.slash(general, "ask", question="sum?")
        answer = await site.until(lambda: _said(site, general, "> sum?\nYou said: sum?"))
        site.discord.clock.advance(901)  # the way of the question is closed
        site.core.results["reset"] = CommandResult("Reset.", public=True)

        start_turn = site.core.start_turn

        def again(message: IncomingMessage, turn_id: str) -> None:
            """As the core does: a question asked again has an id of its own."""
            own = replace(message, id=f"{message.id}~1")
            start_turn(own, turn_id.replace(message.id, own.id))

        site.core.start_turn = again  # type: ignore[method-assign]

        site.discord.fault("POST", "/interactions/*/*/callback", slow_seconds=0.5)
        await ann.click(answer, "Retry")
        second = await (await ann.click(answer, "Reset")).answer()
        said = site.discord.bot_messages
        await site.until(lambda: _said(site, general, "You said: sum?"))

        assert second.content == "Reset."
        assert said(site.discord.dm(ann)) == []


def _said(site: DiscordSite, channel: Channel, text: str) -> Any:
    return next((m for m in site.discord.bot_messages(channel) if m.content == text), None)


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
