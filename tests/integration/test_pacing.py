"""Turns that wait for the engine's pace, through the whole bot on a clock of the test's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.domain import Caller
from tests.fakes.platform import ANN, ScriptedChat, Surface
from tests.fakes.responses_api import FakeResponsesApi, Fault
from tests.fakes.threadlab import running


class Clock:
    """Stands still unless told otherwise."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


PACED = {"engine_requests_per_minute": 2, "engine_burst": 1, "engine_queue_look_seconds": 0.05}


async def shown(chat: ScriptedChat, thread: str, beginning: str) -> Surface:
    """The thread's reply, once it shows a status that begins like this."""
    async with asyncio.timeout(20):
        while True:
            for surface in chat.surfaces.values():
                statuses = [progress.status for progress in surface.shown]
                if surface.key.thread == thread and any(s.startswith(beginning) for s in statuses):
                    return surface
            await asyncio.sleep(0.005)


async def test_waiting_turns(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """Who comes too fast waits, sees how many are ahead, and is answered in order."""
    clock = Clock()
    async with running(chat, tmp_path, api.base_url, clock=clock, **PACED):
        await chat.say("one", thread="t1")
        await chat.finished(1)
        await chat.say("two", thread="t2")
        await shown(chat, "t2", "queued, about 60 s")
        await chat.say("three", thread="t3")
        await shown(chat, "t3", "queued, 1 ahead of you, about 120 s")
        asked_meanwhile = len(api.asked)
        clock.now += 60
        await chat.finished(2)
        clock.now += 60
        surfaces = await chat.finished(3)

    assert asked_meanwhile == 1
    assert [surface.key.thread for surface in surfaces] == ["t1", "t2", "t3"]
    assert not any(post.failed for surface in surfaces for post in surface.posts.values())


async def test_stopped_while_waiting(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """Stop is heard in the queue: nothing is asked, and the place is free."""
    clock = Clock()
    async with running(chat, tmp_path, api.base_url, clock=clock, **PACED):
        await chat.say("one", thread="t1")
        await chat.finished(1)
        await chat.say("two", thread="t2")
        await shown(chat, "t2", "queued")
        await chat.services.commands.run("stop", chat.thread("t2"), Caller(ANN))
        await chat.finished(2)
        await chat.say("three", thread="t3")
        await shown(chat, "t3", "queued, about 60 s")
        clock.now += 60
        await chat.finished(3)

    assert len(api.asked) == 2


async def test_too_many(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """Beyond the queue's length a question gets a sentence and Retry, at once."""
    clock = Clock()
    async with running(chat, tmp_path, api.base_url, clock=clock, **PACED, engine_waiting_max=1):
        await chat.say("one", thread="t1")
        await chat.finished(1)
        await chat.say("two", thread="t2")
        await shown(chat, "t2", "queued")
        await chat.say("three", thread="t3")
        refused = (await chat.finished(2))[-1]
        clock.now += 60
        await chat.finished(3)

    (post,) = refused.posts.values()
    assert post.failed
    assert "Too many questions are waiting" in post.text
    assert "again" in [action.command for action in post.actions]


async def test_a_pause_holds_for_all(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """When the engine asks one question to wait, another one waits as well."""
    clock = Clock()
    wide = {"engine_requests_per_minute": 1_000, "engine_queue_look_seconds": 0.05}
    slow_down = Fault("/v1/responses", 429, "Slow down", headers={"retry-after": "30"})
    api.faults.append(slow_down)
    async with running(chat, tmp_path, api.base_url, clock=clock, **wide):
        await chat.say("one", thread="t1")
        await shown(chat, "t1", "queued, about 30 s")
        await chat.say("two", thread="t2")
        await shown(chat, "t2", "queued")
        asked_meanwhile = len(api.asked)
        clock.now += 31
        surfaces = await chat.finished(2)

    assert asked_meanwhile == 0
    assert not any(post.failed for surface in surfaces for post in surface.posts.values())
