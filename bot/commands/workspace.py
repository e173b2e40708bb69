"""Commands about a thread's container: status, reset, memory, mode."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.commands.costs import cost_of, counted
from bot.commands.registry import Call, Command, Handler
from bot.domain import Action, ContainerState, ThreadKey, WorkspaceView
from bot.memory import TIERS
from bot.ports import Argument, CommandResult, CommandSpec
from bot.prices import dollars
from bot.store.usage import Scope

if TYPE_CHECKING:
    from bot.commands.ownership import Ownership
    from bot.containers import Containers, Wish
    from bot.prices import Prices
    from bot.settings import Settings
    from bot.store.files import Files
    from bot.store.threads import Thread, Threads
    from bot.store.turns import Turns
    from bot.store.usage import Ledger
    from bot.workspace import Workspace

SECONDS_PER_MINUTE = 60
POLL_SECONDS = 0.02
MODES = ("auto", "explicit")


class WorkspaceCommands:
    """What a person does about the container and what it remembers."""

    def __init__(
        self,
        settings: Settings,
        *,
        workspace: Workspace,
        containers: Containers,
        threads: Threads,
        turns: Turns,
        files: Files,
        ledger: Ledger,
        prices: Prices,
        stop: Handler,
        ownership: Ownership,
    ) -> None:
        self._stop_wait_seconds = settings.engine_cancel_seconds
        self._workspace = workspace
        self._containers = containers
        self._threads = threads
        self._turns = turns
        self._files = files
        self._ledger = ledger
        self._prices = prices
        self._stop = stop
        self._ownership = ownership

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        everything = Argument("everything", "deletes the files too", choices=("everything",))
        tier = Argument("tier", "how much memory", required=True, choices=TIERS)
        now = Argument("now", "does not wait for the next container", choices=("now",))
        mode = Argument("mode", "explicit: kept awake; auto: not", required=True, choices=MODES)
        return (
            Command(
                CommandSpec("status", "whether Python runs, the files, the cost"), self._status
            ),
            Command(
                CommandSpec("reset", "a fresh start; the files stay", (everything,)), self._reset
            ),
            Command(
                CommandSpec("memory", "the memory of this thread's containers", (tier, now)),
                self._memory,
            ),
            Command(
                CommandSpec(
                    "mode", "whether Python is kept awake while the thread is in use", (mode,)
                ),
                self._mode,
            ),
        )

    async def _status(self, call: Call) -> CommandResult:
        thread = await self._threads.get(call.key)
        view = await self._workspace.view(call.key)
        wish = await self._containers.wish(thread)
        turns, _ = await self._turns.context(call.key, thread.generation)
        spent = await self._ledger.total(Scope.of_thread(call.key))
        files = counted(view.file_count, "file") if view.file_count else "No files"
        questions = counted(turns, "question") if turns else "no question"
        lines = [
            _python(thread, view, wish),
            f"{files} in the workspace.",
            f"I remember {questions} of this thread.",
            f"Cost so far: {cost_of(spent)}.",
        ]
        return CommandResult("\n".join(f"- {line}" for line in lines))

    async def _reset(self, call: Call) -> CommandResult:
        everything = "everything" in call.values
        refused = await self._ownership.refusal(call) if everything else None
        if refused is not None:
            return refused
        thread = await self._threads.get(call.key)
        if thread.running_turn is not None:  # what it made, and its container, go as well
            await self._stop(call)
            await self._ended(call.key, thread.running_turn)
        turns, _ = await self._turns.context(call.key, thread.generation)
        state = (await self._workspace.view(call.key)).state
        await self._workspace.reset(call.key)
        context = "the conversation so far is forgotten" if turns else "no context either"
        files = await self._drop_files(call.key, everything=everything)
        return CommandResult(f"{_ENDED[state]}; {context}; {files}.", public=True)

    async def _ended(self, key: ThreadKey, turn_id: str) -> None:
        """Wait until a stopped turn is over, though not for ever: what it brings later does not
        count."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._stop_wait_seconds):
                running: str | None = turn_id
                while running == turn_id:
                    await asyncio.sleep(POLL_SECONDS)
                    running = (await self._threads.get(key)).running_turn

    async def _drop_files(self, key: ThreadKey, *, everything: bool) -> str:
        count = await self._files.count(key)
        if not count:
            return "no files yet"
        if not everything:
            return f"{count} file{'s are' if count != 1 else ' is'} kept"
        await self._workspace.delete(key, await self._files.of_thread(key))
        return f"{count} file{'s were' if count != 1 else ' was'} deleted"

    async def _memory(self, call: Call) -> CommandResult:
        tier = call.values["tier"]
        await self._threads.choose(call.key, memory_limit=tier)
        view = await self._workspace.view(call.key)
        runs = view.state is ContainerState.RUNNING
        price = self._price(tier)
        if runs and view.memory_limit == tier:
            return CommandResult(f"The container has {tier} already, and so will the next.{price}")
        if runs and "now" in call.values:
            return await self._rebuild(call, f"The next question gets a container with {tier}.")
        text = f"The next container of this thread has {tier}.{price}"
        if not runs:
            return CommandResult(text, public=True)
        offer = (
            f" The one that runs has {view.memory_limit} and keeps it: rebuilding it now brings "
            "the files back, but not the variables."
        )
        rebuild = Action("memory", "Rebuild now", f"{tier} now")
        return CommandResult(text + offer, actions=(rebuild,), public=True)

    async def _rebuild(self, call: Call, text: str) -> CommandResult:
        if (await self._threads.get(call.key)).running_turn is not None:
            return CommandResult(
                "An answer is being worked on in the container. `stop` it first, or wait.", ok=False
            )
        await self._workspace.end_container(call.key)
        return CommandResult(f"{text} The files come back, variables are gone.", public=True)

    def _price(self, tier: str) -> str:
        minutes = self._prices.session_minutes
        usd = self._prices.of_container(tier, minutes)
        return f" It costs {dollars(usd)} for each {minutes:g} minutes." if usd else ""

    async def _mode(self, call: Call) -> CommandResult:
        mode = call.values["mode"]
        thread = await self._threads.get(call.key)
        before = (await self._containers.wish(thread)).mode
        await self._threads.choose(call.key, mode=mode)
        made = _MADE[mode]
        if thread.container_id is None or (thread.container_mode or before) == mode:
            return CommandResult(made, public=True)
        result = await self._rebuild(call, made)
        if not result.ok:
            await self._threads.choose(call.key, mode=thread.mode)
        return result


_ENDED = {
    ContainerState.RUNNING: "The container was ended",
    ContainerState.EXPIRED: "The container had ended before",
    ContainerState.NONE: "There was no container",
}

_MADE = {
    "auto": "From now on Python ends when nobody has asked for a while.",
    "explicit": "From now on I keep Python awake while this thread is in use: variables stay.",
}


def _python(thread: Thread, view: WorkspaceView, wish: Wish) -> str:
    """The container, as people think of it."""
    if view.state is not ContainerState.RUNNING or view.expires_at is None:
        again = " again, with your files" if view.state is ContainerState.EXPIRED else ""
        ended = "has ended" if again else "is not running"
        return f"Python {ended}; the next question starts it{again} ({_size(wish.memory_limit)})."
    running = f"Python is running with {_size(view.memory_limit or wish.memory_limit)}"
    if (thread.container_mode or wish.mode) == "explicit":
        return f"{running}, and kept awake while this thread is in use."
    minutes = max(0, round((view.expires_at.timestamp() - time.time()) / SECONDS_PER_MINUTE))
    return f"{running}; it ends in about {minutes} min if nobody asks. Files stay, variables go."


def _size(tier: str) -> str:
    return f"{tier.removesuffix('g')} GB of memory"
