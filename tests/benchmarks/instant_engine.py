"""The scripted engine in a process of its own, so that its work is not counted as the bot's.

Prints its address and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import sys

from tests.fakes.responses_api import Code, Pause, Say, responses_api

STREAMED_SECONDS = 60  # how long an answer to "stream" takes, a few words a second


async def _serve() -> None:
    def script(body: dict[str, object]) -> list[Code | Say | Pause]:
        said = Say("Done, and this is the answer.")
        if "stream" in str(body["input"]):
            return [
                step for _ in range(STREAMED_SECONDS) for step in (Say("A few words. "), Pause(1))
            ]
        return [Code("1 + 1", "2"), said] if "compute" in str(body["input"]) else [said]

    async with responses_api(script) as api:
        print(api.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
