"""Commands about a thread's workspace: status, reset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.commands.registry import Call, Command, Handler
from bot.domain import ContainerState, WorkspaceView
from bot.ports import CommandResult, CommandSpec

if TYPE_CHECKING:
    from bot.store.threads import Threads
    from bot.workspace import Workspace


class WorkspaceCommands:
    """What a person does about the container and the files."""

    def __init__(self, *, workspace: Workspace, threads: Threads, stop: Handler) -> None:
        self._workspace = workspace
        self._threads = threads
        self._stop = stop

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        return (
            Command(CommandSpec("status", "the container and its files"), self._status),
            Command(CommandSpec("reset", "a fresh container; the files stay"), self._reset),
        )

    async def _status(self, call: Call) -> CommandResult:
        return CommandResult(_describe(await self._workspace.view(call.key), datetime.now(UTC)))

    async def _reset(self, call: Call) -> CommandResult:
        if (await self._threads.get(call.key)).running_turn is not None:
            await self._stop(call)
        had_one = await self._workspace.reset(call.key)
        files = (await self._workspace.view(call.key)).file_count
        dropped = "The container was ended" if had_one else "There was no container"
        kept = f"{files} file{'s are' if files != 1 else ' is'} kept" if files else "no files yet"
        return CommandResult(
            f"{dropped}; the conversation so far is forgotten; {kept}.", public=True
        )


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
