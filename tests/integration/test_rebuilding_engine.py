"""The rebuilt workspace against Threadlab's own engine: an expiry, 120 files, code that looks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.domain import Caller, ContainerState
from engine.planner.protocol import Lab, Question
from engine.settings import EngineSettings
from tests.fakes.engine import KEY, running_engine
from tests.fakes.platform import ANN, ScriptedChat
from tests.fakes.threadlab import running

pytestmark = pytest.mark.slow

MANY = 120
ENGINE_IDLE_SECONDS, IDLE_SECONDS = 2, 3  # the engine's clock begins a little after ours

OVERWRITE = "open('/mnt/data/clean.csv', 'w').write({text!r})"
LOOK = """
import os
found = {}
for name in sorted(os.listdir('/mnt/data')):
    found[name.split('-', 2)[-1]] = open('/mnt/data/' + name).read()
print(len(found), sum(int(text) for text in found.values()), found.get('clean.csv'))
print('f007.csv' in found, 'variable' in globals())
"""


async def compute(question: Question, lab: Lab) -> None:
    """Look around, or write the question's last word into a file."""
    if "look" in question.text:
        result = await lab.run(LOOK)
        await lab.say(result.logs)
        return
    if "write" in question.text:
        await lab.run("variable = 1")
        await lab.run(OVERWRITE.format(text=question.text.split()[-1]))
    await lab.say("Done.")


async def test_a_hundred_and_twenty_files(chat: ScriptedChat, tmp_path: Path) -> None:
    """After the container expired, code finds 120 files in a new one: the newest version of what
    was written over, and nothing that a person deleted."""
    engine_settings = EngineSettings(shutdown_seconds=1, container_idle_seconds=ENGINE_IDLE_SECONDS)
    async with (
        running_engine(tmp_path / "engine", compute, engine_settings) as engine,
        running(
            chat,
            tmp_path / "bot",
            engine.base_url,
            openai_api_key=KEY,
            container_idle_seconds=IDLE_SECONDS,
        ),
    ):
        for part in range(3):
            numbers = range(part * MANY // 3, (part + 1) * MANY // 3)
            await chat.say("take", files={f"f{n:03}.csv": b"%d" % n for n in numbers})
            await chat.finished(part + 1)
        for number, text in enumerate(["write 1000", "write 2000"], start=4):
            await chat.say(text)
            await chat.finished(number)
        deleted = await chat.services.commands.run(
            "files", chat.thread(), Caller(ANN), "delete f007.csv"
        )
        async with asyncio.timeout(30):
            view = await chat.services.workspaces.view(chat.thread())
            while view.state is not ContainerState.EXPIRED:
                await asyncio.sleep(0.05)
                view = await chat.services.workspaces.view(chat.thread())
        await chat.say("look")
        surface = (await chat.finished(6))[-1]

    total = sum(range(MANY)) - 7 + 2000
    assert deleted.ok
    assert chat.text_of(surface).split("\n") == [f"{MANY} {total} 2000", "False False", ""]
    notes = [note for post in surface.posts.values() for note in post.notes]
    assert sum("fresh container" in note for note in notes) == 1
