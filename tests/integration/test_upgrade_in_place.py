"""A new release takes up what the one before has begun."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi, Say, Wait
from tests.fakes.threadlab import running


@pytest.mark.usefixtures("on_sqlite")
async def test_a_turn_of_the_release_before(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """A turn that was under way is finished by the next release: the version that the library
    goes by is pinned, and not a hash of the source."""
    gate = asyncio.Event()
    api.script = lambda _: [Wait(gate), Say("Done.")]
    async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.01):
        await chat.say("total?")
        async with asyncio.timeout(20):
            while not api.asked:
                await asyncio.sleep(0.005)
    rows = versions(tmp_path)
    async with running(chat, tmp_path, api.base_url):
        gate.set()
        (answered,) = await chat.finished(1)

    assert rows == [("PENDING", "1")]
    assert chat.text_of(answered) == "Done."


def versions(folder: Path) -> list[tuple[str, str]]:
    """The state and version of each workflow that is stored."""
    engine = sa.create_engine(f"sqlite:///{folder / 'workflows.db'}")
    with engine.connect() as db:
        query = sa.text("SELECT status, application_version FROM workflow_status")
        found = [(row.status, row.application_version) for row in db.execute(query)]
    engine.dispose()
    return found
