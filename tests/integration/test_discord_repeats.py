"""What may stand in the chat already is found, not said again, and nothing is taken for it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from adapters.discord.file_limits import FileLimits
from bot.domain import Answer, Artifact, ThreadKey
from bot.errors import AmbiguousSend
from bot.ports import Reply
from tests.fakes.discord import Message
from tests.fakes.discord_driver import DiscordSite, serve

MESSAGES = "/channels/*/messages"
LOST = {"status": 503, "accepted": True, "times": 3}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DiscordSite]:
    async with serve(tmp_path) as started:
        started.core.answers = False
        yield started
    assert started.discord.violations == []


async def opened(site: DiscordSite, turn_id: str = "t") -> tuple[ThreadKey, Reply]:
    """The surface of a turn, in the thread of a question."""
    ann = site.discord.person("Ann")
    if not site.core.accepted:
        await ann.say(site.discord.channel("general"), "one", mention=True)
        await site.until(lambda: site.core.accepted)
    message = site.core.accepted[0]
    reply = await site.platform.open_reply(
        message.key, turn_id=turn_id, message_id=message.id, ref=None
    )
    return message.key, reply


def said(site: DiscordSite) -> list[Message]:
    """What the bot said in the thread."""
    return site.discord.bot_messages(int(site.core.accepted[0].key.thread))


async def files(site: DiscordSite, key: ThreadKey, count: int, size: int) -> tuple[Artifact, ...]:
    """Files that code made."""

    async def chunks() -> AsyncIterator[bytes]:
        yield os.urandom(size)

    blob = await site.core.blobs.put(key, chunks(), limit_bytes=size)
    names = [f"{number}.bin" for number in range(count)]
    return tuple(Artifact(name, name, "application/octet-stream", blob) for name in names)


async def again(site: DiscordSite, answer: Answer, first: Reply) -> None:
    """After a crash: what was answered is looked for, long after, and sent where it is not."""
    site.discord.clock.advance(600)  # no nonce counts any more
    key = site.core.accepted[0].key
    reply = await site.platform.open_reply(
        key, turn_id=answer.turn_id, message_id=key.thread, ref=first.ref
    )
    for post in reply.plan(answer):
        if await reply.find(post.id) is None:
            await reply.send(post)
    await reply.close()
    await first.close()


async def test_files_in_a_message_of_their_own_are_found(site: DiscordSite) -> None:
    """Twelve files go with two messages; the second has arrived without our knowing."""
    key, reply = await opened(site)
    answer = Answer("t", "Here.", artifacts=await files(site, key, 12, 10))
    first, second = reply.plan(answer)
    await reply.send(first)
    site.discord.fault("POST", MESSAGES, **LOST)
    with pytest.raises(AmbiguousSend):
        await reply.send(second)

    await again(site, answer, reply)

    assert [len(message.files) for message in said(site)] == [10, 2]
    assert said(site)[1].content == "-# Files 11 to 12 of 12"


async def test_a_whole_file_after_parts_is_found(
    site: DiscordSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that follows the parts of a larger one in a message of its own is sent once."""

    async def small(limits: FileLimits, key: ThreadKey, artifacts: Sequence[Artifact]) -> int:
        return 1000

    monkeypatch.setattr(FileLimits, "of", small)
    key, reply = await opened(site)
    large = await files(site, key, 1, 9500)
    answer = Answer("t", "Here.", artifacts=(*large, *(await files(site, key, 2, 10))[1:]))
    (post,) = reply.plan(answer)
    site.discord.fault("POST", MESSAGES, **LOST)
    with pytest.raises(AmbiguousSend):
        await reply.send(post)

    await again(site, answer, reply)

    assert [list(message.files) for message in said(site)][1:] == [["1.bin"]]
    assert said(site)[1].content == "-# 1.bin"


async def test_a_neighbour_that_says_the_same_is_not_taken_for_a_post(site: DiscordSite) -> None:
    """Of two messages alike, the second is sent though the first stands there."""
    _, reply = await opened(site)
    answer = Answer("t", "\n\n".join([f"{'word ' * 380}".strip()] * 2))
    first, second = reply.plan(answer)
    assert first.text == second.text
    await reply.send(first)

    await again(site, answer, reply)

    assert [message.content for message in said(site)] == [first.text, second.text]


async def test_an_answer_of_another_turn_is_not_taken_for_this_ones(site: DiscordSite) -> None:
    """The same question again has the same answer, twice."""
    for turn_id in ("t", "u"):
        _, reply = await opened(site, turn_id)
        answer = Answer(turn_id, "42")
        await again(site, answer, reply)

    assert [message.content for message in said(site)] == ["42", "42"]
