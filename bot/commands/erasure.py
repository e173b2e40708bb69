"""The command that erases a thread for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.registry import Call, Command
from bot.domain import Action
from bot.ports import Argument, CommandResult, CommandSpec
from bot.store.erasures import Kind

if TYPE_CHECKING:
    from bot.forgetting import Forgetter, Report

EXPLAINED = (
    "This erases the thread for good: questions and answers, all files with their versions, the "
    "container, and what the engine keeps of it. What was posted in the chat stays there. There "
    "is no way back."
)


class ErasureCommands:
    """Forgetting."""

    def __init__(self, forgetter: Forgetter) -> None:
        self._forgetter = forgetter

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        sure = Argument("sure", "does it without asking again", choices=("yes",))
        help_ = "erase this thread for good: files, answers, traces"
        return (Command(CommandSpec("forget", help_, (sure,)), self._run),)

    async def _run(self, call: Call) -> CommandResult:
        if "sure" not in call.values:
            sure = Action("forget", "Erase for good", "yes")
            return CommandResult(EXPLAINED, actions=(sure,))
        return CommandResult(said(await self._forgetter.forget(call.key)), public=True)


def said(report: Report) -> str:
    """What was erased, in a sentence or two."""
    erased = report.erased
    counts = (
        (erased.messages, "message", "messages"),
        (erased.turns, "answer", "answers"),
        (erased.files, "file", "files"),
        (report.count(Kind.CONTAINER), "container", "containers"),
        (report.count(Kind.UPLOAD), "upload at the engine", "uploads at the engine"),
        (report.count(Kind.RESPONSE), "response at the engine", "responses at the engine"),
        (report.count(Kind.WORKFLOW), "workflow record", "workflow records"),
    )
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    if not parts:
        return "There was nothing to erase: this thread is unknown here."
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    later = (
        f" {report.later} of these could not be deleted yet; that is tried again by itself."
        if report.later
        else ""
    )
    return f"Erased for good: {listed}.{later}"
