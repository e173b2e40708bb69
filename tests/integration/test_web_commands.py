"""Commands through the page's server: offered, completed, run, judged, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Action, Answer, IncomingMessage, Progress, WorkspaceFile
from bot.ports import Choice, CommandResult
from tests.fakes.core import FakeCore
from tests.fakes.web import WebSite, serve
from tests.fakes.web_scripts import artifact


async def halted(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """Shows something, and never ends by itself."""
    del core
    yield Progress("thinking…")
    await asyncio.Event().wait()
    yield Answer(f"turn-{message.id}", "never")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path) as running:
        yield running


async def run(site: WebSite, conversation: str, name: str, arguments: str = "") -> dict[str, Any]:
    """Give a command; what the page is told."""
    answer = await site.client.post(
        f"/api/conversations/{conversation}/commands/{name}", json={"arguments": arguments}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


class TestOffering:
    async def test_lists_what_the_core_has(self, site: WebSite) -> None:
        """Names, help and arguments, in the core's order; hidden ones are marked."""
        commands = (await site.client.get("/api/commands")).json()["commands"]

        assert [command["name"] for command in commands][:3] == ["help", "status", "stop"]
        memory = next(command for command in commands if command["name"] == "memory")
        (tier,) = memory["arguments"]
        assert (tier["required"], tier["choices"]) == (True, ["1g", "4g", "16g", "64g"])
        assert [c["name"] for c in commands if not c["listed"]] == ["feedback"]

    async def test_completes_arguments(self, site: WebSite) -> None:
        """Values come from the core, for what was typed."""
        conversation = await site.create()
        site.core.choices["files"] = [Choice("f1", "a.csv"), Choice("f2", "b.csv")]

        answer = await site.client.get(
            f"/api/conversations/{conversation}/commands/files/name", params={"typed": "b"}
        )

        assert answer.json() == {"choices": [{"value": "f2", "label": "b.csv"}]}


class TestRunning:
    async def test_is_done_by_the_core_in_this_conversation(self, site: WebSite) -> None:
        """The person is the page's admin; what the core says comes back sanitised."""
        conversation = await site.create()

        result = await run(site, conversation, "reset", "everything")

        assert result["ok"]
        assert result["html"] == "<p>The lab was <strong>reset</strong>.</p>\n"
        ((name, key, caller, arguments),) = site.core.calls
        assert (name, key.thread, arguments) == ("reset", conversation, "everything")
        assert caller.admin

    async def test_hands_files_out_in_this_conversation_only(self, site: WebSite) -> None:
        """A result's file can be downloaded here, and by its id nowhere else."""
        mine, other = await site.create(), await site.create()
        await site.say(mine, "hello")
        key = site.core.accepted[0].key
        file = await artifact(site.core, key, "zip-1", "all.zip", "application/zip", b"PK")
        site.core.results["files"] = CommandResult("[all](artifact:zip-1)", files=(file,))

        before = await site.client.get(f"/api/conversations/{mine}/artifacts/zip-1/all.zip")
        (shown,) = (await run(site, mine, "files", "zip"))["files"]
        got = await site.client.get(shown["url"])
        elsewhere = await site.client.get(shown["url"].replace(mine, other))

        assert (before.status_code, elsewhere.status_code) == (404, 404)
        assert (got.status_code, got.content) == (200, b"PK")

    async def test_a_newer_file_of_the_same_id_has_another_address(self, site: WebSite) -> None:
        """Browsers keep what an address gave, so new bytes need a new one."""
        conversation = await site.create()
        await site.say(conversation, "hello")
        key, urls = site.core.accepted[0].key, []
        for content in (b"old", b"new"):
            file = await artifact(site.core, key, "zip", "all.zip", "application/zip", content)
            site.core.results["files"] = CommandResult("", files=(file,))
            urls.append((await run(site, conversation, "files", "zip"))["files"][0]["url"])

        assert urls[0] != urls[1]
        assert (await site.client.get(urls[1])).content == b"new"

    async def test_brings_the_next_steps_along(self, site: WebSite) -> None:
        """Buttons of a result are commands with arguments."""
        conversation = await site.create()
        action = Action("memory", "Rebuild now", "4g now")
        site.core.results["memory"] = CommandResult("4g costs more.", actions=(action,))

        result = await run(site, conversation, "memory", "4g")

        assert result["actions"] == [
            {"command": "memory", "label": "Rebuild now", "arguments": "4g now"}
        ]


async def test_the_workspace_is_listed_as_the_core_gives_it(tmp_path: Path) -> None:
    """Names, sizes and who brought them, as many as the setting allows, and how many there are."""
    async with serve(tmp_path, environ={"WEB_FILES_LISTED": "1"}) as site:
        conversation = await site.create()
        site.core.in_workspace = [
            WorkspaceFile("a.csv", "text/csv", 3, made_by_code=False, author_name="Ann"),
            WorkspaceFile("b.csv", "text/csv", 4, made_by_code=True, versions=2),
        ]

        listed = (await site.client.get(f"/api/conversations/{conversation}/files")).json()

    assert [file["name"] for file in listed["files"]] == ["a.csv"]
    assert (listed["files"][0]["author_name"], listed["count"]) == ("Ann", 2)


class TestFeedback:
    async def test_reaches_the_core_and_is_remembered(self, site: WebSite) -> None:
        """A thumb names the answer's turn, stays after a reload, and may turn round."""
        conversation = await site.create()
        await site.say(conversation, "hello")
        answer = await site.answered(conversation)
        site.core.results["feedback"] = CommandResult("Thanks.")

        for good in (True, False):
            await site.client.post(
                f"/api/conversations/{conversation}/messages/{answer['id']}/feedback",
                json={"good": good},
            )
            assert (await site.answered(conversation))["good"] is good

        assert [call[3] for call in site.core.calls] == [
            f"{answer['turn_id']} good",
            f"{answer['turn_id']} bad",
        ]

    async def test_that_the_core_refuses_is_not_remembered(self, site: WebSite) -> None:
        """What is shown is what was taken."""
        conversation = await site.create()
        await site.say(conversation, "hello")
        answer = await site.answered(conversation)
        site.core.results["feedback"] = CommandResult("Not here.", ok=False)

        result = await site.client.post(
            f"/api/conversations/{conversation}/messages/{answer['id']}/feedback",
            json={"good": True},
        )

        assert not result.json()["ok"]
        assert (await site.answered(conversation))["good"] is None

    @pytest.mark.parametrize("which", ["a question", "another conversation", "no verdict"])
    async def test_is_for_answers_of_this_conversation(self, site: WebSite, which: str) -> None:
        """A thumb on anything else is refused with a sentence, and reaches nobody."""
        conversation, other = await site.create(), await site.create()
        await site.say(conversation, "hello")
        answer = await site.answered(conversation)
        question = (await site.read(conversation))["messages"][0]
        target = question if which == "a question" else answer
        place = other if which == "another conversation" else conversation

        refused = await site.client.post(
            f"/api/conversations/{place}/messages/{target['id']}/feedback",
            json={"good": "yes" if which == "no verdict" else True},
        )

        assert refused.status_code in {400, 404}
        assert refused.json()["error"]
        assert site.core.calls == []


class TestForgetting:
    async def test_erases_the_conversation_and_tells_every_tab(self, site: WebSite) -> None:
        """Nothing of it is listed, shown, downloaded or told again to a tab that reconnects."""
        conversation = await site.create()
        upload = await site.upload(conversation, "secret.csv", b"x")
        await site.say(conversation, "a secret", (upload,))
        await site.answered(conversation)
        (file,) = (await site.read(conversation))["messages"][0]["files"]
        async with site.events(conversation) as tab:
            seen = await tab.next()

            result = await run(site, conversation, "forget", "yes")

            await tab.until("forgotten", id=conversation)
        assert result["html"] == "<p>The thread is <strong>erased</strong>.</p>\n"
        assert (await site.client.get(f"/api/conversations/{conversation}")).status_code == 404
        assert (await site.client.get(file["url"])).status_code == 404
        assert (await site.client.get("/api/conversations")).json()["conversations"] == []
        hub = site.platform._context.hub
        assert not any("a secret" in event.data for event in hub._events)
        async with site.events(conversation, last_event_id=seen.id) as tab:
            event = await tab.next()
            assert event.kind in {"forgotten", "snapshot"}

    async def test_of_a_running_answer_ends_quietly(self, tmp_path: Path) -> None:
        """An answer that is being worked on is not written anywhere afterwards."""
        async with serve(tmp_path, halted) as site:
            conversation = await site.create()
            async with site.events(conversation) as tab:
                await site.say(conversation, "hello")
                await tab.until("progress")
                await run(site, conversation, "forget", "yes")
                await tab.until("forgotten")

        async with serve(tmp_path) as again:
            assert (await again.client.get("/api/conversations")).json()["conversations"] == []
