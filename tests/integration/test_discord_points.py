"""At each point where Discord is spoken to, it may fail: the effect comes, and comes once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Answer, Artifact, IncomingMessage, Progress
from bot.ports import CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.discord import FakeDiscord
from tests.fakes.discord_driver import DiscordSite, serve

PIECES = 3
FAULTS: dict[str, dict[str, Any]] = {
    "503": {"status": 503},
    "503 after the deed": {"status": 503, "accepted": True},
    "reset": {"reset": True},
    "reset after the deed": {"reset": True, "accepted": True},
    "gateway dropped": {"drop": True},
}
Play = Callable[[DiscordSite], Awaitable[list[str]]]


@dataclass(frozen=True)
class Point:
    """A request: `play` leads to it, and gives what came of it, which is to be `effect`.

    `doubles` are the faults after which nobody can find out whether it had arrived.
    """

    name: str
    method: str
    path: str
    play: Play
    effect: tuple[str, ...]
    doubles: tuple[str, ...] = ()


async def script(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """Answers with the question; to "file", with a file; to "long", at length."""
    text = f"You said: {message.text}"
    artifacts: tuple[Artifact, ...] = ()
    if message.text == "long":
        text = "\n\n".join(f"Part {number}: {'word ' * 390}".strip() for number in range(PIECES))
    if message.text == "file":

        async def chunks() -> AsyncIterator[bytes]:
            yield b"1,2"

        blob = await core.blobs.put(message.key, chunks(), limit_bytes=100)
        artifacts = (Artifact("cf_1", "a.csv", "text/csv", blob),)
    yield Answer(f"turn-{message.id}", text, artifacts=artifacts)


async def _asked(site: DiscordSite, text: str, count: int = 1) -> list[Any]:
    asked = await site.discord.person("Ann").say(
        site.discord.channel("general"), text, mention=True
    )
    thread = await site.thread_of(asked)
    await site.answer_in(thread, count - 1)
    return site.discord.bot_messages(thread)


async def mention(site: DiscordSite) -> list[str]:
    """A short answer in a thread."""
    return [message.content for message in await _asked(site, "one")]


async def at_length(site: DiscordSite) -> list[str]:
    """An answer of several messages."""
    return [message.content[:6] for message in await _asked(site, "long", PIECES)]


async def file(site: DiscordSite) -> list[str]:
    """An answer with a file."""
    return [name for message in await _asked(site, "file") for name in message.files]


async def reaction(site: DiscordSite) -> list[str]:
    """Files without a question."""
    site.core.answers = False
    thread = await site.discord.person("Ben").open_thread(site.discord.channel("general"), "data")
    said = await site.discord.person("Ann").say(thread, files={"a.csv": b"1"})
    (message,) = await site.until(lambda: site.core.accepted)
    await site.platform.taken(message)
    return [*said.reactions] or ["📎"]  # a light sign: it may fail


async def detour(site: DiscordSite) -> list[str]:
    """An answer to a forum's post that is gone, in a DM."""
    ann = site.discord.person("Ann")
    site.core.answers = False
    thread = await ann.post(site.discord.channel("questions"), "Totals", "sum?", mention=True)
    (message,) = await site.until(lambda: site.core.accepted)
    reply = await site.platform.open_reply(
        message.key, turn_id="t", message_id=message.id, ref=None
    )
    site.discord.chat.delete_channel(thread)
    (post,) = reply.plan(Answer("t", "Here."))
    await reply.send(post)
    await reply.close()
    return [message.content for message in site.discord.bot_messages(site.discord.dm(ann))][1:]


async def slash(site: DiscordSite) -> list[str]:
    """A command that is answered at once."""
    site.core.results["usage"] = CommandResult("Little.")
    ann, general = site.discord.person("Ann"), site.discord.channel("general")
    await (await ann.slash(general, "usage")).answer()
    await asyncio.sleep(0)
    return [message.content for message in ann.sees(general)]


async def slow_slash(site: DiscordSite) -> list[str]:
    """A command that takes a while."""
    run, go_on = site.core.run, asyncio.Event()

    async def slow(*arguments: Any, **options: Any) -> CommandResult:
        await go_on.wait()
        return await run(*arguments, **options)

    site.core.run = slow  # type: ignore[method-assign]
    site.core.results["usage"] = CommandResult("Little.")
    ann, general = site.discord.person("Ann"), site.discord.channel("general")
    given = await ann.slash(general, "usage")
    await given.acked()
    go_on.set()
    await site.until(lambda: [m for m in ann.sees(general) if m.content == "Little."])
    return [message.content for message in ann.sees(general)]


async def elsewhere(site: DiscordSite) -> list[str]:
    """A question where the bot is not."""
    guild = site.discord.add_guild("Elsewhere", with_bot=False)
    general = site.discord.channel("general", guild)
    await site.discord.person("Ann", guild=guild).slash(general, "ask", question="one")
    await site.until(lambda: [m for m in site.discord.bot_messages(general) if "You" in m.content])
    return [message.content for message in site.discord.bot_messages(general)]


async def start(site: DiscordSite) -> list[str]:
    """The commands are registered."""
    names = [name for _, name in site.discord.world.commands[None]]
    return [name for name in names if name == "ask"]


ELSEWHERE = ("> one\nYou said: one",)
ONE, LONG = ("You said: one",), tuple(f"Part {number}" for number in range(PIECES))
MESSAGES, HOOK = "/channels/*/messages", "/webhooks/*"
POINTS = [
    Point("typing", "POST", "/channels/*/typing", mention, ONE),
    Point("thread", "POST", f"{MESSAGES}/*/threads", mention, ONE),
    Point("status", "POST", MESSAGES, mention, ONE),
    Point("answer", "PATCH", f"{MESSAGES}/*", mention, ONE),
    Point("second message", "POST", MESSAGES, at_length, LONG),
    Point("file", "PATCH", f"{MESSAGES}/*", file, ("a.csv",)),
    Point("reaction", "PUT", f"{MESSAGES}/*/reactions/*", reaction, ("📎",)),
    Point("opening a DM", "POST", "/users/@me/channels", detour, ("Here.",)),
    Point("callback", "POST", "/interactions/*", slash, ("Little.",)),
    Point("putting off", "POST", "/interactions/*", slow_slash, ("Little.",)),
    Point("late answer", "POST", HOOK, slow_slash, ("Little.",), ("503 after the deed",)),
    Point("question elsewhere", "POST", "/interactions/*", elsewhere, ELSEWHERE),
    Point("answer elsewhere", "PATCH", HOOK, elsewhere, ELSEWHERE),
    Point("registering", "PUT", "/applications/*/commands", start, ("ask",)),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_a_failure_leaves_one_effect(tmp_path: Path, point: Point, fault: str) -> None:
    """Whether Discord had done it or not, in the end it is done, and not twice."""
    async with FakeDiscord(rate_limits=False) as discord:
        met = discord.fault(
            point.method, point.path, **FAULTS[fault], skip=int(point.name == "second message")
        )
        async with serve(
            tmp_path, script, discord=discord, DISCORD_COMMAND_ACK_SECONDS="0.2"
        ) as site:
            effect = await point.play(site)

    assert met.met == 1
    assert discord.violations == []
    if fault in point.doubles:
        assert set(effect) == set(point.effect)
    else:
        assert effect == [*point.effect]
