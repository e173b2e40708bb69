"""Turns that wait for the engine's pace, through the whole bot on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.asking import Asker
from bot.domain import Caller
from bot.interpreter import FreshContainer, Interpreter, Question
from bot.open_turn import OpenTurn
from bot.pacing import Pacer, rate_of
from bot.recovery import Recovery
from bot.store.database import open_database, upgrade
from bot.store.fencing import Execution, TakenOver, executing
from bot.store.pace import Pace
from bot.store.threads import Threads
from tests.fakes.platform import ANN, ScriptedChat, Surface
from tests.fakes.responses_api import FakeResponsesApi, Fault
from tests.fakes.threadlab import running, settings_for


class Clock:
    """Stands still unless told otherwise."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

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


class Room:
    """As much room as there are turns."""

    def resting(self, turn_id: str) -> AbstractContextManager[None]:
        del turn_id
        return nullcontext()


def turn_in(chat: ScriptedChat) -> OpenTurn:
    """A turn that asks."""
    turn = SimpleNamespace(
        id="turn",
        key=chat.thread("t1"),
        turn=SimpleNamespace(response_id=None),
        reply=SimpleNamespace(show=lambda progress: None),
        stop=asyncio.Event(),
        seconds_left=lambda: 60.0,
    )
    return cast("OpenTurn", turn)


class TestGivenUp:
    """Of a worker that the others may have given up."""

    @pytest.fixture
    async def pace(self, tmp_path: Path) -> AsyncIterator[Pace]:
        database = open_database(tmp_path / "test.db", timeout_seconds=5)
        await upgrade(database)
        pace = Pace(database, rate_of(2, 1))
        assert await pace.take(1_000.0)
        yield pace
        await database.dispose()

    async def test_asks_nothing(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """It asks nothing: another worker may be asking the same, and both would be paid for."""
        settings = settings_for(tmp_path, api.base_url)
        interpreter = Interpreter(settings, base_url=api.base_url, api_key="sk-test")
        pacer = Pacer(settings, None, Room())
        asker = Asker(settings, interpreter, cast("Threads", None), pacer, cast("Recovery", None))
        question = Question("total?", "", "", FreshContainer((), "1g"), "gpt-5")

        with executing(Execution("a/1", lambda: False)), pytest.raises(TakenOver):
            await asker.ask(turn_in(chat), question, 0)
        await interpreter.close()

        assert api.asked == []

    async def test_keeps_the_place(self, chat: ScriptedChat, pace: Pace, tmp_path: Path) -> None:
        """The turn's place in the queue is left to the worker that takes it over."""
        turn, execution = turn_in(chat), Execution("a/1", lambda: True)
        pacer = Pacer(settings_for(tmp_path, None), pace, Room(), Clock(1_000.0))
        with executing(execution):
            waiting = asyncio.create_task(pacer.admit(turn))
        await queued(pace, turn)

        execution.over = True
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        assert await pace.waiting(1_000.0, turn.key.place) == (1, 1)

    async def test_joins_no_more(self, chat: ScriptedChat, pace: Pace, tmp_path: Path) -> None:
        """It does not begin anew once the turn has gone on elsewhere."""
        turn, execution = turn_in(chat), Execution("a/1", lambda: True)
        settings = settings_for(tmp_path, None, engine_queue_look_seconds=0.05)
        pacer = Pacer(settings, pace, Room(), Clock(1_000.0))
        with executing(execution):
            waiting = asyncio.create_task(pacer.admit(turn))
        await queued(pace, turn)

        execution.over = True
        await pace.leave(turn.id)
        with pytest.raises(TakenOver):
            async with asyncio.timeout(10):
                await waiting

        assert await pace.waiting(1_000.0, turn.key.place) == (0, 0)


async def queued(pace: Pace, turn: OpenTurn) -> None:
    async with asyncio.timeout(10):
        while await pace.waiting(1_000.0, turn.key.place) != (1, 1):
            await asyncio.sleep(0.005)
