"""Who may use the bot, and who manages it, played through the core."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Addressing, Author, Caller
from bot.ports import CommandResult
from tests.fakes.platform import ANN, BEN, ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi
from tests.fakes.threadlab import running


async def command(chat: ScriptedChat, line: str, caller: Caller) -> CommandResult:
    name, _, arguments = line.partition(" ")
    return await chat.services.commands.run(name, chat.thread(), caller, arguments)


async def said_to(chat: ScriptedChat, author: Author, count: int) -> str:
    await chat.say("go", author=author)
    return chat.text_of((await chat.finished(count))[-1])


class TestLists:
    @pytest.mark.parametrize(
        ("rules", "sentence"),
        [
            ({"deny_users": ("u-ann",)}, "You may not use me."),
            ({"deny_users": ("script:u-ann",)}, "You may not use me."),
            ({"allow_users": ("u-ben",)}, "You may not use me."),
            ({"allow_users": ("u-ann",), "deny_users": ("u-ann",)}, "You may not use me."),
            ({"deny_channels": ("c",)}, "I am not available in this channel."),
            ({"allow_channels": ("d",)}, "I am not available in this channel."),
            ({"deny_workspaces": ("w",)}, "I am not available here."),
            ({"allow_workspaces": ("slack:w",)}, "I am not available here."),
        ],
    )
    async def test_refused(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        rules: dict[str, Any],
        sentence: str,
    ) -> None:
        """Who is denied, or not among those who are allowed, hears why; nothing is asked."""
        async with running(chat, tmp_path, api.base_url, **rules):
            answer = await said_to(chat, ANN, 1)
            result = await command(chat, "status", Caller(ANN))

        assert answer.startswith(sentence)
        assert result.text == answer
        assert not result.ok
        assert api.asked == []

    @pytest.mark.parametrize(
        "rules",
        [
            {"deny_users": ("u-ben", "discord:u-ann")},
            {"allow_users": ("script:u-ann",)},
            {"allow_workspaces": ("w", "x"), "allow_channels": ("c",), "allow_users": ("u-ann",)},
        ],
    )
    async def test_allowed(
        self,
        chat: ScriptedChat,
        api: FakeResponsesApi,
        tmp_path: Path,
        rules: dict[str, Any],
    ) -> None:
        """Lists for others, or for another platform, change nothing for the rest."""
        async with running(chat, tmp_path, api.base_url, **rules):
            answer = await said_to(chat, ANN, 1)

        assert answer == "Done."

    async def test_no_word_to_nobody(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """What a denied person says to others, or drops for them, is left alone, silently."""
        async with running(chat, tmp_path, api.base_url, deny_users=("u-ben",), followups="all"):
            await said_to(chat, ANN, 1)
            words = chat.message("What do you think?", author=BEN, addressed=Addressing.AMBIENT)
            files = chat.message(
                "", author=BEN, files={"x.csv": b"1"}, addressed=Addressing.AMBIENT
            )
            accepted = [await chat.services.inbox.accept(each) for each in (words, files)]
            await said_to(chat, ANN, 2)

        assert accepted == [False, False]
        assert len(chat.surfaces) == 2
        assert api.uploads == {}


class TestChannel:
    async def test_its_people(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A channel can be for some people; those whom the operator made admins are let in."""
        boss = Author("u-boss", "Boss")
        async with running(chat, tmp_path, api.base_url, admins=("script:u-boss",)):
            await command(chat, "settings users u-ann", Caller(ANN, admin=True))
            ann = await said_to(chat, ANN, 1)
            ben = await said_to(chat, BEN, 2)
            chief = await said_to(chat, boss, 3)
            await command(chat, "settings users none", Caller(boss))
            ben_again = await said_to(chat, BEN, 4)

        assert [ann, chief, ben_again] == ["Done."] * 3
        assert ben.startswith("Only some people may use me in this channel.")


class TestAdmins:
    async def test_only_they(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """`settings` is for those whom the chat or the operator calls admins."""
        async with running(chat, tmp_path, api.base_url, admins=("u-ben",)):
            nobody = await command(chat, "settings", Caller(ANN))
            by_chat = await command(chat, "settings", Caller(ANN, admin=True))
            by_operator = await command(chat, "settings", Caller(BEN))
            hints = await chat.services.commands.complete(
                "settings", chat.thread(), Caller(ANN), "value", ""
            )

        assert (nobody.ok, by_chat.ok, by_operator.ok) == (False, True, True)
        assert hints == []


async def test_safety_identifier(chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path) -> None:
    """The engine gets a hash of platform, workspace and person: each their own, never a name."""
    async with running(chat, tmp_path, api.base_url):
        for count, author in enumerate([ANN, BEN, ANN], start=1):
            await said_to(chat, author, count)

    ann, ben, ann_again = (body["safety_identifier"] for body in api.asked)
    assert ann == ann_again == hashlib.sha256(b"script/w/u-ann").hexdigest()
    assert ann != ben
    assert len(ann) <= 64
    assert "Ann" not in str(api.asked)
