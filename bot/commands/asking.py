"""Commands about asking: help, stop, retry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.commands.hello import CAPABILITIES, HELLO
from bot.commands.lookup import UNKNOWN_ANSWER, turn_of
from bot.commands.parsing import signature
from bot.commands.registry import Call, Command
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

INTRODUCTION = (
    "Ask me about files, numbers and charts: I compute with Python, and answer with numbers, "
    "charts and files. For example:"
)
COMMANDS = "Commands that help along the way:"
COMMONEST = ("stop", "retry", "reset", "files", "notebook")
MORE = "`help all` lists the others."

AGAIN = "again"  # what buttons under answers give; they know which answer it is
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
        all_ = Argument("all", "lists every command", choices=("all",))
        return (
            Command(
                CommandSpec("help", "what I can do", (all_,), place=Place.ANYWHERE), self._help
            ),
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
            Command(
                CommandSpec(
                    AGAIN,
                    "ask an answer's question again",
                    (
                        Argument("answer", "which answer", required=True),
                        Argument("tier", "a memory tier", choices=TIERS),
                    ),
                    listed=False,
                ),
                self._again,
            ),
        )

    async def _hello(self, _call: Call) -> CommandResult:
        return CommandResult(CAPABILITIES, public=True)

    async def _help(self, call: Call) -> CommandResult:
        listed = [spec for spec in self._specs() if spec.listed]
        if "all" in call.values:
            lines = [f"- `{signature(spec)}`: {spec.help}" for spec in listed]
            return CommandResult("\n".join(["**All commands**", "", *lines]))
        examples = "\n".join(f"- {example}" for example in EXAMPLES)
        common = "\n".join(f"- `{s.name}`: {s.help}" for s in listed if s.name in COMMONEST)
        return CommandResult(f"{INTRODUCTION}\n\n{examples}\n\n{COMMANDS}\n\n{common}\n\n{MORE}")

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
        if last_id is None:
            return CommandResult(NO_QUESTION, ok=False)
        return await self._ask_again(call, last_id, last_id)

    async def _again(self, call: Call) -> CommandResult:
        """What the buttons under an answer mean: its own question, though others came later."""
        turn = await turn_of(self._turns, call.key, call.values["answer"])
        if turn is None:
            return CommandResult(UNKNOWN_ANSWER, ok=False)
        last_id = await self._turns.latest(call.key)
        return await self._ask_again(call, turn.id, last_id or turn.id)

    async def _ask_again(self, call: Call, turn_id: str, last_id: str) -> CommandResult:
        asked = await self._turns.messages(turn_id)
        if not asked:
            return CommandResult(NO_QUESTION, ok=False)
        first_id = _first(asked[-1].id)
        if await self._is_running(last_id, first_id):
            return CommandResult("The answer is still being worked on.", ok=False)
        sent = (attachment for message in asked for attachment in message.attachments)
        attachments = await self._workspace.wanted(turn_id, sent)
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
            id=f"{first_id}~{call.once or last_id}",
            text=text,
            attachments=attachments,
            addressed=Addressing.REPLY,
            sent_at=datetime.now(UTC),
        )
        if not await self._inbox.accept(again):
            return CommandResult("It is being asked again already.", ok=False)
        where = f" in a container with {tier} of memory" if tier else ""
        return CommandResult(f"Asking again{where}.")

    async def _is_running(self, turn_id: str, message_id: str) -> bool:
        """Whether a turn is answering a message, or its repetition."""
        turn = await self._turns.get(turn_id)
        asked = await self._turns.messages(turn_id)
        same = any(_first(message.id) == message_id for message in asked)
        return same and turn.state is TurnState.RUNNING and turn.outcome is None


def _first(message_id: str) -> str:
    """The id of the message that this one repeats, or its own."""
    return message_id.split("~")[0]
