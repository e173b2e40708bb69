"""The scripted engine in a process of its own, so that its work is not counted as the bot's.

Prints its address and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import sys

from tests.fakes.responses_api import Code, Say, responses_api


async def _serve() -> None:
    def script(body: dict[str, object]) -> list[Code | Say]:
        said = Say("Done, and this is the answer.")
        return [Code("1 + 1", "2"), said] if "compute" in str(body["input"]) else [said]

    async with responses_api(script) as api:
        print(api.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
