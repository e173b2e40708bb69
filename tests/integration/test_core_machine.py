"""The core as a machine: people and misfortunes in any order, each message answered once."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.app import Application
from bot.domain import Author, Caller, IncomingMessage, ThreadKey
from bot.errors import AmbiguousSend, PlatformError
from tests.fakes.platform import ANN, BEN, ScriptedChat
from tests.fakes.postgres import PostgresServer
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Wait, responses_api
from tests.fakes.threadlab import running

THREADS = ("t1", "t2")
PATIENCE_SECONDS = 30.0
_TOLD = re.compile(r"\bm(\d+)v(\d+)\b")


@dataclass
class Known:
    """A message as it has to be answered."""

    message: IncomingMessage
    number: int
    version: int = 1
    withdrawn: bool = False
    stopped: bool = False  # a reset ended its answer

    @property
    def text(self) -> str:
        return f"m{self.number}v{self.version}"


class CoreMachine(RuleBasedStateMachine):
    """Ann and Ben write in two threads; answers come only while the engine is let go on."""

    new_database: ClassVar[Callable[[], str | None]]  # the address of an empty one; None: SQLite

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(prefix="core-machine-")
        self.database_url = type(self).new_database()
        self.chat = ScriptedChat()
        self.known: list[Known] = []
        self.engine_stack = AsyncExitStack()
        self.app_stack = AsyncExitStack()
        self.gate = asyncio.Event()
        self.app: Application
        self.api: FakeResponsesApi

    # -- life

    @initialize()
    def begin(self) -> None:
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        served = responses_api(self._script)
        self.api = await self.engine_stack.enter_async_context(served)
        await self._start()

    async def _start(self) -> None:
        app = running(
            self.chat, Path(self.folder.name), self.api.base_url, shutdown_seconds=0.01,
            retry_wait_seconds=0.05, engine_attempts=8, post_attempts=8,
            database_url=self.database_url,
        )  # fmt: skip
        self.app_stack = AsyncExitStack()
        self.app = await self.app_stack.enter_async_context(app)

    def _script(self, body: dict[str, Any]) -> Sequence[Code | Say | Wait]:
        asked = str(body["input"][-1]["content"][0]["text"])
        told = " ".join(f"m{number}v{version}" for number, version in _TOLD.findall(asked))
        return [Wait(self.gate), Code("work()", makes={f"{told}.txt": b"x"}), Say(told)]

    def teardown(self) -> None:
        self.runner.run(self._end())
        self.runner.close()
        self.folder.cleanup()

    async def _end(self) -> None:
        try:
            if hasattr(self, "app"):
                await self._let_go_on()
                self._everything_is_answered()
        finally:
            await self.app_stack.aclose()
            await self.engine_stack.aclose()

    # -- what people do

    @rule(thread=st.sampled_from(THREADS), author=st.sampled_from([ANN, BEN]))
    def deliver(self, thread: str, author: Author) -> None:
        number = len(self.known) + 1
        message = self.chat.message(f"m{number}v1", thread=thread, author=author)
        self.known.append(Known(message, number))
        assert self.runner.run(self.app.services.inbox.accept(message))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.known))
        assert not self.runner.run(self.app.services.inbox.accept(known.message))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.known[-3:]))
        text = f"m{known.number}v{known.version + 1}"
        inbox, message = self.app.services.inbox, known.message
        if self.runner.run(inbox.revise(message.key, message.id, text)):
            assert not known.withdrawn
            known.version += 1

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.known[-3:]))
        inbox, message = self.app.services.inbox, known.message
        if self.runner.run(inbox.withdraw(message.key, message.id)):
            assert not known.withdrawn
            known.withdrawn = True
        else:
            known.stopped = True  # an answer to it alone that is under way ends

    @precondition(lambda self: self.known)
    @rule(thread=st.sampled_from(THREADS))
    def reset(self, thread: str) -> None:
        self.runner.run(self._reset(self.chat.thread(thread)))

    async def _reset(self, key: ThreadKey) -> None:
        inbox = self.app.services.inbox
        here = [known for known in self._missing() if known.message.key == key]
        being_answered = [
            known for known in here if not await inbox.revise(key, known.message.id, known.text)
        ]
        for known in being_answered or here:  # a turn may be claimed that has not begun
            known.stopped = True
        await self.app.services.commands.run("reset", key, Caller(ANN, True), "")

    # -- what goes wrong

    @rule()
    def crash_and_restart(self) -> None:
        async def again() -> None:
            await self.app_stack.aclose()
            await self._start()

        self.runner.run(again())

    @rule()
    def containers_expire(self) -> None:
        self.api.expired |= set(self.api.containers)

    @rule(arrives=st.booleans())
    def post_fails(self, arrives: bool) -> None:
        if len(self.chat.send_faults) < 3:
            fault = AmbiguousSend("nobody knows") if arrives else PlatformError("refused")
            self.chat.send_faults.append(fault)

    @rule(path=st.sampled_from(["/v1/responses", "/v1/containers"]))
    def engine_fails(self, path: str) -> None:
        if len(self.api.faults) < 2:
            self.api.faults.append(Fault(path, 500))

    @rule()
    def answers_come(self) -> None:
        self.runner.run(self._let_go_on())

    async def _let_go_on(self) -> None:
        self.gate.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._missing() or self.app.dispatcher.active:
                await asyncio.sleep(0.01)
        self.gate = asyncio.Event()

    # -- what always holds

    def _answers(self) -> list[tuple[str, str]]:
        """Each answer's thread and text, oldest first."""
        return [
            (surface.key.thread, post.text)
            for surface in self.chat.surfaces.values()
            for post in surface.posts.values()
            if post.text
        ]

    def _missing(self) -> list[Known]:
        told = " ".join(text for _, text in self._answers())
        numbers = {int(number) for number, _ in _TOLD.findall(told)}
        wanted = [known for known in self.known if not (known.withdrawn or known.stopped)]
        return [known for known in wanted if known.number not in numbers]

    @invariant()
    def nothing_is_answered_twice_or_elsewhere_or_out_of_order(self) -> None:
        newest: dict[str, int] = {}
        for thread, text in self._answers():
            told = [int(number) for number, _ in _TOLD.findall(text)]
            for number in told:
                known = self.known[number - 1]
                assert known.message.key.thread == thread, f"{text} in {thread}"
                assert not known.withdrawn, f"{text} was withdrawn"
                assert known.text in text.split(), f"{text} is not {known.text}"
                assert number > newest.get(thread, 0), f"{text} twice, or too late"
                newest[thread] = number
            authors = {self.known[number - 1].message.author.id for number in told}
            assert len(authors) == 1, f"{text} is for {authors}"

    def _everything_is_answered(self) -> None:
        assert self._missing() == []
        self.nothing_is_answered_twice_or_elsewhere_or_out_of_order()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """Makes an empty database, and gives its address."""
    if request.param == "sqlite":
        return lambda: None
    server: PostgresServer = request.getfixturevalue("postgres")
    upgraded: str = request.getfixturevalue("upgraded")
    return lambda: server.create(upgraded)


@pytest.mark.slow
def test_any_order(new_database: Callable[[], str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever people do and whatever goes wrong: each message that stays is answered once, in its
    thread and in order, with its newest text, and nobody's together with another's."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(CoreMachine, "new_database", staticmethod(new_database), raising=False)
    CoreMachine.TestCase.settings = settings(
        max_examples=8,
        stateful_step_count=25,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    CoreMachine.TestCase().runTest()
