"""Commands about asking: help, stop, retry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.commands.hello import CAPABILITIES, HELLO
from bot.commands.registry import Call, Command, signature
from bot.domain import Addressing
from bot.memory import TIERS
from bot.ports import Argument, CommandResult, CommandSpec, Place
from bot.store.turns import TurnState

if TYPE_CHECKING:
    from bot.inbox import DurableInbox
    from bot.open_turn import OpenTurns
    from bot.store.threads import Threads
    from bot.store.turns import Turns
    from bot.workspace import Workspace

EXAMPLES = (
    "“Total and average revenue by region, as a bar chart”",
    "“Clean this list: drop duplicates, fix the dates, give me a CSV”",
    "“Which values are outliers?”",
)

NO_QUESTION = "There is no question to ask again."


class AskingCommands:
    """What a person does about their questions."""

    def __init__(
        self,
        *,
        turns: Turns,
        threads: Threads,
        open_turns: OpenTurns,
        inbox: DurableInbox,
        workspace: Workspace,
        specs: Callable[[], Sequence[CommandSpec]],
    ) -> None:
        self._turns = turns
        self._threads = threads
        self._open_turns = open_turns
        self._inbox = inbox
        self._workspace = workspace
        self._specs = specs

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        return (
            Command(CommandSpec("help", "what I can do", place=Place.ANYWHERE), self._help),
            Command(
                CommandSpec(HELLO, "what I am", place=Place.ANYWHERE, listed=False), self._hello
            ),
            Command(
                CommandSpec("stop", "end the running answer, keeping what there is"), self.stop
            ),
            Command(
                CommandSpec(
                    "retry",
                    "ask the last question again, in a larger container if you name a tier",
                    (Argument("tier", "a memory tier", choices=TIERS),),
                ),
                self._retry,
            ),
        )

    async def _hello(self, _call: Call) -> CommandResult:
        return CommandResult(CAPABILITIES, public=True)

    async def _help(self, _call: Call) -> CommandResult:
        listed = "\n".join(
            f"- `{signature(spec)}`: {spec.help}" for spec in self._specs() if spec.listed
        )
        examples = "\n".join(f"- {example}" for example in EXAMPLES)
        return CommandResult(
            "Drop files into the thread and ask about them: I compute with Python and answer "
            f"with numbers, charts and files. For example:\n\n{examples}\n\n"
            f"Besides asking, there are commands:\n\n{listed}"
        )

    async def stop(self, call: Call) -> CommandResult:
        """End the thread's running turn."""
        turn_id = (await self._threads.get(call.key)).running_turn
        if turn_id is None:
            return CommandResult("Nothing is running here.", ok=False)
        # Stored as well, so that a restart in between does not forget it.
        await self._turns.update(turn_id, stop_requested=True)
        self._open_turns.stop(turn_id)
        return CommandResult("Stopping.")

    async def _retry(self, call: Call) -> CommandResult:
        last_id = await self._turns.latest(call.key)
        asked = await self._turns.messages(last_id) if last_id else ()
        if not last_id or not asked:
            return CommandResult(NO_QUESTION, ok=False)
        last = await self._turns.get(last_id)
        if last.state is TurnState.RUNNING and last.outcome is None:
            return CommandResult("The answer is still being worked on.", ok=False)
        sent = (attachment for message in asked for attachment in message.attachments)
        attachments = await self._workspace.wanted(last_id, sent)
        text = "\n\n".join(message.text for message in asked if message.text)
        if not (text or attachments):
            return CommandResult(NO_QUESTION, ok=False)
        tier = call.values.get("tier")
        if tier is not None:
            await self._threads.choose(call.key, memory_limit=tier)
            await self._workspace.end_container(call.key)  # a container's tier is fixed
        again = replace(
            asked[-1],
            author=call.author,  # who asks again pays
            # Pressed twice, or run again after a crash, it is the same message.
            id=f"{asked[-1].id.split('~')[0]}~{call.once or last_id}",
            text=text,
            attachments=attachments,
            addressed=Addressing.REPLY,
            sent_at=datetime.now(UTC),
        )
        if not await self._inbox.accept(again):
            return CommandResult("It is being asked again already.", ok=False)
        where = f" in a container with {tier} of memory" if tier else ""
        return CommandResult(f"Asking again{where}.")
