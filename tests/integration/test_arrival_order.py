"""Several workers take messages in in another order than they were written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")


async def test_the_chats_time_counts(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """What one person wrote while a question was answered is put together as it was written."""
    gate, now = asyncio.Event(), datetime.now(UTC)
    api.script = lambda body: [Wait(gate), Say("Done.")]
    async with running(chat, tmp_path, api.base_url):
        await chat.say("first")
        async with asyncio.timeout(20):
            while not api.asked:
                await asyncio.sleep(0.005)
        second, third = chat.message("second"), chat.message("third")
        await chat.services.inbox.accept(replace(third, sent_at=now + timedelta(seconds=2)))
        await chat.services.inbox.accept(replace(second, sent_at=now + timedelta(seconds=1)))
        gate.set()
        (_, answered) = await chat.finished(2)

    asked = str(api.asked[1]["input"])
    assert asked.index("second") < asked.index("third")
    assert answered.message_id == second.id  # the first stays the first, whatever joins it
