"""The command that erases a thread for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.registry import Call, Command
from bot.domain import Action, Addressing
from bot.ports import Argument, CommandResult, CommandSpec

if TYPE_CHECKING:
    from bot.commands.ownership import Ownership
    from bot.forgetting import Forgetter, Report
    from bot.store.threads import Threads

EXPLAINED = (
    "This erases the thread for good: questions and answers, all files with their versions, the "
    "container, and what the engine keeps of it. What was posted in the chat stays there. There "
    "is no way back."
)
NOTHING = "There was nothing to erase: this thread is unknown here."
STAYS = "What was posted in the chat stays there, but I know nothing of it any more."
MENTION = "Mention me if you want to begin again here."


class ErasureCommands:
    """Forgetting."""

    def __init__(self, forgetter: Forgetter, *, ownership: Ownership, threads: Threads) -> None:
        self._forgetter = forgetter
        self._ownership = ownership
        self._threads = threads

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        sure = Argument("sure", "does it without asking again", choices=("yes",))
        help_ = "erase this thread for good: files, answers, traces"
        return (Command(CommandSpec("forget", help_, (sure,)), self._run),)

    async def _run(self, call: Call) -> CommandResult:
        refused = await self._ownership.refusal(call)
        if refused is not None:
            return refused
        if "sure" not in call.values:
            sure = Action("forget", "Erase for good", "yes")
            return CommandResult(EXPLAINED, actions=(sure,))
        first = await self._threads.first_message(call.key)
        direct = first is not None and first.addressed is Addressing.DIRECT
        text = said(await self._forgetter.forget(call.key))
        if text != NOTHING:
            text += f" {STAYS}" + ("" if direct else f" {MENTION}")
        return CommandResult(text, public=True)


def said(report: Report) -> str:
    """What was erased, in a sentence or two."""
    erased = report.erased
    counts = ((erased.turns, "answer", "answers"), (erased.files, "file", "files"))
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    if not (parts or erased.messages):
        return NOTHING
    listed = f"{' and '.join(parts)}, with " if parts else ""
    later = (
        f" {report.later} of its traces could not be deleted yet; that is tried again by itself."
        if report.later
        else ""
    )
    return f"Erased for good: {listed}all that I and the engine kept of this thread.{later}"
