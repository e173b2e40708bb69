"""What the core relies on, whatever the chat: the same behaviour asked of every platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.domain import (
    Action,
    Addressing,
    Answer,
    Artifact,
    Attachment,
    CodeRun,
    IncomingMessage,
    Progress,
    RunState,
)
from bot.errors import AttachmentUnavailable
from bot.ports import Reply
from tests.fakes.discord_driver import discord_driver
from tests.fakes.platform_driver import DriverFactory, PlatformDriver
from tests.fakes.slack_driver import slack_driver
from tests.fakes.web_driver import web_driver

pytestmark = pytest.mark.usefixtures("database_url")

DRIVERS: Mapping[str, DriverFactory] = {
    "web": web_driver,
    "slack": slack_driver,
    "discord": discord_driver,
}


@pytest.fixture(params=DRIVERS)
def factory(request: pytest.FixtureRequest) -> DriverFactory:
    return DRIVERS[request.param]


@pytest.fixture
async def driver(factory: DriverFactory, tmp_path: Path) -> AsyncIterator[PlatformDriver]:
    async with factory(tmp_path) as running:
        yield running


async def _open(driver: PlatformDriver, message: IncomingMessage, turn: str = "turn-1") -> Reply:
    return await driver.platform.open_reply(
        message.key, turn_id=turn, message_id=message.id, ref=None
    )


async def _publish(reply: Reply, answer: Answer) -> list[str]:
    return [await reply.send(post) for post in reply.plan(answer)]


async def _artifact(driver: PlatformDriver, message: IncomingMessage, content: bytes) -> Artifact:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    blob = await driver.core.blobs.put(message.key, chunks(), limit_bytes=1_000_000)
    return Artifact("cfile_1", "totals.csv", "text/csv", blob)


class TestMessages:
    async def test_arrive_normalised(self, driver: PlatformDriver) -> None:
        """A message carries its platform, its author, its words, and that it is for the bot."""
        message = await driver.say("total by region?")

        assert message.key.platform == driver.platform.name
        assert message.text == "total by region?"
        assert message.author.id
        assert not message.addressed.overheard
        assert message.sent_at.tzinfo is not None

    async def test_to_somebody_else_are_told_apart(self, driver: PlatformDriver) -> None:
        """What names another person, and not the bot, is handed in as said to them."""
        first = await driver.say("total by region?")

        other = await driver.say_to_ben("can you check?")

        if other is None:
            pytest.skip("nobody else is there")
        assert other.addressed is Addressing.ELSEWHERE
        assert other.key == first.key
        assert "Ben" in other.text

    async def test_arrive_once_however_often_delivered(self, driver: PlatformDriver) -> None:
        """The same message delivered again has the same key and id."""
        message = await driver.say("hello")

        await driver.redeliver()

        assert driver.core.accepted == [message]

    async def test_of_one_thread_share_its_key(self, driver: PlatformDriver) -> None:
        """Two messages of a conversation belong together, and are told apart."""
        first, second = await driver.say("one"), await driver.say("two")

        assert first.key == second.key
        assert first.id != second.id

    async def test_get_a_first_sign(self, driver: PlatformDriver) -> None:
        """The person sees at once that the message was taken."""
        message = await driver.say("hello")

        await driver.platform.acknowledge(message)

        assert await driver.sign(message)


class TestAttachments:
    async def test_are_references_that_can_be_read_twice(self, driver: PlatformDriver) -> None:
        """The bytes come from the adapter, as often as the core wants."""
        content = bytes(range(256)) * 100
        message = await driver.say("see here", {"sales data.csv": content})
        (attachment,) = message.attachments

        for _ in range(2):
            chunks = [c async for c in driver.platform.read(message.key, attachment)]
            assert b"".join(chunks) == content
        assert attachment.name == "sales data.csv"
        assert attachment.size_bytes == len(content)

    async def test_that_can_not_be_had_are_said_so(self, driver: PlatformDriver) -> None:
        """A file that is gone is an error with a sentence for the person."""
        message = await driver.say("hello")
        gone = Attachment("nope", "gone.csv", "text/csv", 3, {"sha256": "0" * 64})

        with pytest.raises(AttachmentUnavailable) as caught:
            [chunk async for chunk in driver.platform.read(message.key, gone)]

        assert "gone.csv" in str(caught.value)


class TestReplies:
    async def test_opened_twice_are_one_surface(self, driver: PlatformDriver) -> None:
        """A crash between opening and storing the reference does not make a second reply."""
        message = await driver.say("hello")

        first, second = await _open(driver, message), await _open(driver, message)

        assert first.ref == second.ref
        assert (await driver.seen(message)).posts <= 1
        await first.close()
        await second.close()

    async def test_go_on_after_a_restart(self, factory: DriverFactory, tmp_path: Path) -> None:
        """A new process continues on the surface whose reference was stored."""
        async with factory(tmp_path) as before:
            message = await before.say("hello")
            reply = await _open(before, message)
            ref = reply.ref
            await reply.close()

        async with factory(tmp_path) as after:
            again = await after.platform.open_reply(
                message.key, turn_id="turn-1", message_id=message.id, ref=ref
            )
            await _publish(again, Answer("turn-1", "finished after all"))
            await again.close()
            seen = await after.seen(message)

        assert again.ref == ref
        assert seen.posts == 1
        assert "finished after all" in seen.text

    async def test_show_the_newest_picture(self, driver: PlatformDriver) -> None:
        """Pictures replace each other; after a burst of them the last one stands."""
        message = await driver.say("hello")
        reply = await _open(driver, message)

        for number in range(200):
            run = CodeRun("r1", f"print({number})", RunState.RUNNING)
            reply.show(Progress(f"step {number}", (run,), "text " * number))

        assert await driver.status(reply, "step 199")
        await reply.close()

    async def test_plan_the_same_answer_the_same_way(self, driver: PlatformDriver) -> None:
        """Planning is pure: the ids of the posts are the turn's, numbered from 0."""
        message = await driver.say("hello")
        reply = await _open(driver, message)
        answer = Answer(
            "turn-1",
            "word " * 5000,
            notes=("A fresh container.",),
            actions=(Action("retry", "Retry"),),
        )

        first, second = list(reply.plan(answer)), list(reply.plan(answer))

        assert first == second
        assert [post.id for post in first] == [f"turn-1:{n}" for n in range(len(first))]
        assert "".join(post.text for post in first).count("word") == 5000
        assert [post.notes for post in first if post.notes] == [("A fresh container.",)]
        await reply.close()

    async def test_deliver_text_and_files(self, driver: PlatformDriver) -> None:
        """What was planned and sent is what the person sees and can download."""
        message = await driver.say("hello")
        reply = await _open(driver, message)
        artifact = await _artifact(driver, message, b"region,total\nNorth,1\n")

        await _publish(reply, Answer("turn-1", "North leads.", artifacts=(artifact,)))
        await reply.close()

        seen = await driver.seen(message)
        assert "North leads." in seen.text
        assert seen.files == {"totals.csv": b"region,total\nNorth,1\n"}
        assert not seen.working

    async def test_find_what_has_arrived(self, driver: PlatformDriver) -> None:
        """After an ambiguous send the core asks whether a post is there."""
        message = await driver.say("hello")
        reply = await _open(driver, message)
        assert await reply.find("turn-1:0") is None

        (ref, *_) = await _publish(reply, Answer("turn-1", "here"))

        assert await reply.find("turn-1:0") == ref
        await reply.close()

    async def test_sent_twice_are_there_once(self, driver: PlatformDriver) -> None:
        """A repeated send does not post twice."""
        message = await driver.say("hello")
        reply = await _open(driver, message)
        answer = Answer("turn-1", "only once")

        first, second = await _publish(reply, answer), await _publish(reply, answer)
        await reply.close()

        assert first == second
        seen = await driver.seen(message)
        assert seen.posts == 1
        assert seen.text.count("only once") == 1

    async def test_take_no_harm_from_late_progress(self, driver: PlatformDriver) -> None:
        """Progress after the answer, or after the end, changes nothing and raises nothing."""
        message = await driver.say("hello")
        reply = await _open(driver, message)
        await _publish(reply, Answer("turn-1", "final"))

        reply.show(Progress("too late"))
        await reply.close()
        reply.show(Progress("much too late"))
        await asyncio.sleep(0.05)

        seen = await driver.seen(message)
        assert (seen.posts, seen.working) == (1, False)
        assert "final" in seen.text

    async def test_of_two_turns_stay_apart(self, driver: PlatformDriver) -> None:
        """Each turn has its own surface."""
        first, second = await driver.say("one"), await driver.say("two")
        one, two = await _open(driver, first, "turn-1"), await _open(driver, second, "turn-2")

        await _publish(two, Answer("turn-2", "answer two"))
        await _publish(one, Answer("turn-1", "answer one"))
        await one.close()
        await two.close()

        assert one.ref != two.ref
        seen = await driver.seen(second)
        assert seen.text.count("answer one") == seen.text.count("answer two") == 1
