"""Commands in Slack: typed, pressed, chosen from menus, filled into modals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from bot.domain import (
    Action,
    Addressing,
    Answer,
    Artifact,
    Author,
    Caller,
    CodeRun,
    IncomingMessage,
    Order,
    Progress,
    RunState,
)
from bot.errors import AmbiguousSend
from bot.ports import CommandResult
from tests.fakes.core import SPECS, FakeCore
from tests.fakes.slack import FakeSlack, Message
from tests.fakes.slack.records import ChannelKind
from tests.fakes.slack_driver import SlackSite, loopback, serve
from tests.fakes.slack_process import other_process

ACTIONS = (Action("code", "Code", "turn-1"), Action("retry", "Retry"), Action("reset", "Reset"))
BUTTONS = ["Code", "Retry", "Reset"]
FOR_A_THREAD = [s.name for s in SPECS if s.place == "thread" and s.listed and s.name != "stop"]


async def script(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """An answer with buttons."""
    del core
    yield Answer(f"turn-{message.id}", f"You said: {message.text}", actions=ACTIONS)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with loopback() as fake:
        yield fake
        assert not fake.violations, fake.violations


@pytest.fixture
async def site(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[SlackSite]:
    async with serve(slack, tmp_path, script) as running:
        yield running


async def asked_and_answered(site: SlackSite, text: str = "total?") -> Message:
    """The bot's answer to a question in a channel."""
    asked = await site.ann.say("C1", text, mention=True)
    answer = await site.answer(asked)
    await site.slack.until(lambda: not site.core._turns)
    return answer


async def told(site: SlackSite, count: int = 1, user: str = "U1") -> Message:
    """The newest message that only that person sees, once there are so many."""
    await site.slack.until(lambda: len(site.slack.ephemerals(user)) >= count)
    return site.slack.ephemerals(user)[-1]


class TestSlashCommand:
    async def test_without_a_word_helps(self, site: SlackSite) -> None:
        """`/threadlab` alone is `help`, and only who typed it sees the answer."""
        site.core.results["help"] = CommandResult("I compute with **Python**.")

        await site.ann.command("/threadlab", "", "C1")
        said = await told(site)

        assert said.text == "I compute with **Python**."
        assert said.blocks[0]["type"] == "markdown"
        assert site.core.calls[0][1].thread == ""

    async def test_works_where_the_bot_is_no_member(self, site: SlackSite) -> None:
        """It is answered by the address that came with it, in any channel."""
        site.slack.channel("C9", members=[site.ann], bot=False)
        site.core.results["help"] = CommandResult("I compute.")

        await site.ann.command("/threadlab", "help", "C9")

        assert (await told(site)).channel == "C9"

    async def test_unknown_is_said(self, site: SlackSite) -> None:
        """What is no command may be a question: how to ask is said, and which commands there are.
        What only buttons give is none either."""
        await site.ann.command("/threadlab", "what is <2+2>?", "C1")
        await site.ann.command("/threadlab", "feedback", "C1")
        await told(site, 2)

        question, internal = site.slack.ephemerals("U1")
        assert question.text.startswith("There is no command “what”. To ask, mention me")
        assert "`status`" in question.text
        assert "There is no command “feedback”" in internal.text
        assert site.core.calls == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("memory 5g", "“5g” is none of `1g`"),
            ("memory", "`memory` needs how much"),
            ("files foo", "“foo” is none of"),
            ("status please", "takes no arguments"),
        ],
    )
    async def test_checks_the_words_first(self, site: SlackSite, text: str, said: str) -> None:
        """What does not fit is said before a thread has to be chosen."""
        await asked_and_answered(site)

        await site.ann.command("/threadlab", text, "C1")

        assert said in (await told(site)).text
        assert site.core.calls == []

    @pytest.mark.parametrize("kind", ["channel", "group"])
    async def test_where_the_bot_is_no_member_says_so(
        self, site: SlackSite, kind: ChannelKind
    ) -> None:
        """Mentioning it is of no use there: it has to be invited first."""
        site.slack.channel("C9", members=[site.ann], bot=False, kind=kind)

        await site.ann.command("/threadlab", "status", "C9")

        assert "/invite @Threadlab" in (await told(site)).text

    @pytest.mark.parametrize("name", FOR_A_THREAD)
    async def test_lets_the_thread_be_chosen(self, site: SlackSite, name: str) -> None:
        """A command for a thread, typed in a channel, offers one's own recent threads there."""
        bo = site.slack.person("U2", "Bo")
        first = await asked_and_answered(site, "total by region?")
        await asked_and_answered(site, "clean the list")
        await site.answer(await bo.say("C1", "not Ann's", mention=True))
        site.core.results[name] = CommandResult(f"{name} is done.")

        words = "memory 4g" if name == "memory" else name
        await site.ann.command("/threadlab", words, "C1")
        menu = await told(site)
        await site.ann.click(menu, "threadlab_pick", first.thread_ts)
        await site.slack.until(lambda: site.core.commands)
        await site.slack.until(lambda: "is done" in menu.text)

        ((command, key),) = site.core.commands
        assert (command, key.thread) == (name, first.thread_ts)

    async def test_offers_only_busy_threads_to_stop(self, slack: FakeSlack, tmp_path: Path) -> None:
        """`stop` is of use only where an answer is being worked on; elsewhere that is said."""

        async def endless(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Answer]:
            if "wait" in message.text:
                await asyncio.Event().wait()
            yield Answer(f"turn-{message.id}", "Done.")
            del core

        async with serve(slack, tmp_path, endless) as site:
            await asked_and_answered(site)
            await site.ann.command("/threadlab", "stop", "C1")
            nothing = await told(site)
            asked = await site.ann.say("C1", "wait", mention=True)
            await slack.until(lambda: site.core._turns)
            await site.ann.command("/threadlab", "stop", "C1")
            menu = await told(site, 2)

            (option,) = menu.blocks[0]["accessory"]["options"]
            assert "Nothing is being worked on" in nothing.text
            assert option["value"] == asked.ts
            assert option["text"]["text"] == "wait · just now, at work"

    async def test_offers_no_threads_of_others(self, site: SlackSite) -> None:
        """Where somebody has no thread, that is said."""
        bo = site.slack.person("U2", "Bo")
        await asked_and_answered(site)

        await bo.command("/threadlab", "reset", "C1")

        assert "You have no thread" in (await told(site, user="U2")).text

    async def test_menus_show_what_a_thread_is(self, site: SlackSite) -> None:
        """A thread is listed by its question, its day and its container."""
        await asked_and_answered(site, "a very long question about " + "many things " * 20)

        await site.ann.command("/threadlab", "reset", "C1")
        menu = await told(site)

        (option,) = menu.blocks[0]["accessory"]["options"]
        assert option["text"]["text"].startswith("a very long question")
        assert "just now, no container" in option["text"]["text"]
        assert len(option["text"]["text"]) <= 75

    async def test_public_results_stand_in_the_thread(self, site: SlackSite) -> None:
        """What concerns everybody is said in the thread as well."""
        answer = await asked_and_answered(site)
        site.core.results["reset"] = CommandResult("The container was ended.", public=True)

        await site.ann.command("/threadlab", "reset everything", "C1")
        menu = await told(site)
        await site.ann.click(menu, "threadlab_pick", answer.thread_ts)
        assert answer.thread_ts is not None
        thread = answer.thread_ts
        await site.slack.until(lambda: len(site.slack.answers("C1", thread)) == 2)

        assert site.slack.answers("C1", thread)[-1].text == "The container was ended."
        assert site.core.calls[0][3] == "everything"

    async def test_says_where_files_are(self, site: SlackSite) -> None:
        """Files of a command stand in its thread; who gave it in the channel is led there."""
        answer = await asked_and_answered(site)

        async def content() -> AsyncIterator[bytes]:
            yield b"print(1)\n"

        key = site.core.accepted[0].key
        blob = await site.core.blobs.put(key, content(), limit_bytes=100)
        file = Artifact("code", "code.py", "text/x-python", blob)
        site.core.results["code"] = CommandResult("The file has all of it.", files=(file,))

        await site.ann.command("/threadlab", "code", "C1")
        menu = await told(site)
        await site.ann.click(menu, "threadlab_pick", answer.thread_ts)
        await site.slack.until(lambda: "has all of it" in menu.text)

        assert "The file is in [the thread](https://acme.slack.com/archives/C1/p" in menu.text
        await site.slack.until(lambda: site.slack.answers("C1", key.thread)[-1].files)

    async def test_too_long_arguments_are_not_cut(self, site: SlackSite) -> None:
        """What a menu can't keep whole is not kept at all: another file might be meant."""
        await asked_and_answered(site)

        await site.ann.command("/threadlab", "files delete " + "ä" * 200, "C1")

        assert "@Threadlab files" in (await told(site)).text
        assert site.core.calls == []

    async def test_more_than_slack_takes_is_said(self, site: SlackSite) -> None:
        """Slack takes few answers to a command: where they are not enough, that is said."""
        site.core.results["help"] = CommandResult("line of help\n" * 5_000)

        await site.ann.command("/threadlab", "help", "C1")
        said = await told(site, 4)
        await site.slack.settled()

        assert "There is more than fits here" in said.text
        assert len(site.slack.ephemerals("U1")) == 4

    async def test_of_admins_may_be_tried_again(self, site: SlackSite) -> None:
        """While Slack does not say who manages the workspace, nobody is refused what they may do:
        they are asked to try again."""
        root = site.slack.person("U9", "Root", admin=True)
        site.core.results["settings"] = CommandResult("These.")
        site.slack.fail("users.info", status=429, retry_after_seconds=30)

        await root.command("/threadlab", "settings", "C1")
        first = await told(site, user="U9")
        await root.command("/threadlab", "settings", "C1")
        await site.slack.until(lambda: len(site.slack.ephemerals("U9")) == 2)

        assert "try again" in first.text
        assert site.slack.ephemerals("U9")[-1].text == "These."

    async def test_suggests_values(self, site: SlackSite) -> None:
        """`files get` without a name lets the core suggest names while somebody types."""
        answer = await asked_and_answered(site)
        site.core.results["files"] = CommandResult("Here it is.")

        await site.ann.command("/threadlab", "files get", "C1")
        menu = await told(site)
        await site.ann.click(menu, "threadlab_pick", answer.thread_ts)
        await site.slack.until(lambda: "which name" in menu.text)
        options = await site.ann.suggest(menu, "threadlab_complete", "sales")
        await site.ann.click(menu, "threadlab_complete", options[0])
        await site.slack.until(lambda: site.core.calls)

        assert [option["text"]["text"] for option in options] == ["sales one", "sales two"]
        assert site.core.completed_after == "get"
        assert site.core.calls[0][3] == "get sales-1"


class TestAsides:
    @pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"drop": "before"}])
    async def test_are_said_once_slack_takes_them(
        self, site: SlackSite, fault: dict[str, Any]
    ) -> None:
        """A busy or failing Slack is asked again, and the answer is there once."""
        site.core.results["help"] = CommandResult("I compute.")
        site.slack.fail("response_url", **fault)

        await site.ann.command("/threadlab", "help", "C1")

        assert (await told(site)).text == "I compute."
        assert len(site.slack.ephemerals("U1")) == 1
        assert site.slack.calls["chat.postEphemeral"] == 0

    @pytest.mark.parametrize("status", [404, 500])
    async def test_that_come_too_late_are_posted(self, site: SlackSite, status: int) -> None:
        """An address that has expired, or that never answers: the person is told by a message."""
        answer = await asked_and_answered(site)
        site.core.results["reset"] = CommandResult("It was reset.")
        await site.ann.command("/threadlab", "reset", "C1")
        menu = await told(site)
        site.slack.fail("response_url", status=status, times=4)

        await site.ann.click(menu, "threadlab_pick", answer.thread_ts)
        said = await told(site, 2)

        assert (said.text, said.thread_ts) == ("It was reset.", answer.thread_ts)
        assert site.slack.calls["chat.postEphemeral"] == 1

    async def test_that_reach_nobody_are_logged(self, site: SlackSite) -> None:
        """Where the bot is no member either, the operator hears of it; no secret is told."""
        site.slack.channel("C9", members=[site.ann], bot=False)
        site.core.results["help"] = CommandResult("I compute.")
        site.slack.fail("response_url", status=404)

        with structlog.testing.capture_logs() as logs:
            await site.ann.command("/threadlab", "help", "C9")
            await site.slack.until(lambda: [e for e in logs if e["event"] == "not said"])

        assert "/actions/" not in str(logs)
        assert site.slack.ephemerals("U1") == []


class TestOrders:
    @pytest.mark.parametrize("channel", ["C1", "D1"])
    async def test_outside_a_thread_offer_one(self, site: SlackSite, channel: str) -> None:
        """A command that would begin a thread of its own is meant for one that there is."""
        site.slack.dm("U1")
        mentioned = channel == "C1"
        asked = await site.ann.say(channel, "total?", mention=mentioned)
        await site.slack.until(lambda: site.slack.answers(channel, asked.ts))
        site.core.results["reset"] = CommandResult("It was reset.", public=True)

        written = await site.ann.say(channel, "reset", mention=mentioned)

        def menus() -> list[Message]:
            shown = [*site.slack.ephemerals("U1"), *site.slack.answers(channel, written.ts)]
            return [message for message in shown if "Which thread" in message.text]

        await site.slack.until(menus)
        await site.slack.settled()
        (menu,) = menus()
        await site.ann.click(menu, "threadlab_pick", asked.ts)
        await site.slack.until(lambda: site.core.commands)

        assert [(name, key.thread) for name, key in site.core.commands] == [("reset", asked.ts)]
        assert site.core.orders.given == []

    async def test_of_admins_wait_until_it_is_known_who_is_one(self, site: SlackSite) -> None:
        """While Slack does not say who manages the workspace, a command for those who do is not
        acknowledged: it comes again, and nobody is refused what they may do."""
        root = site.slack.person("U9", "Root", admin=True)
        site.slack.channel("C1", members=[site.ann, root])
        (settings,) = [spec for spec in SPECS if spec.name == "settings"]
        assert settings.admin
        # For the name of the message, and for the command; in vain at two deliveries.
        site.slack.fail("users.info", status=429, retry_after_seconds=30, times=4)

        asked = await root.say("C1", "settings", mention=True, announce=("app_mention",))
        event = site.slack.delivery.sent[-1]
        await site.slack.until(lambda: event.state == "waiting")
        await site.slack.clock.advance(70)
        await site.slack.until(lambda: site.core.orders.given)

        (order,) = site.core.orders.given
        assert (order.id, order.caller.admin) == (asked.ts, True)

    async def test_whose_offer_fails_are_offered_again(self, site: SlackSite) -> None:
        """A menu that could not be shown is not acknowledged: Slack delivers the command again."""
        await asked_and_answered(site)
        site.slack.fail("chat.postEphemeral", error="fatal_error")

        await site.ann.say("C1", "reset", mention=True, announce=("app_mention",))

        assert "Which thread" in (await told(site)).text
        await site.slack.settled()
        assert site.slack.delivery.sent[-1].attempts == 2
        assert len(site.slack.ephemerals("U1")) == 1

    async def test_that_begin_a_thread_are_answered_beside_it(self, site: SlackSite) -> None:
        """What only one person is told is not shown in a thread that nobody has answered: it stands
        in the channel."""
        site.core.results["help"] = CommandResult("I compute.")

        await site.ann.say("C1", "help", mention=True)

        said = await told(site)
        assert (said.text, said.thread_ts) == ("I compute.", None)

    async def test_of_somebody_without_threads_are_followed(self, site: SlackSite) -> None:
        """Where there is nothing to choose from, the command is answered where it was written."""
        site.core.results["status"] = CommandResult("No container.")

        await site.ann.say("C1", "status", mention=True)

        assert (await told(site)).text == "No container."

    async def test_are_told_by_two_events(self, site: SlackSite) -> None:
        """A command that is written to the bot in a channel is carried out once."""
        site.core.results["status"] = CommandResult("Running.")

        await site.ann.say("C1", "status", mention=True)
        await told(site)
        await site.slack.settled()

        assert [(order.command, order.caller.author.name) for order in site.core.orders.given] == [
            ("status", "Ann")
        ]

    async def test_answered_again_say_nothing_twice(self, site: SlackSite) -> None:
        """After a crash, what stands in the thread is not said again, nor are files shared."""
        site.core.results["status"] = CommandResult("Long words. " * 1_500, public=True)
        asked = await site.ann.say("C1", "status", mention=True)
        await site.slack.until(lambda: len(site.slack.answers("C1", asked.ts)) == 2)
        (order,) = site.core.orders.given

        await site.platform.answer(order, site.core.results["status"], again=True)

        assert len(site.slack.answers("C1", asked.ts)) == 2


async def ordered(site: SlackSite) -> tuple[Order, CommandResult]:
    """A command in a thread, and its result with a file."""

    async def content() -> AsyncIterator[bytes]:
        yield b"new"

    site.core.answers = False
    await site.ann.say("C1", "total?", mention=True)
    await site.slack.until(lambda: site.core.accepted)
    key = site.core.accepted[0].key
    blob = await site.core.blobs.put(key, content(), limit_bytes=100)
    caller = Caller(Author("U1", "Ann"))
    sent_at = datetime.now(UTC)
    order = Order(key, f"{sent_at.timestamp():.6f}", caller, "files", "get chart.png", sent_at)
    return order, CommandResult("Here.", files=(Artifact("c0", "chart.png", "image/png", blob),))


def shared(site: SlackSite, order: Order) -> list[bytes]:
    """What the files contain that stand in an order's thread."""
    answers = site.slack.answers("C1", order.key.thread)
    return [file.read() for message in answers for file in message.files]


class TestFilesOfOrders:
    async def test_are_shared_once_though_the_text_fails(self, site: SlackSite) -> None:
        """Files that Slack has taken and does not show yet are waited for, not sent again."""
        order, result = await ordered(site)
        site.slack.share_delay_seconds = 0.1
        site.slack.fail("chat.postEphemeral", status=500)

        with pytest.raises(AmbiguousSend):
            await site.platform.answer(order, result, again=False)
        await site.platform.answer(order, result, again=True)

        await site.slack.until(lambda: shared(site, order))
        assert site.slack.calls["files.completeUploadExternal"] == 1
        assert (await told(site)).text == "Here."

    async def test_whose_share_is_unsure_are_looked_for(self, site: SlackSite) -> None:
        """Where Slack did not say whether it has shared them, nothing is called a failure."""
        order, result = await ordered(site)
        site.slack.fail("files.completeUploadExternal", drop="after")

        with pytest.raises(AmbiguousSend):
            await site.platform.answer(order, result, again=False)
        await site.platform.answer(order, result, again=True)

        await site.slack.until(lambda: shared(site, order))
        assert site.slack.calls["files.completeUploadExternal"] == 1
        assert (await told(site)).text == "Here."

    async def test_of_a_name_that_is_there_are_shared_all_the_same(self, site: SlackSite) -> None:
        """Another file of the same name is another file."""
        order, result = await ordered(site)
        (file,) = result.files

        async def content() -> AsyncIterator[bytes]:
            yield b"old"

        blob = await site.core.blobs.put(order.key, content(), limit_bytes=100)
        uploads = site.platform._context.uploads
        team = await site.platform._context.teams.home()
        old, _ = await uploads.send(team, order.key, [replace(file, blob=blob)])
        await uploads.share(team, order.key, old)
        await site.slack.until(lambda: shared(site, order))

        await site.platform.answer(order, result, again=True)

        await site.slack.until(lambda: shared(site, order) == [b"old", b"new"])


class TestButtons:
    async def test_give_their_command_in_the_thread(self, site: SlackSite) -> None:
        """A button under an answer runs its command there; the answer is for who pressed it."""
        answer = await asked_and_answered(site)
        assert answer.buttons == BUTTONS
        site.core.results["code"] = CommandResult("```python\nprint(1)\n```")

        await site.ann.click(answer, "Code")
        said = await told(site)

        assert said.thread_ts == answer.thread_ts
        assert "print(1)" in said.text
        name, key, caller, arguments = site.core.calls[0]
        assert (name, key.thread, arguments) == ("code", answer.thread_ts, "turn-1")
        assert (caller.author.id, caller.author.name, caller.admin) == ("U1", "Ann", False)

    async def test_of_results_work_too(self, site: SlackSite) -> None:
        """Next steps that a command offers are buttons again."""
        answer = await asked_and_answered(site)
        again = Action("reset", "Really", "everything")
        site.core.results["reset"] = CommandResult("Sure?", actions=(again,))
        await site.ann.click(answer, "Reset")
        said = await told(site)

        await site.ann.click(said, "Really")
        await site.slack.until(lambda: len(site.core.calls) == 2)

        assert site.core.calls[1][3] == "everything"
        assert site.core.calls[1][1].thread == answer.thread_ts

    @pytest.mark.parametrize("channel", ["C1", "D1"])
    async def test_of_results_go_once_they_have_done_it(
        self, site: SlackSite, channel: str
    ) -> None:
        """What was confirmed can't be confirmed again: its button goes, the result stays."""
        site.slack.dm("U1")
        asked = await site.ann.say(channel, "total?", mention=channel == "C1")
        where = channel, asked.ts
        await site.slack.until(lambda: site.slack.answers(*where))
        site.core.results["forget"] = CommandResult("Sure?", actions=(Action("forget", "Yes"),))
        await site.ann.say(channel, "forget", mention=channel == "C1", thread_ts=asked.ts)

        def sure() -> list[Message]:
            told = [*site.slack.answers(*where), *site.slack.ephemerals("U1")]
            return [message for message in told if message.text == "Sure?"]

        await site.slack.until(sure)
        (question,) = sure()
        site.core.results["forget"] = CommandResult("It is gone.", public=True)
        await site.ann.click(question, "Yes")

        def gone() -> list[Message]:
            return [m for m in site.slack.answers(*where) if m.text == "It is gone."]

        await site.slack.until(gone)
        await site.slack.until(lambda: not sure())

        assert len(gone()) == 1
        assert gone()[0].buttons == []

    async def test_retry_answers_again(self, site: SlackSite) -> None:
        """Retry is answered in the same thread, for the same person."""
        answer = await asked_and_answered(site)
        assert answer.thread_ts is not None
        thread = answer.thread_ts

        await site.ann.click(answer, "Retry")

        await site.slack.until(lambda: len(site.slack.answers("C1", thread)) == 2)

    async def test_long_results_are_split(self, site: SlackSite) -> None:
        """Code that is longer than a message comes in several."""
        answer = await asked_and_answered(site)
        code = "\n".join(f"print({n})" for n in range(2_000))
        site.core.results["code"] = CommandResult(f"```python\n{code}\n```")

        await site.ann.click(answer, "Code")
        await told(site, 3)

        said = "".join(message.text for message in site.slack.ephemerals("U1"))
        assert said.count("print(") == 2_000

    @pytest.mark.parametrize(("label", "verdict"), [("Good answer", "good"), ("Bad answer", "bad")])
    async def test_feedback_is_given(self, site: SlackSite, label: str, verdict: str) -> None:
        """Each answer asks whether it helped; the core hears which answer is meant."""
        answer = await asked_and_answered(site)

        await site.ann.click(answer, label)
        await site.slack.until(lambda: site.core.calls)

        name, _, _, arguments = site.core.calls[0]
        turn = f"turn-{site.core.accepted[0].id}"
        assert (name, arguments) == ("feedback", f"{turn} {verdict}")


class TestStop:
    async def test_slacks_own_button_stops_the_work(self, slack: FakeSlack, tmp_path: Path) -> None:
        """Stop in mid-answer keeps what there is, and the session rests."""

        async def endless(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            del core, message
            yield Progress("writing…", (), "So far ")
            await asyncio.Event().wait()

        async with serve(slack, tmp_path, endless) as site:
            asked = await site.ann.say("C1", "count", mention=True)
            await slack.until(lambda: slack.answers("C1", asked.ts))
            (message,) = slack.answers("C1", asked.ts)

            await site.ann.stop("C1", asked.ts)
            await slack.until(lambda: "Stopped." in message.text)
            session = slack.sessions_of("C1", asked.ts)
            await slack.until(lambda: session.status == "active")

            assert "So far" in message.text
            assert site.core.commands[0][0] == "stop"
            assert not message.streaming

    async def test_slacks_own_button_leaves_the_code(
        self, slack: FakeSlack, tmp_path: Path
    ) -> None:
        """Slack ends the stream by itself: the code that was stopped stands in its place, and
        nothing looks as if it ran."""
        run = CodeRun("r1", "# Count\nwhile True: n += 1", RunState.RUNNING)

        async def endless(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            del core, message
            yield Progress("running Python…", (run,))
            await asyncio.Event().wait()

        async with serve(slack, tmp_path, endless) as site:
            asked = await site.ann.say("C1", "count", mention=True)
            await slack.until(lambda: slack.answers("C1", asked.ts))
            (message,) = slack.answers("C1", asked.ts)
            await slack.until(lambda: message.plan_title)

            await site.ann.stop("C1", asked.ts)
            await slack.until(lambda: "Stopped." in message.text)

            (plan,) = [block for block in message.blocks if block["type"] == "plan"]
            (task,) = plan["tasks"]
            assert (message.plan_title, plan["title"]) == (None, "Ran code")
            assert (task["title"], task["status"]) == ("Code that was stopped: Count", "error")
            assert "while True: n += 1" in str(task["details"])
            assert slack.calls["chat.stopStream"] == 1

    @pytest.mark.parametrize("heard_by", [nullcontext, other_process])
    async def test_by_somebody_who_may_not_stops_nothing(
        self,
        slack: FakeSlack,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        heard_by: Callable[[SlackSite], AbstractAsyncContextManager[object]],
    ) -> None:
        """Whoever may not use the bot is told so, and the thread shows that the work goes on, also
        where another process hears of it."""

        async def endless(
            core: FakeCore, message: IncomingMessage
        ) -> AsyncIterator[Progress | Answer]:
            del core, message
            yield Progress("writing…", (), "So far ")
            await asyncio.Event().wait()

        async def refusal(*_: object, **__: object) -> str:
            return "You may not use me here."

        async with serve(slack, tmp_path, endless) as site:
            asked = await site.ann.say("C1", "count", mention=True)
            await slack.until(lambda: slack.answers("C1", asked.ts))
            session = slack.sessions_of("C1", asked.ts)
            await slack.until(lambda: session.status == "processing")
            monkeypatch.setattr(site.core, "refusal", refusal)
            slack.channel("C1", members=[site.ann, bo := slack.person("U2", "Bo")])

            async with heard_by(site):
                await bo.stop("C1", asked.ts)
                said = await told(site, user="U2")

            assert said.text == "You may not use me here."
            assert session.history == ["session: processing"] * 2
            assert "stop" not in [name for name, _ in site.core.commands]

    async def test_of_nothing_leaves_no_button(self, site: SlackSite) -> None:
        """A Stop that comes too late just goes away."""
        site.core.answers = False
        asked = await site.ann.say("C1", "hello", mention=True)
        session = site.slack.sessions_of("C1", asked.ts)
        await site.slack.until(lambda: session.status == "processing")
        site.core.results["stop"] = CommandResult("Nothing is running here.", ok=False)

        await site.ann.stop("C1", asked.ts)

        await site.slack.until(lambda: session.status == "active")


class TestShortcuts:
    async def test_a_message_is_analysed_in_its_thread(self, site: SlackSite) -> None:
        """On a message with files: a question in a modal, asked and answered in its thread."""
        bo = site.slack.person("U2", "Bo")
        posted = await site.ann.say("C1", "our sales", files={"sales.csv": b"a,b\n1,2\n"})

        await bo.shortcut("threadlab_analyse", posted)
        await bo.submit(bo.modal(), {"question": "total <!here>?"})
        await site.slack.until(lambda: len(site.slack.answers("C1", posted.ts)) == 2)

        question, answer = site.slack.answers("C1", posted.ts)
        (message,) = site.core.accepted
        assert "<@U2> asks" in question.text
        assert (message.key.thread, message.id) == (posted.ts, question.ts)
        assert (message.author.name, message.addressed) == ("Bo", Addressing.MENTION)
        assert [file.name for file in message.attachments] == ["sales.csv"]
        assert answer.text.startswith("You said: total")

    async def test_a_file_is_read_by_its_shortcut(self, site: SlackSite) -> None:
        """The files of the message are those that the question is about."""
        site.core.answers = False
        posted = await site.ann.say("C1", files={"sales.csv": b"a,b\n1,2\n"})
        await site.ann.shortcut("threadlab_analyse", posted)
        await site.ann.submit(site.ann.modal(), {"question": "total?"})
        await site.slack.until(lambda: site.core.accepted)
        (message,) = site.core.accepted

        chunks = [c async for c in site.platform.read(message.key, message.attachments[0])]

        assert b"".join(chunks) == b"a,b\n1,2\n"

    async def test_a_file_keeps_its_name_while_slack_is_busy(self, site: SlackSite) -> None:
        """What Slack does not tell when the question is asked was in the message already."""
        name = f"{'x' * 200} sales.csv"
        posted = await site.ann.say("C1", '"ä"\n' * 900, files={name: b"a,b\n1,2\n"})
        site.slack.fail("files.info", status=429)

        await site.ann.shortcut("threadlab_analyse", posted)
        await site.ann.submit(site.ann.modal(), {"question": "total?"})
        await site.slack.until(lambda: site.core.accepted)

        (message,) = site.core.accepted
        assert message.text == "total?"
        assert [file.name for file in message.attachments] == [name[-50:]]

    async def test_long_messages_are_quoted_in_part(self, site: SlackSite) -> None:
        """A message without files is quoted under the question, as far as a modal can keep it."""
        posted = await site.ann.say("C1", '"ä"\n' * 900)

        await site.ann.shortcut("threadlab_analyse", posted)
        await site.ann.submit(site.ann.modal(), {"question": "how many lines?"})
        await site.slack.until(lambda: site.core.accepted)

        text = site.core.accepted[0].text
        assert text.startswith('how many lines?\n\n> "ä"\n> "ä"')

    async def test_a_question_of_many_lines_is_asked_whole(self, site: SlackSite) -> None:
        """What the thread shows of it is cut where Slack's own limit is; all of it is asked."""
        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        question = "1 & 2\n" * 480

        await site.ann.shortcut("threadlab_analyse", posted)
        await site.ann.submit(site.ann.modal(), {"question": question})
        await site.slack.until(lambda: site.core.accepted)

        assert site.core.accepted[0].text == question

    async def test_a_question_that_is_sent_twice_is_asked_once(self, site: SlackSite) -> None:
        """Slack is slow, and somebody presses the button again."""
        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        await site.ann.shortcut("threadlab_analyse", posted)
        view = site.ann.modal()
        site.slack.fail("chat.postMessage", slow_seconds=0.3)

        first = asyncio.create_task(site.ann.submit(view, {"question": "total?"}))
        await site.slack.until(lambda: len(site.slack.delivery.sent) == 3)
        await site.ann.submit(view, {"question": "total?"})
        await first
        await site.slack.settled()

        assert len(site.core.accepted) == 1

    async def test_a_question_that_was_not_kept_is_asked_when_it_comes_again(
        self, site: SlackSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the inbox fails, the modal stays open; pressed again, it asks what was posted."""

        async def accept(message: object) -> bool:
            raise OSError("disk full")

        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        await site.ann.shortcut("threadlab_analyse", posted)
        view = site.ann.modal()
        with monkeypatch.context() as failing:
            failing.setattr(site.core, "accept", accept)
            first = await site.ann.submit(view, {"question": "total?"})
        second = await site.ann.submit(view, {"question": "total?"})
        await site.slack.until(lambda: len(site.slack.answers("C1", posted.ts)) == 2)

        question, _ = site.slack.answers("C1", posted.ts)
        assert (first.acknowledged, second.acknowledged) == (False, True)
        assert [message.id for message in site.core.accepted] == [question.ts]
        site.slack.violations.clear()  # Slack has shown a warning sign, as it should

    async def test_a_question_that_another_process_has_posted_is_asked(
        self, site: SlackSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A crash came between the question and the inbox: pressed again, it asks what stands in
        the thread."""

        async def accept(message: object) -> bool:
            raise OSError("disk full")

        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        await site.ann.shortcut("threadlab_analyse", posted)
        view = site.ann.modal()
        with monkeypatch.context() as failing:
            failing.setattr(site.core, "accept", accept)
            await site.ann.submit(view, {"question": "total?"})
        async with other_process(site):
            await site.ann.submit(view, {"question": "total?"})
            await site.slack.until(lambda: len(site.slack.answers("C1", posted.ts)) == 2)

        question, _ = site.slack.answers("C1", posted.ts)
        assert [message.id for message in site.core.accepted] == [question.ts]
        site.slack.violations.clear()  # Slack has shown a warning sign, as it should

    async def test_a_busy_channel_is_waited_for(self, site: SlackSite) -> None:
        """A question that comes within a second of another message is asked all the same."""
        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        site.slack.fail("chat.postMessage", status=429)

        await site.ann.shortcut("threadlab_analyse", posted)
        await site.ann.submit(site.ann.modal(), {"question": "total?"})
        await site.slack.until(lambda: site.core.accepted)

        assert site.core.accepted[0].text == "total?"

    async def test_a_blank_question_is_not_asked(self, site: SlackSite) -> None:
        """Spaces are no question: the modal asks for one, and the thread hears nothing."""
        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})

        await site.ann.shortcut("threadlab_analyse", posted)
        sent = await site.ann.submit(site.ann.modal(), {"question": " \n "})

        assert sent.response is not None
        assert sent.response["errors"] == {"question": "Please write a question."}
        assert site.slack.answers("C1", posted.ts) == []

    async def test_a_foreign_channel_is_said(self, site: SlackSite) -> None:
        """Where the bot is no member, the modal says how to invite it."""
        site.slack.channel("C9", members=[site.ann], bot=False)
        posted = await site.ann.say("C9", "look", files={"a.csv": b"1"})

        await site.ann.shortcut("threadlab_analyse", posted)
        sent = await site.ann.submit(site.ann.modal(), {"question": "total?"})

        assert sent.response is not None
        assert "Invite me first" in sent.response["errors"]["question"]
        assert site.core.accepted == []

    async def test_a_question_that_slack_does_not_take_is_said(self, site: SlackSite) -> None:
        """The modal keeps the question, and asks to try again."""
        posted = await site.ann.say("C1", "look", files={"a.csv": b"1"})
        site.slack.fail("chat.postMessage", status=429, times=2)

        await site.ann.shortcut("threadlab_analyse", posted)
        sent = await site.ann.submit(site.ann.modal(), {"question": "total?"})

        assert sent.response is not None
        assert "try again" in sent.response["errors"]["question"]
        assert site.core.accepted == []

    async def test_settings_are_changed_in_a_modal(self, site: SlackSite) -> None:
        """The shortcut for settings: a channel, its settings, and only what was changed is set."""
        bo = site.slack.person("U2", "Bo", admin=True)
        site.slack.channel("C1", members=[bo])
        site.core.results["settings"] = CommandResult("Set.")

        await bo.shortcut("threadlab_settings")
        await bo.submit(bo.modal(), {"threadlab_channel": "C1"})
        await bo.submit(bo.modal(), {"instructions": "Be brief.", "budget_day_usd": "2.50"})
        await site.slack.settled()

        given = [(name, key.channel, words) for name, key, _, words in site.core.calls]
        assert given == [
            ("settings", "C1", ""),
            ("settings", "C1", "instructions Be brief."),
            ("settings", "C1", "budget_day_usd 2.50"),
        ]
        assert all(call[2].admin for call in site.core.calls)
        assert "Saved; it counts from the next question on." in str(bo.modal().body)

    async def test_settings_say_who_may_change_them(self, site: SlackSite) -> None:
        """Before anybody picks a channel, they know whether that is of use."""
        await site.ann.shortcut("threadlab_settings")

        assert "Only admins may change them" in str(site.ann.modal().body)

    async def test_settings_that_do_not_fit_are_said(self, site: SlackSite) -> None:
        """What the core does not take is said beside its field."""
        site.core.results["settings"] = CommandResult("Fine.")
        await site.ann.shortcut("threadlab_settings")
        await site.ann.submit(site.ann.modal(), {"threadlab_channel": "C1"})
        site.core.results["settings"] = CommandResult("A budget is a number.", ok=False)

        sent = await site.ann.submit(site.ann.modal(), {"budget_day_usd": "lots"})

        assert sent.response == {
            "response_action": "errors",
            "errors": {"budget_day_usd": "A budget is a number."},
        }

    async def test_settings_are_for_admins(self, site: SlackSite) -> None:
        """Whoever may not is told so, and sees no fields."""
        site.core.results["settings"] = CommandResult("It is for admins.", ok=False)

        await site.ann.shortcut("threadlab_settings")
        await site.ann.submit(site.ann.modal(), {"threadlab_channel": "C1"})

        assert "It is for admins." in str(site.ann.modal().body)
        assert "submit" not in site.ann.modal().body


class TestHome:
    async def test_lists_threads_and_usage(self, site: SlackSite) -> None:
        """The home has one's threads with links, what was used, and what the engine says."""
        asked = await site.ann.say("C1", "total by <region>?", mention=True)
        await site.answer(asked)
        site.core.results["usage"] = CommandResult("- today: **3** answers")

        await site.ann.open_home()
        await site.slack.until(lambda: "U1" in site.slack.homes)

        shown = str(site.ann.home().body)
        assert f"https://acme.slack.com/archives/C1/p{asked.ts.replace('.', '')}" in shown
        assert "&lt;region&gt;" in shown
        assert "• today: *3* answers" in shown
        assert "Offline planner" in shown
        assert "Change a channel's settings" not in shown
        assert ("usage", "workspace") in [(call[0], call[3]) for call in site.core.calls]

    async def test_has_settings_for_admins(self, site: SlackSite) -> None:
        """Admins find the settings there."""
        bo = site.slack.person("U2", "Bo", admin=True)
        await bo.open_home()
        await site.slack.until(lambda: "U2" in site.slack.homes)

        await bo.click(bo.home(), "Change a channel's settings")

        assert bo.modal().body["callback_id"] == "threadlab_channel"

    async def test_has_settings_for_whom_the_operator_names(self, site: SlackSite) -> None:
        """Slack need not know somebody as an admin, if the core does."""
        site.core.results["settings"] = CommandResult("- model: gpt-5")

        await site.ann.open_home()
        await site.slack.until(lambda: "U1" in site.slack.homes)

        assert "Change a channel's settings" in str(site.ann.home().body)

    async def test_messages_begin_with_prompts(self, site: SlackSite) -> None:
        """Who opens the messages tab is offered something to ask."""
        await site.ann.open_home("messages")

        session = site.slack.sessions_of("D1", None)
        await site.slack.until(lambda: session.prompts)
        assert 1 <= len(session.prompts) <= 4

    async def test_prompts_that_slack_did_not_take_are_offered_again(self, site: SlackSite) -> None:
        """Whoever opens the messages tab once more has them then."""
        site.slack.fail("assistant.threads.setSuggestedPrompts", error="fatal_error", times=4)
        session = site.slack.sessions_of("D1", None)

        async def looked() -> bool:
            await site.ann.open_home("messages")
            await site.slack.settled()
            return bool(session.prompts)

        async with asyncio.timeout(20):
            while not await looked():
                await asyncio.sleep(0.05)


async def test_a_channel_is_greeted(site: SlackSite) -> None:
    """Added to a channel, the bot says once what it is for."""
    await site.ann.invite("C1")
    messages = site.slack.channels["C1"].messages
    await site.slack.until(lambda: [m for m in messages.values() if m.bot_id])
    for envelope in list(site.slack.delivery.sent):
        await site.slack.delivery.send(envelope)
    await site.slack.settled()

    (greeting,) = [m for m in messages.values() if m.bot_id]
    assert "every thread with me is a Python lab" in greeting.text
