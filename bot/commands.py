"""What a person can do besides asking, once for every platform. Adapters only translate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from bot.domain import Addressing, Author, ContainerState, ThreadKey, WorkspaceView
from bot.errors import ThreadlabError
from bot.ports import CommandResult
from bot.store.turns import TurnState

if TYPE_CHECKING:
    from bot.inbox import DurableInbox
    from bot.open_turn import OpenTurns
    from bot.store.threads import Threads
    from bot.store.turns import Turns
    from bot.workspace import Workspace

log = structlog.get_logger()

Handler = Callable[[ThreadKey, Author, str], Awaitable[CommandResult]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name, what it does in a line, and what carries it out."""

    name: str
    help: str
    run: Handler


class ThreadCommands:
    """The registry of commands, each in the thread where it was given."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        turns: Turns,
        threads: Threads,
        open_turns: OpenTurns,
        inbox: DurableInbox,
    ) -> None:
        self._workspace = workspace
        self._turns = turns
        self._threads = threads
        self._open_turns = open_turns
        self._inbox = inbox
        self.registry: Mapping[str, Command] = {
            command.name: command
            for command in (
                Command("help", "what I can do", self._help),
                Command("status", "the container and its files", self._status),
                Command("stop", "end the running answer, keeping what there is", self._stop),
                Command("retry", "ask the last question again", self._retry),
                Command("reset", "a fresh container; the files stay", self._reset),
            )
        }

    async def run(
        self, name: str, key: ThreadKey, author: Author, arguments: str = ""
    ) -> CommandResult:
        """Carry out a command. Unknown names and failures are answered, never raised."""
        command = self.registry.get(name.strip().lower())
        if command is None:
            return CommandResult(f"There is no command “{name}”.\n\n{self._listing()}", ok=False)
        log.info("command", name=command.name, thread=str(key), author=author.id)
        try:
            return await command.run(key, author, arguments)
        except ThreadlabError as error:
            log.warning("command failed", name=command.name, thread=str(key), error=repr(error))
            return CommandResult(f"That did not work: {error}", ok=False)

    def _listing(self) -> str:
        return "\n".join(f"- **{c.name}**: {c.help}" for c in self.registry.values())

    async def _help(self, _key: ThreadKey, _author: Author, _arguments: str) -> CommandResult:
        return CommandResult(
            "Drop files into the thread and ask about them: I compute with Python and answer "
            f"with numbers, charts and files.\n\n{self._listing()}"
        )

    async def _status(self, key: ThreadKey, _author: Author, _arguments: str) -> CommandResult:
        return CommandResult(_describe(await self._workspace.view(key), datetime.now(UTC)))

    async def _stop(self, key: ThreadKey, _author: Author, _arguments: str) -> CommandResult:
        turn_id = (await self._threads.get(key)).running_turn
        if turn_id is None:
            return CommandResult("Nothing is running here.", ok=False)
        # Stored as well, so that a restart in between does not forget it.
        await self._turns.update(turn_id, stop_requested=True)
        self._open_turns.stop(turn_id)
        return CommandResult("Stopping.")

    async def _retry(self, key: ThreadKey, _author: Author, _arguments: str) -> CommandResult:
        last_id = await self._turns.latest(key)
        asked = await self._turns.messages(last_id) if last_id else ()
        if not last_id or not asked:
            return CommandResult("There is no question to ask again.", ok=False)
        last = await self._turns.get(last_id)
        if last.state is TurnState.RUNNING and last.outcome is None:
            return CommandResult("The answer is still being worked on.", ok=False)
        again = replace(
            asked[-1],
            # Pressed twice, it is the same message.
            id=f"{asked[-1].id.split('~')[0]}~{last_id}",
            text="\n\n".join(message.text for message in asked if message.text),
            attachments=tuple(a for message in asked for a in message.attachments),
            addressed=Addressing.REPLY,
            sent_at=datetime.now(UTC),
        )
        await self._inbox.accept(again)
        return CommandResult("Asking again.")

    async def _reset(self, key: ThreadKey, author: Author, _arguments: str) -> CommandResult:
        if (await self._threads.get(key)).running_turn is not None:
            await self._stop(key, author, "")
        had_one = await self._workspace.reset(key)
        files = (await self._workspace.view(key)).file_count
        dropped = "The container was ended" if had_one else "There was no container"
        kept = f"{files} file{'s are' if files != 1 else ' is'} kept" if files else "no files yet"
        return CommandResult(f"{dropped}; the conversation so far is forgotten; {kept}.")


def _describe(view: WorkspaceView, now: datetime) -> str:
    files = f"{view.file_count} file{'' if view.file_count == 1 else 's'} in the workspace."
    if view.state is ContainerState.NONE or view.expires_at is None:
        return f"No container yet: the next question starts one. {files}"
    if view.state is ContainerState.EXPIRED:
        return f"The container has ended; the next question starts a fresh one. {files}"
    minutes = max(0, round((view.expires_at - now).total_seconds() / 60))
    return (
        f"Container `{view.container_id}` ({view.memory_limit}) is running; "
        f"about {minutes} min left while nobody asks. {files}"
    )
