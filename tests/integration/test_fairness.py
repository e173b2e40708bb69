"""Where more is asked than may run at the same time, channels take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain import ThreadKey
from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running

AT_ONCE, NOISY = 2, 24


@pytest.mark.usefixtures("database_url")
async def test_a_noisy_channel(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """A question from a quiet channel waits for what runs and for one more of the noisy one."""
    gate, asked = asyncio.Event(), list[str]()

    def script(body: dict[str, Any]) -> Sequence[Wait | Say]:
        asked.append(body["input"][-1]["content"][0]["text"])
        return [Wait(gate), Say("Done.")]

    api.script = script
    quiet = replace(chat.message("quiet"), key=ThreadKey("script", "w", "quiet", "q"))
    async with running(chat, tmp_path, api.base_url, turns_at_once=AT_ONCE):
        for number in range(NOISY):
            await chat.say(f"noisy {number}", thread=f"n{number}")
        async with asyncio.timeout(20):
            while len(asked) < AT_ONCE:
                await asyncio.sleep(0.01)
        await chat.services.inbox.accept(quiet)
        gate.set()
        await chat.finished(NOISY + 1)

    assert asked.index("quiet") <= AT_ONCE + 1
    assert len(asked) == NOISY + 1
