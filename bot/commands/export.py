"""Commands that give work away: code, notebook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

from bot.commands.lookup import UNKNOWN_ANSWER, turn_of
from bot.commands.registry import CHOICES_MAX, Call, Command
from bot.domain import Artifact, CodeRun, RunState
from bot.markup import fenced, plain, without_code
from bot.ports import Argument, Choice, CommandResult, CommandSpec

if TYPE_CHECKING:
    from bot.blobs import BlobStore
    from bot.notebook import NotebookExporter
    from bot.settings import Settings
    from bot.store.turns import Turn, Turns

NO_CODE = "There is no code here yet: ask something that has to be computed."
QUESTION_CHARACTERS_MAX = 70


class ExportCommands:
    """What a person takes along."""

    def __init__(
        self, settings: Settings, *, turns: Turns, blobs: BlobStore, exporter: NotebookExporter
    ) -> None:
        self._settings = settings
        self._turns = turns
        self._blobs = blobs
        self._exporter = exporter

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        answer = Argument("answer", "which answer; without it, the latest", completes=True)
        return (
            Command(
                CommandSpec("code", "the code of an answer, with its output", (answer,)),
                self._code,
                self._answers,
            ),
            Command(
                CommandSpec("notebook", "the whole thread as a Jupyter notebook"), self._notebook
            ),
        )

    async def _code(self, call: Call) -> CommandResult:
        turn_id = call.values.get("answer")
        turn = await (self._named(call, turn_id) if turn_id else self._latest(call))
        if turn is None:
            return CommandResult(UNKNOWN_ANSWER if turn_id else NO_CODE, ok=False)
        runs = _runs(turn)
        if not runs:
            return CommandResult("No code ran for this answer.", ok=False)
        question = plain(await self._question(turn))
        head = f"The code of “{question}”:" if question else "The code of this answer:"
        limit = self._settings.code_shown_characters
        text = "\n\n".join([head, *(_as_markdown(run) for run in runs)])
        if len(text) <= limit:
            return CommandResult(text)
        file = await self._file(turn, question, runs)
        beginning = fenced(_beginning(runs[0].code, limit), "python")
        return CommandResult(f"{head}\n\n{beginning}\n\nThe file has all of it.", files=(file,))

    async def _notebook(self, call: Call) -> CommandResult:
        exported = await self._exporter.export(call.key)
        if exported is None:
            return CommandResult("There is nothing to export yet: ask something first.", ok=False)
        count = exported.questions
        text = f"The thread as a notebook: {count} question{'' if count == 1 else 's'}."
        if exported.artifact.name.endswith(".zip"):
            text += " Unpack the archive and open the notebook in it; its data lies beside it."
        else:
            text += " Its data is inside; it runs from top to bottom in Jupyter."
        if exported.missing:
            names = plain(", ".join(exported.missing))
            text += f" Too large, or no longer kept, and so not in it: {names}."
        return CommandResult(text, files=(exported.artifact,))

    async def _answers(self, call: Call, _argument: str, _typed: str) -> Iterable[Choice]:
        """The newest answers with code, by their questions."""
        return [
            Choice(turn.id, (await self._question(turn)) or turn.id)
            for turn in await self._recent(call)
            if _runs(turn)
        ]

    async def _named(self, call: Call, name: str) -> Turn | None:
        """The answer of that id, or the newest with code whose question has these words."""
        turn = await turn_of(self._turns, call.key, name)
        if turn is not None:
            return turn
        for choice in await self._answers(call, "answer", name):
            if name.casefold() in choice.label.casefold():
                return await self._turns.get(choice.value)
        return None

    async def _latest(self, call: Call) -> Turn | None:
        return next((turn for turn in await self._recent(call) if _runs(turn)), None)

    async def _recent(self, call: Call) -> Sequence[Turn]:
        ids = await self._turns.answered(call.key, CHOICES_MAX)
        return [await self._turns.get(turn_id) for turn_id in ids]

    async def _question(self, turn: Turn) -> str:
        asked = await self._turns.messages(turn.id)
        words = without_code("\n\n".join(message.text for message in asked))
        if len(words) <= QUESTION_CHARACTERS_MAX:
            return words
        return f"{words[: QUESTION_CHARACTERS_MAX - 1]}…"

    async def _file(self, turn: Turn, question: str, runs: Sequence[CodeRun]) -> Artifact:
        source = _as_script(question, runs).encode()

        async def once() -> AsyncIterator[bytes]:
            yield source

        limit_bytes = self._settings.artifact_max_mb * 1_000_000
        blob = await self._blobs.put(turn.key, once(), limit_bytes=limit_bytes)
        return Artifact(f"code_{blob.sha256[:16]}", "code.py", "text/x-python", blob)


def _runs(turn: Turn) -> list[CodeRun]:
    return [run for run in turn.outcome.runs if run.code.strip()] if turn.outcome else []


def _beginning(code: str, characters: int) -> str:
    """The first lines of code, as many as may be shown."""
    shown, line_end = code[:characters], code.rfind("\n", 0, characters)
    if len(shown) < len(code) and line_end > 0:
        shown = code[:line_end]
    return f"{shown}\n# …"


def _as_markdown(run: CodeRun) -> str:
    parts = [fenced(run.code, "python")]
    if run.logs.strip():
        parts += ["Output:", fenced(run.logs, "text")]
    if run.state is not RunState.DONE:
        parts.append(f"*This code was {run.state.value}.*")
    return "\n\n".join(parts)


def _as_script(question: str, runs: Sequence[CodeRun]) -> str:
    """The runs as one script, divided as editors know it (`# %%`), each followed by its output."""
    parts = [f"# {question}"] if question else []
    for number, run in enumerate(runs, start=1):
        ended = "" if run.state is RunState.DONE else f" ({run.state.value})"
        parts.append(f"# %% Run {number}{ended}\n{run.code.rstrip()}")
        if run.logs.strip():
            output = "\n".join(f"# {line}".rstrip() for line in run.logs.rstrip().splitlines())
            parts.append(f"# Output:\n{output}")
    return "\n\n".join(parts) + "\n"
