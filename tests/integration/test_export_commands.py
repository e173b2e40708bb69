"""`code`, through the core on a scripted chat; `notebook` is in test_notebook.py."""

from __future__ import annotations

from pathlib import Path

from bot.domain import Caller
from bot.ports import CommandResult
from tests.fakes.platform import ANN, ScriptedChat
from tests.fakes.responses_api import Code, FakeResponsesApi, Say
from tests.fakes.threadlab import running


async def code(chat: ScriptedChat, arguments: str = "", thread: str = "t1") -> CommandResult:
    return await chat.services.commands.run("code", chat.thread(thread), Caller(ANN), arguments)


async def ask(chat: ScriptedChat, text: str, **details: object) -> str:
    """Ask, and wait for the answer; the turn's id."""
    count = sum(bool(surface.closed) for surface in chat.surfaces.values())
    await chat.say(text, **details)
    return (await chat.finished(count + 1))[-1].turn_id


class TestCode:
    async def test_shows_the_latest_answer_that_has_some(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Without an argument it is the newest answer with code, with its output, as it ran."""
        async with running(chat, tmp_path, api.base_url):
            api.script = lambda body: [Code("print(6 * 7)", "42\n"), Code("x = 1"), Say("42.")]
            await ask(chat, "six times *seven*?")
            api.script = lambda body: [Say("You are welcome.")]
            await ask(chat, "thanks")

            result = await code(chat)

        assert result.ok
        assert result.text == (
            "The code of “six times \\*seven\\*?”:\n\n```python\nprint(6 * 7)\n```\n\n"
            "Output:\n\n```text\n42\n```\n\n```python\nx = 1\n```"
        )

    async def test_shows_the_answer_that_is_named(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """The button under an answer names it; suggestions name the others by their questions."""
        async with running(chat, tmp_path, api.base_url):
            api.script = lambda body: [Code("print(1)", "1"), Say("Done.")]
            first = await ask(chat, "question 1")
            api.script = lambda body: [Code("print(2)", "2"), Say("Done.")]
            await ask(chat, "question 2")

            result = await code(chat, first)
            by_words = await code(chat, "Question 1")
            offered = await chat.services.commands.complete(
                "code", chat.thread(), Caller(ANN), "answer", "QUESTION 1"
            )

        assert "print(1)" in result.text
        assert by_words.text == result.text
        assert [(choice.value, choice.label) for choice in offered] == [(first, "question 1")]

    async def test_of_a_question_with_code_in_it(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """Titles have the words of a question, and none of its code."""
        api.script = lambda body: [Code("import time"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            await ask(chat, "run this ```python\nimport time\nfor i in range(60): ...\n```")
            result = await code(chat)
            notebook = await chat.services.commands.run("notebook", chat.thread(), Caller(ANN))
            await ask(chat, "```\nx = 1\n```", thread="t2")
            alone = await code(chat, thread="t2")

        assert result.text.startswith("The code of “run this”:")
        assert notebook.files[0].name == "run this.ipynb"
        assert alone.text.startswith("The code of “Python code”:")

    async def test_of_another_thread_is_not_shown(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """An answer's id opens nothing outside its own thread."""
        api.script = lambda body: [Code("secret = 1"), Say("Done.")]
        async with running(chat, tmp_path, api.base_url):
            mine = await ask(chat, "mine")
            await ask(chat, "yours", thread="t2")

            elsewhere = await code(chat, mine, thread="t2")
            unknown = await code(chat, "turn_0000")

        assert (elsewhere.ok, elsewhere.text) == (False, "There is no such answer in this thread.")
        assert unknown.text == elsewhere.text

    async def test_that_is_long_comes_as_a_file(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """More than a chat shows is a script that any editor runs, its output as comments."""
        api.script = lambda body: [
            Code("x = 1\n" + "y = 2\n" * 1000, "one\ntwo\n"),
            Code("print(2)", "2"),
            Say("Done."),
        ]
        async with running(chat, tmp_path, api.base_url):
            await ask(chat, "long")
            result = await code(chat)
            (file,) = result.files
            chunks = chat.services.blobs.open(chat.thread(), file.blob.sha256)
            script = b"".join([chunk async for chunk in chunks]).decode()

        assert (file.name, file.media_type) == ("code.py", "text/x-python")
        assert len(result.text) < 2_000
        assert "```python\nx = 1\ny = 2\n" in result.text
        assert result.text.endswith("y = 2\n# …\n```\n\nThe file has all of it.")
        assert script.endswith(
            "\n\n# Output:\n# one\n# two\n\n# %% Run 2\nprint(2)\n\n# Output:\n# 2\n"
        )
        compile(script, "code.py", "exec")

    async def test_where_there_is_none(
        self, chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
    ) -> None:
        """A thread without code, and an answer without code, are told apart."""
        async with running(chat, tmp_path, api.base_url):
            before = await code(chat)
            turn_id = await ask(chat, "hello")
            after = await code(chat, turn_id)

        assert "no code here yet" in before.text
        assert after.text == "No code ran for this answer."


async def test_backticks_do_not_end_the_block(
    chat: ScriptedChat, api: FakeResponsesApi, tmp_path: Path
) -> None:
    """Output that looks like Markdown stays inside its block."""
    api.script = lambda body: [Code('print("```")', "```\n<b>\n"), Say("Done.")]
    async with running(chat, tmp_path, api.base_url):
        await ask(chat, "ticks")
        result = await code(chat)

    assert "````text\n```\n<b>\n````" in result.text
