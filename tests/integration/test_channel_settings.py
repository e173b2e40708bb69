"""`settings` of a channel, `model` and `effort` of a thread, played through the core."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Addressing, Author, Caller, ThreadKey
from bot.ports import Choice, CommandResult
from bot.store.channels import StoredSettings
from tests.fakes.platform import ANN, BEN, ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running

pytestmark = pytest.mark.usefixtures("database_url")

ADMIN = Caller(Author("u-boss", "Boss"), admin=True)
CHANNEL = ThreadKey("script", "w", "c", "")
MODELS = ("gpt-5-mini", "gpt-5-nano")


async def command(
    chat: ScriptedChat, line: str, *, caller: Caller = ADMIN, key: ThreadKey | None = None
) -> CommandResult:
    name, _, arguments = line.partition(" ")
    return await chat.services.commands.run(name, key or chat.thread(), caller, arguments)


async def asked(
    chat: ScriptedChat, api: FakeResponsesApi, count: int, *, thread: str = "t1"
) -> dict[str, Any]:
    """What the engine is asked, the `count`th time."""
    await chat.say("go", thread=thread)
    await chat.finished(count)
    return api.asked[-1]


class TestSettings:
    async def test_list(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """All settings with their values, and whether they were set here."""
        async with running(chat, tmp_path, api.base_url, budget_channel_day_usd=5):
            await command(chat, "settings followups all")
            lines = (await command(chat, "settings", key=CHANNEL)).text.splitlines()

        assert [line.split("`")[1] for line in lines[1:]] == [
            "model",
            "effort",
            "memory_limit",
            "mode",
            "instructions",
            "followups",
            "budget_day_usd",
            "budget_month_usd",
            "users",
        ]
        assert "- `followups`: `all` (set here)" in "\n".join(lines)
        assert "- `budget_day_usd`: $5.00 (default)" in "\n".join(lines)
        assert "- `effort`: the model's own (default)" in "\n".join(lines)
        assert lines[-1] == "- `users`: everybody (default): who may use me here"

    async def test_set_show_clear(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A value is set, shown, survives a restart, and `default` clears it."""
        async with running(chat, tmp_path, api.base_url):
            was_set = await command(chat, "settings memory_limit 4G")
        async with running(chat, tmp_path, api.base_url):
            shown = await command(chat, "settings memory_limit")
            held = await chat.services.channels.settings(CHANNEL)
            cleared = await command(chat, "settings memory_limit default")
            holds = await chat.services.channels.settings(CHANNEL)

        assert shown.text.endswith("`1g`, `4g`, `16g`, `64g`, `default`.")
        assert was_set.text.startswith("`memory_limit`: `4g` (set here)")
        assert shown.text == was_set.text
        assert held.memory_limit == "4g"
        assert cleared.text.startswith("`memory_limit`: `1g` (default)")
        assert holds.memory_limit == "1g"

    async def test_every_setting(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Each setting reaches those who ask for it."""
        values = {
            "model": "gpt-5-mini",
            "effort": "high",
            "memory_limit": "16g",
            "mode": "explicit",
            "instructions": "Answer in French.",
            "followups": "mentions",
            "budget_day_usd": 2.5,
            "budget_month_usd": None,
            "users": ("u-boss", "u-ann"),
        }
        written = values | {
            "budget_month_usd": "none",
            "users": "<@u-boss> u-ann",
        }
        async with running(chat, tmp_path, api.base_url, openai_models=MODELS):
            for name, value in written.items():
                assert (await command(chat, f"settings {name} {value}")).ok
            holds = await chat.services.channels.settings(chat.thread())
            other = await chat.services.channels.settings(ThreadKey("script", "w", "d", "t"))

        assert {name: getattr(holds, name) for name in values} == values
        assert other.model == "gpt-5"

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("settings colour red", "is none of"),
            ("settings model gpt-4", "`model` is one of `gpt-5`"),
            ("settings budget_day_usd lots", "A budget is a number of US dollars"),
        ],
    )
    async def test_refused(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path, line: str, said: str
    ) -> None:
        """What does not fit is refused with what does, and changes nothing."""
        async with running(chat, tmp_path, api.base_url):
            before = await chat.services.channels.settings(CHANNEL)
            result = await command(chat, line)
            after = await chat.services.channels.settings(CHANNEL)

        assert not result.ok
        assert said in result.text
        assert before == after

    async def test_suggestions(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Names are suggested; values under the setting that they are for, or of the chosen one."""
        async with running(chat, tmp_path, api.base_url):
            complete = chat.services.commands.complete
            names = await complete("settings", CHANNEL, ADMIN, "name", "bud")
            values = await complete("settings", CHANNEL, ADMIN, "value", "follow")
            chosen = await complete("settings", CHANNEL, ADMIN, "value", "", before="users")

        assert [choice.value for choice in names] == ["budget_day_usd", "budget_month_usd"]
        assert [choice.value for choice in values] == ["all", "smart", "mentions", "default"]
        assert chosen == [Choice("none", "none"), Choice("default", "default")]

    async def test_an_admin_who_is_not_listed(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Admins who left themselves out may not ask, but can undo it; the operator's refusals
        hold for them too."""
        async with running(chat, tmp_path, api.base_url):
            await chat.say("hello")
            await chat.finished(1)
            listed = await command(chat, "settings users u-ann,u-eve")
            status = await command(chat, "status")
            names = await chat.services.commands.complete(
                "settings", CHANNEL, ADMIN, "name", "user"
            )
            ben = await command(chat, "settings users none", caller=Caller(BEN))
            undone = await command(chat, "settings users none")
        async with running(chat, tmp_path, api.base_url, deny_users=("u-boss",)):
            denied = await command(chat, "settings users none")

        assert listed.text.startswith("`users`: Ann (`u-ann`), `u-eve` (set here)")
        assert not status.ok
        assert [choice.value for choice in names] == ["users"]
        assert not ben.ok
        assert undone.ok
        assert not denied.ok

    async def test_instructions(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A channel's instructions come after our own, in every question there."""
        async with running(chat, tmp_path, api.base_url):
            plain = await asked(chat, api, 1)
            await command(chat, "settings instructions Answer in French, always.")
            told = await asked(chat, api, 2)

        assert told["instructions"].startswith(plain["instructions"])
        assert told["instructions"].rstrip().endswith("Answer in French, always.")

    async def test_followups(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The channel's rule for follow-ups holds from the next message on."""
        async with running(chat, tmp_path, api.base_url):
            await asked(chat, api, 1)
            first = chat.message("and now?", addressed=Addressing.AMBIENT)
            answered = await chat.services.inbox.accept(first)
            await chat.finished(2)
            await command(chat, "settings followups mentions")
            second = chat.message("and now?", addressed=Addressing.AMBIENT)
            left_alone = await chat.services.inbox.accept(second)

        assert (answered, left_alone) == (True, False)

    async def test_another_worker(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What another worker wrote into the database is seen after a while."""
        async with running(chat, tmp_path, api.base_url, channel_settings_seconds=0.001):
            await chat.services.channels.settings(CHANNEL)
            await StoredSettings(chat.services.database).set(CHANNEL.place, "mode", "explicit", ANN)
            async with asyncio.timeout(10):
                while (await chat.services.channels.settings(CHANNEL)).mode != "explicit":
                    await asyncio.sleep(0.001)


class TestChoices:
    async def test_model(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """A thread's model goes before its channel's, and that before the operator's."""
        async with running(chat, tmp_path, api.base_url, openai_models=MODELS):
            models = [(await asked(chat, api, 1))["model"]]
            await command(chat, "settings model gpt-5-mini")
            models.append((await asked(chat, api, 2))["model"])
            chosen = await command(chat, "model GPT-5-nano", caller=Caller(ANN))
            models.append((await asked(chat, api, 3))["model"])
            models.append((await asked(chat, api, 4, thread="t2"))["model"])
            await command(chat, "model default", caller=Caller(ANN))
            models.append((await asked(chat, api, 5))["model"])

        assert models == ["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-mini", "gpt-5-mini"]
        assert chosen.public
        assert "`gpt-5-nano`, chosen for this thread" in chosen.text

    async def test_effort(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Effort is chosen in the same way; unset, the model's own holds."""
        async with running(chat, tmp_path, api.base_url):
            plain = await asked(chat, api, 1)
            await command(chat, "effort low", caller=Caller(BEN))
            low = await asked(chat, api, 2)
            cleared = await command(chat, "effort default")

        assert "reasoning" not in plain
        assert low["reasoning"] == {"effort": "low"}
        assert cleared.text.startswith("The effort is the model's own, the default here.")

    async def test_shown(self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
        """Without a name the command says what holds and offers the others as buttons."""
        async with running(chat, tmp_path, api.base_url, openai_models=MODELS):
            result = await command(chat, "model")
            action = result.actions[0]
            pressed = await command(chat, f"{action.command} {action.arguments}")

        assert result.text.startswith("The model is `gpt-5`, the default here.")
        assert [action.arguments for action in result.actions] == list(MODELS)
        assert pressed.text.startswith("The model is `gpt-5-mini`, chosen for this thread.")

    async def test_not_offered(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What the operator does not offer can't be had, and what was taken back holds no more."""
        async with running(chat, tmp_path, api.base_url, openai_models=MODELS):
            refused = await command(chat, "model gpt-4")
            await command(chat, "model gpt-5-mini")
        async with running(chat, tmp_path, api.base_url):
            body = await asked(chat, api, 1)

        assert not refused.ok
        assert body["model"] == "gpt-5"


async def test_our_own_planner(chat: ScriptedChat, tmp_path: Path) -> None:
    """Where no language model answers there is none to choose, and that is said."""
    async with running(chat, tmp_path, None, engine="embedded", openai_api_key=None):
        results = [await command(chat, line) for line in ("model", "model gpt-5", "effort low")]

    assert not any(result.ok or result.actions for result in results)
    assert all("No language model answers here" in result.text for result in results)
