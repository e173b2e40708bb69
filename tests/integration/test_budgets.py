"""Budgets, played through the core: refused, opened again, warned of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import Addressing, Author, Caller
from bot.ports import CommandResult
from tests.fakes.clock import Clock
from tests.fakes.platform import ANN, BEN, ScriptedChat, Surface
from tests.fakes.responses_api import Code, FakeResponsesApi, Fault, Say, Tokens
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

DOLLAR = Tokens(input=800_000, output=0)  # of gpt-5


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 5, 20, 12, tzinfo=UTC))


@pytest.fixture(autouse=True)
def costly(api: FakeResponsesApi) -> None:
    """Each answer costs a dollar."""
    api.tokens = DOLLAR


async def answered(
    chat: ScriptedChat, count: int, *, thread: str = "t1", author: Author = ANN
) -> Surface:
    """Ask, and wait for the answer, which is the `count`th of all."""
    await chat.say("go", thread=thread, author=author)
    return (await chat.finished(count))[-1]


def notes(surface: Surface) -> list[str]:
    return [note for post in surface.posts.values() for note in post.notes]


async def command(chat: ScriptedChat, line: str, caller: Caller) -> CommandResult:
    name, _, arguments = line.partition(" ")
    return await chat.services.commands.run(name, chat.thread(), caller, arguments)


class TestStop:
    async def test_stops_and_opens_again(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """A budget that is used up refuses with the time when it opens, and then it does."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=1.5):
            await answered(chat, 1)
            await answered(chat, 2)
            refused = await answered(chat, 3)
            clock.advance(hours=11, minutes=59)
            still = await answered(chat, 4)
            clock.advance(minutes=1)
            open_again = await answered(chat, 5)

        assert chat.text_of(refused) == (
            "Your budget for today is used up: $2.00 of $1.50. It opens again on 21 May 2026 at "
            "00:00 UTC; whoever runs this bot can raise it."
        )
        (post,) = refused.posts.values()
        assert post.failed
        assert "again" in [action.command for action in post.actions]
        assert chat.text_of(still) == chat.text_of(refused)
        assert chat.text_of(open_again) == "Done."
        assert len(api.asked) == 3

    async def test_retry_when_it_is_open(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """A refused question is not lost: Retry asks it, with its files, once there is money."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=1):
            await answered(chat, 1)
            await chat.say("total?", files={"s.csv": b"1"})
            await chat.finished(2)
            clock.advance(days=1)
            await command(chat, "retry", Caller(ANN))
            again = (await chat.finished(3))[-1]

        assert chat.text_of(again) == "Done."
        assert api.asked[-1]["input"][-1]["content"][0]["text"] == "total?"
        assert [name for name, _ in api.uploads.values()] == ["s.csv"]

    async def test_month(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """A month's budget opens with the next month, also where the day's opens sooner."""
        async with running(
            chat,
            tmp_path,
            api.base_url,
            clock=clock,
            budget_workspace_day_usd=1,
            budget_workspace_month_usd=1,
        ):
            await answered(chat, 1)
            refused = await answered(chat, 2, author=BEN)
            clock.advance(days=12)
            open_again = await answered(chat, 3)

        assert chat.text_of(refused).startswith("Everybody's budget for this month is used up")
        assert "on 1 June 2026 at 00:00 UTC" in chat.text_of(refused)
        assert chat.text_of(open_again) == "Done."

    async def test_of_one_person(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """One person's budget is theirs alone, in all threads."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=1):
            await answered(chat, 1)
            ann = await answered(chat, 2, thread="t2")
            ben = await answered(chat, 3, author=BEN)

        assert chat.text_of(ann).startswith("Your budget")
        assert chat.text_of(ben) == "Done."

    async def test_of_a_channel(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """What admins set for a channel counts in place of the operator's limit."""
        admin = Caller(BEN, admin=True)
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_channel_day_usd=1):
            await answered(chat, 1)
            closed = await answered(chat, 2, thread="t2")
            await command(chat, "settings budget_day_usd 5", admin)
            open_again = await answered(chat, 3)
            await command(chat, "settings budget_day_usd default", admin)
            closed_again = await answered(chat, 4)
            await command(chat, "settings budget_day_usd none", admin)
            free = await answered(chat, 5)

        assert chat.text_of(closed).startswith("This channel's budget for today is used up")
        assert chat.text_of(open_again) == "Done."
        assert chat.text_of(closed_again).startswith("This channel's budget")
        assert chat.text_of(free) == "Done."

    async def test_files_alone(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Files without a question cost nothing: they are taken in all the same."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=0):
            refused = await answered(chat, 1)
            await chat.say("", files={"s.csv": b"1"}, addressed=Addressing.DIRECT)
            async with asyncio.timeout(10):
                while not any(effect[1] == "taken" for effect in chat.effects):
                    await asyncio.sleep(0.01)

        assert chat.text_of(refused).startswith("Your budget for today is used up")

    async def test_commands_stay(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Commands cost nothing: they work without money."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=0):
            result = await command(chat, "help", Caller(ANN))

        assert result.ok


class TestWarning:
    async def test_at_eighty_percent(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """The answer that takes a budget past 80 % says so, and no other one."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=5):
            surfaces = [await answered(chat, count) for count in range(1, 6)]
            refused = await answered(chat, 6)

        warning = "Your budget for today is 80 % used up: $4.00 of $5.00."
        assert [notes(surface) for surface in surfaces] == [[], [], [], [warning], []]
        assert chat.text_of(refused).startswith("Your budget for today is used up: $5.00 of $5.00")

    async def test_each_budget_warns(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Each budget that is crossed is named; the line is the operator's."""
        async with running(
            chat,
            tmp_path,
            api.base_url,
            clock=clock,
            budget_channel_month_usd=2,
            budget_workspace_day_usd=1.9,
            budget_warning_percent=50,
        ):
            surface = await answered(chat, 1)

        assert notes(surface) == [
            "This channel's budget for this month is 50 % used up: $1.00 of $2.00.",
            "Everybody's budget for today is 53 % used up: $1.00 of $1.90.",
        ]

    async def test_many_at_once(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """Of answers that come together, one crosses the line."""
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_channel_day_usd=10):
            for number in range(9):
                await chat.say("go", thread=f"t{number}")
            surfaces = await chat.finished(9)

        assert sum(bool(notes(surface)) for surface in surfaces) == 1

    async def test_what_was_not_asked(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
    ) -> None:
        """What the engine was never asked for costs nothing."""
        api.faults.append(Fault("/v1/responses", 400, "No."))
        async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=1):
            failed = await answered(chat, 1)
            answer = await answered(chat, 2)

        assert chat.text_of(failed).startswith("The engine did not take the question")
        assert chat.text_of(answer) == "Done."


async def test_containers_count(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, clock: Clock
) -> None:
    """A container's sessions are part of what a budget pays for."""
    api.tokens = Tokens(input=0, output=0)
    api.script = lambda body: [Code("1"), Say("Done.")]
    async with running(chat, tmp_path, api.base_url, clock=clock, budget_user_day_usd=0.03):
        await answered(chat, 1)
        refused = await answered(chat, 2)

    assert chat.text_of(refused).startswith("Your budget for today is used up: $0.03 of $0.03")
