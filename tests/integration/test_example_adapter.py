"""The adapter that the guide shows whole works as it stands there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from bot.app import application
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import settings_for

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-adapter.md"


async def test_the_terminal_of_the_guide(api: FakeResponsesApi, tmp_path: Path) -> None:
    """A line is answered, and a line that is nothing but a command is carried out."""
    example = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert example is not None
    printed: list[str] = []
    module: dict[str, Any] = {
        "__name__": "threadlab_terminal",
        "print": lambda *parts, **how: printed.extend(map(str, parts)),
    }
    exec(compile(example[1], str(GUIDE), "exec"), module)
    settings = settings_for(tmp_path, api.base_url)
    async with application(settings, {}, [module["plugin"]]) as app:
        running = asyncio.create_task(app.dispatcher.run())
        terminal: Any = app.platforms["terminal"]
        await terminal._hear("3x + 11 = 14")
        await terminal._hear("help")
        async with asyncio.timeout(20):
            while "Done." not in printed or "compute with Python" not in str(printed):
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
