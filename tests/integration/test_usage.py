"""What answers used: booked once, told by `usage`; opinions by `feedback`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import NO_WORKSPACE, Author, Caller, ThreadKey
from bot.errors import PlatformError
from bot.ports import CommandResult
from bot.store.turns import Turns, TurnState
from bot.store.usage import Entry, Ledger, Scope, Total
from tests.fakes.clock import Clock
from tests.fakes.platform import ANN, BEN, ScriptedChat, Surface
from tests.fakes.responses_api import Code, Fail, FakeResponsesApi, Say, Tokens, Wait
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

ADMIN = Caller(Author("u-boss", "Boss"), admin=True)
CHANNEL = ThreadKey("script", "w", "c", "")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 5, 20, 12, tzinfo=UTC))


def ledger(chat: ScriptedChat) -> Ledger:
    return Ledger(chat.services.database)


async def entry_of(chat: ScriptedChat, surface: Surface) -> Entry:
    entry = await ledger(chat).get(surface.turn_id)
    assert entry is not None
    return entry


async def total(chat: ScriptedChat) -> Total:
    return await ledger(chat).total(Scope.of_workspace(CHANNEL))


async def usage(
    chat: ScriptedChat,
    arguments: str = "",
    *,
    caller: Caller | None = None,
    key: ThreadKey | None = None,
) -> CommandResult:
    where = key or chat.thread()
    return await chat.services.commands.run("usage", where, caller or Caller(ANN), arguments)


async def answered(
    chat: ScriptedChat, count: int, *, thread: str = "t1", author: Author = ANN
) -> Surface:
    await chat.say("go", thread=thread, author=author)
    return (await chat.finished(count))[-1]


async def settled(chat: ScriptedChat) -> None:
    """Wait until no turn is open."""
    async with asyncio.timeout(10):
        while await Turns(chat.services.database).unsettled(1):
            await asyncio.sleep(0.01)


class TestBooks:
    async def test_an_answer(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Tokens, code runs, the container and the cost stand in the books, with who and where."""
        api.tokens = Tokens(input=1_000_000, cached=200_000, output=100_000)
        api.script = lambda body: [Code("1"), Code("2"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, clock=clock):
            entry = await entry_of(chat, await answered(chat, 1))

        assert (entry.thread, entry.place, entry.workspace) == (
            "script/w/c/t1",
            "script/w/c",
            "script/w",
        )
        assert (entry.author_id, entry.author_name, entry.model) == ("u-ann", "Ann", "gpt-5")
        assert (entry.input_tokens, entry.cached_tokens) == (1_000_000, 200_000)
        assert (entry.output_tokens, entry.code_runs) == (100_000, 2)
        assert (entry.container_id, entry.container_minutes) == (next(iter(api.containers)), 20)
        assert entry.cost_usd == pytest.approx(0.8 * 1.25 + 0.2 * 0.125 + 0.1 * 10 + 0.03)
        assert not entry.unpriced
        assert entry.created_at == clock()

    async def test_sessions(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """A container is charged for each 20 minutes that it began, and for none twice."""
        api.script = lambda body: [Code("1"), Say("Done.")]
        minutes = []
        async with running(chat, tmp_path, api.base_url, clock=clock):
            for count, wait_minutes in enumerate([0, 5, 10, 10, 45], start=1):
                clock.advance(minutes=wait_minutes)
                entry = await entry_of(chat, await answered(chat, count))
                minutes.append(entry.container_minutes)

        assert len(api.containers) == 1
        assert minutes == [20, 0, 0, 20, 40]

    async def test_a_fresh_container(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """A container that replaces a dead one begins its own session."""
        api.script = lambda body: [Code("1"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, clock=clock):
            await answered(chat, 1)
            api.expire(next(iter(api.containers)))
            entry = await entry_of(chat, await answered(chat, 2))

        assert entry.container_minutes == 20
        assert len(api.containers) == 2

    async def test_a_container_of_our_own(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """It is charged from its first question on, though no code runs, and for each session
        that begins while it is kept awake."""
        explicit = {"container_mode": "explicit", "container_idle_seconds": 1}
        async with running(chat, tmp_path, api.base_url, clock=clock, **explicit):
            surface = await answered(chat, 1)
            first = (await entry_of(chat, surface)).container_minutes
            clock.advance(minutes=45)
            async with asyncio.timeout(20):
                while (entry := await entry_of(chat, surface)).container_minutes == first:
                    await asyncio.sleep(0.01)

        assert (first, entry.container_minutes) == (20, 60)
        assert entry.cost_usd == pytest.approx(3 * 0.03, abs=0.001)

    async def test_asked_again_by_somebody_else(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Who asks again pays for it; pressed twice, it is asked once."""
        async with running(chat, tmp_path, api.base_url):
            await answered(chat, 1)
            await settled(chat)
            run = chat.services.commands.run
            pressed = [await run("retry", chat.thread(), Caller(BEN)) for _ in range(2)]
            entry = await entry_of(chat, (await chat.finished(2))[-1])

        assert [result.ok for result in pressed] == [True, False]
        assert entry.author_id == BEN.id
        assert len(api.asked) == 2

    async def test_settled_twice(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A turn whose end is repeated after a fault is booked once."""
        settle, refusals = Turns.settle, iter(range(1))

        async def refusing(self: Turns, turn_id: str, state: TurnState) -> object:
            if next(refusals, None) is not None:
                raise OSError("disk full")
            return await settle(self, turn_id, state)

        monkeypatch.setattr(Turns, "settle", refusing)
        async with running(chat, tmp_path, api.base_url):
            await answered(chat, 1)
            await settled(chat)
            booked = await total(chat)

        assert (booked.answers, booked.input_tokens) == (1, 10)

    async def test_restarted(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An answer that is finished after a restart is booked once, with all that it used."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("1"), Wait(gate), Say("Done.")]
        async with running(chat, tmp_path, api.base_url, shutdown_seconds=0.1):
            await chat.say("go")
            async with asyncio.timeout(10):
                while not any(p.runs for s in chat.surfaces.values() for p in s.shown):
                    await asyncio.sleep(0.01)
        gate.set()
        async with running(chat, tmp_path, api.base_url):
            (surface,) = await chat.finished(1)
            await settled(chat)
            entry, booked = await entry_of(chat, surface), await total(chat)

        assert booked.answers == 1
        assert (entry.input_tokens, entry.code_runs, entry.container_minutes) == (10, 1, 20)

    async def test_stopped(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A stopped answer is booked with what the engine says that it cost until then."""
        gate = asyncio.Event()
        api.script = lambda body: [Code("1"), Wait(gate)]
        async with running(chat, tmp_path, api.base_url):
            await chat.say("go")
            async with asyncio.timeout(10):
                while not any(p.runs for s in chat.surfaces.values() for p in s.shown):
                    await asyncio.sleep(0.01)
            await chat.services.commands.run("stop", chat.thread(), Caller(ANN))
            (surface,) = await chat.finished(1)
            gate.set()
            entry = await entry_of(chat, surface)

        assert (entry.input_tokens, entry.code_runs, entry.container_minutes) == (10, 1, 20)

    async def test_failed(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Tries that failed are paid for as well: those before the answer, and those without."""
        api.script = lambda body: [Fail("The server had an error.")]
        async with running(chat, tmp_path, api.base_url, engine_attempts=2):
            failed = await entry_of(chat, await answered(chat, 1))
            steps: list[Fail | Say] = [Fail("The server had an error."), Say("Done.")]
            scripts = iter([[step] for step in steps])
            api.script = lambda body: next(scripts)
            second = await entry_of(chat, await answered(chat, 2))

        assert (failed.input_tokens, failed.output_tokens) == (20, 10)
        assert (second.input_tokens, second.output_tokens) == (20, 10)

    async def test_dead_chat(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An answer that the chat did not take is paid for all the same, and booked."""
        chat.send_faults = [PlatformError("no")]
        async with running(chat, tmp_path, api.base_url, post_attempts=1):
            await answered(chat, 1)
            await settled(chat)
            booked = await total(chat)

        assert booked.answers == 1


class TestCommand:
    async def test_scopes_and_periods(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Thread, channel and workspace, today and this month, each with its own sum."""
        api.tokens = Tokens(input=800_000, output=0)
        async with running(chat, tmp_path, api.base_url, clock=clock):
            await answered(chat, 1)
            clock.advance(days=1)
            await answered(chat, 2, thread="t2", author=BEN)
            said = (await usage(chat)).text

        thread, channel = said.split("\n\n")
        one = (
            "1 answer, 800,000 tokens in (0 cached), 0 out, 0 code runs, 0 container minutes, $1.00"
        )
        two = one.replace("1 answer", "2 answers").replace("800", "1,600").replace("$1", "$2")
        assert thread.splitlines() == [
            "**This thread**",
            "- today: nothing",
            f"- this month: {one}",
            f"- in all: {one}",
        ]
        assert channel.splitlines() == [
            "**This channel**",
            f"- today: {one}",
            f"- this month: {two}",
        ]

    async def test_of_one(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """One scope alone; in a channel there is no thread to tell of."""
        async with running(chat, tmp_path, api.base_url):
            alone = await usage(chat, "channel")
            here = await usage(chat, key=CHANNEL)
            none = await usage(chat, "thread", key=CHANNEL)

        assert alone.text.startswith("**This channel**")
        assert "All channels" not in alone.text
        assert here.text.startswith("**This channel**")
        assert "This thread" not in here.text
        assert not none.ok

    async def test_the_same_twice(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What a wider place comes to is not repeated where it is the same."""
        async with running(chat, tmp_path, api.base_url):
            await answered(chat, 1)
            said = (await usage(chat)).text
            channel = (await usage(chat, "channel")).text

        assert [line for line in said.splitlines() if line.startswith("**")] == ["**This thread**"]
        assert channel.startswith("**This channel**")

    async def test_where_no_workspace_is(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Strangers' direct conversations are not added up."""
        direct = ThreadKey("script", NO_WORKSPACE, "dm", "dm")
        async with running(chat, tmp_path, api.base_url):
            other = ThreadKey("script", NO_WORKSPACE, "dm2", "dm2")
            asked = replace(chat.message("go"), key=other)
            await chat.services.inbox.accept(asked)
            await chat.finished(1)
            said = await usage(chat, key=direct)
            refused = await usage(chat, "workspace", key=direct)

        assert "All channels" not in said.text
        assert "answer" not in said.text
        assert not refused.ok
        assert refused.text == "Here is no workspace: `usage channel` tells more."

    async def test_people(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Admins see what each person used, who cost most first; others don't."""
        api.tokens = Tokens(input=800_000, output=0)
        eve = Author("u-eve", "*Eve* [x](y)")
        async with running(chat, tmp_path, api.base_url):
            await answered(chat, 1, author=eve)
            await answered(chat, 2, author=BEN)
            await answered(chat, 3, author=BEN)
            told = (await usage(chat, "workspace", caller=ADMIN)).text
            not_told = (await usage(chat, "workspace")).text

        ben, bad_name = told.split("**People, this month: all channels**\n")[1].splitlines()
        assert ben.startswith("- Ben: 2 answers")
        assert ben.endswith("$2.00")
        assert bad_name.startswith(r"- \*Eve\* \[x\](y): 1 answer")
        assert "Ben" not in not_told

    async def test_unknown_price(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A model without a price is said to have none; it does not count as free."""
        async with running(chat, tmp_path, api.base_url, openai_model="own-model"):
            await answered(chat, 1)
            said = (await usage(chat, "thread")).text

        assert "not priced" in said
        assert "$" not in said

    async def test_budgets(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Where there are budgets, it says how they stand."""
        api.tokens = Tokens(input=800_000, output=0)
        async with running(
            chat, tmp_path, api.base_url, budget_user_day_usd=5, budget_channel_month_usd=20
        ):
            await answered(chat, 1)
            said = (await usage(chat)).text

        assert "- Your budget for today: $1.00 of $5.00" in said
        assert "- This channel's budget for this month: $1.00 of $20.00" in said


class TestFeedback:
    async def test_the_last_word_counts(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """One word a person and answer, the last one; `usage` counts them."""
        async with running(chat, tmp_path, api.base_url):
            run = chat.services.commands.run
            turn_id = (await answered(chat, 1)).turn_id
            for author, verdict in [(ANN, "good"), (BEN, "good"), (ANN, "bad"), (ANN, "bad")]:
                result = await run(
                    "feedback", chat.thread(), Caller(author), f"{turn_id} {verdict}"
                )
                assert result.ok
            said = [(await usage(chat, scope)).text for scope in ("thread", "channel", "workspace")]
            elsewhere = (await usage(chat, "thread", key=chat.thread("t2"))).text

        assert all("- feedback: 1 good, 1 bad" in each for each in said)
        assert "feedback" not in elsewhere

    async def test_of_this_thread_alone(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Answers of other threads, and such as there are none, are refused."""
        async with running(chat, tmp_path, api.base_url):
            run = chat.services.commands.run
            turn_id = (await answered(chat, 1)).turn_id
            other = await run("feedback", chat.thread("t2"), Caller(ANN), f"{turn_id} good")
            unknown = await run("feedback", chat.thread(), Caller(ANN), "turn_x good")
            word = await run("feedback", chat.thread(), Caller(ANN), f"{turn_id} superb")
            said = (await usage(chat)).text

        assert [other.ok, unknown.ok, word.ok] == [False, False, False]
        assert "feedback" not in said

    async def test_hidden(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """It is for buttons: no menu and no help lists it."""
        async with running(chat, tmp_path, api.base_url):
            (spec,) = [s for s in chat.services.commands.specs if s.name == "feedback"]
            helped = await chat.services.commands.run("help", chat.thread(), Caller(ANN), "all")

        assert not spec.listed
        assert "feedback" not in helped.text
        assert "`usage [thread|channel|workspace]`" in helped.text

    async def test_help_is_short(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Help has three examples and five commands, and says how to have the rest."""
        async with running(chat, tmp_path, api.base_url):
            helped = await chat.services.commands.run("help", CHANNEL, Caller(ANN))

        assert sum(line.startswith("- ") for line in helped.text.splitlines()) == 8
        assert helped.text.endswith("`help all` lists the others.")
        assert not helped.public
