"""The engine of a torture: the scripted Responses API, broken now and then, and remembering."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.responses_api import Code, Fail, FakeResponsesApi, Say, Wait
from tests.fakes.serving import serve
from tests.torture.evidence import LINES_OF_LONG, NUMBER, QUESTION, Asked, made_content

THINKS_SECONDS_MAX = 1.5
HOLDS_SECONDS_MAX = 20.0
SAYS_SECONDS = (0.0, 0.0, 1.0, 3.0)
_KNOWN_SECONDS = 0.03  # until the program has stored the id that it was just sent

Hook = Callable[[str], None]


@dataclass
class Mischief:
    """What happens to the next call of a path."""

    path: str
    kind: str  # "before": nothing is done and no answer comes; "after": done, but no answer; "slow"


class TortureEngine(FakeResponsesApi):
    """Answers each question so that it can be told what it is the answer to.

    Arguments:
        dice: how long it thinks.
        hook: told of the points at which a program may be killed.
    """

    def __init__(self, dice: random.Random, hook: Hook) -> None:
        super().__init__(self._script)
        self.log: list[Asked] = []
        self.knocks: list[float] = []  # when it was asked anything, also what it did not take
        self.mischief: list[Mischief] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.hook = hook
        self._dice = dice
        self._told: dict[str, tuple[int, ...]] = {}  # response → numbers in its context

    def gate(self, number: int) -> asyncio.Event:
        """What the answer to a held question waits for."""
        return self.gates.setdefault(number, asyncio.Event())

    def _script(self, body: dict[str, Any]) -> list[Code | Say | Wait | Fail]:
        asked = QUESTION.findall(_question(body))
        thinks = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_later(self._dice.random() * THINKS_SECONDS_MAX, thinks.set)
        steps: list[Code | Say | Wait | Fail] = [Wait(thinks)]
        for number, _, wishes in asked:
            if "hold" in wishes:
                gate = self.gate(int(number))
                loop.call_later(HOLDS_SECONDS_MAX, gate.set)
                steps.append(Wait(gate))
        makes = {
            f"made-Q{number}.txt": made_content(int(number))
            for number, _, wishes in asked
            if "make a file" in wishes
        }
        if makes:
            steps.append(Code("# Write files\nopen(…)", logs="written", makes=makes))
        text = "\n\n".join(_answer(*each) for each in asked)
        steps.append(Say(text, self._dice.choice(SAYS_SECONDS)))
        return steps

    async def _answer(self, id: str, body: dict[str, Any], container_id: str) -> None:
        numbers = tuple(int(number) for number, _, _ in QUESTION.findall(_question(body)))
        names = " ".join(file["path"] for file in self.containers[container_id].values())
        files = tuple(sorted({int(number) for number in NUMBER.findall(names)}))
        earlier = self._told.get(body.get("previous_response_id") or "", ())
        self._told[id] = earlier + numbers
        self.log.append(Asked(time.monotonic(), numbers, files, earlier))
        await super()._answer(id, body, container_id)

    def app(self) -> ASGIApp:  # type: ignore[override]
        return _Broken(self, super().app())

    def take(self, path: str) -> Mischief | None:
        """The mischief that a call meets."""
        for each in self.mischief:
            if path.startswith(each.path):
                self.mischief.remove(each)
                return each
        return None


class _Broken:
    """Calls that are cut off, come late, or tell that a program may be killed now."""

    def __init__(self, engine: TortureEngine, app: ASGIApp) -> None:
        self._engine = engine
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        met = self._engine.take(path) if method == "POST" else None
        asks = (method, path) == ("POST", "/v1/responses")

        if asks:
            self._engine.knocks.append(time.monotonic())

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                if method == "POST":
                    name = path.rsplit("/", 1)[-1]
                    self._engine.hook(f"engine {name}")
                if met is not None and met.kind == "after":
                    await _cut(send)
            await send(message)
            if asks and message.get("body"):
                await asyncio.sleep(_KNOWN_SECONDS)
                self._engine.hook("engine response known")

        if met is not None and met.kind == "slow":
            await asyncio.sleep(1.0)
        if met is not None and met.kind == "before":
            await _cut(send)
        await self._app(scope, receive, watched)


class Cut(Exception):
    """The connection ends here."""


async def _cut(send: Send) -> None:
    """End the connection in the middle of an answer."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise Cut


def _question(body: dict[str, Any]) -> str:
    return str(body["input"][-1]["content"][0]["text"])


def _answer(number: str, version: str, wishes: str) -> str:
    parts = [f"Answer to Q{number} version {version}."]
    if "make a file" in wishes:
        parts.append(f"See {{cite:made-Q{number}.txt}}.")
    if "at length" in wishes:
        parts += [
            f"Q{number} line {line} of many, which say nothing that matters."
            for line in range(1, LINES_OF_LONG + 1)
        ]
    return "\n\n".join(parts)


@asynccontextmanager
async def torture_engine(dice: random.Random, hook: Hook) -> AsyncIterator[TortureEngine]:
    """The engine, served on a free loopback port."""
    engine = TortureEngine(dice, hook)
    async with serve(engine.app()) as address:
        engine.base_url = f"{address}/v1"
        yield engine
