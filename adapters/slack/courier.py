"""Commands given in Slack: run by the core, answered to whom they concern."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from adapters.slack.asides import Aside
from adapters.slack.blocks import ASIDE, Block, body, buttons, fallback, metadata, notes
from adapters.slack.context import SlackContext
from adapters.slack.menus import more_menu
from adapters.slack.outgoing_text import neutral, with_file_names
from adapters.slack.replies import ORDER
from adapters.slack.said import NOTHING, Standing
from adapters.slack.split import split
from adapters.slack.teams import Team
from adapters.slack.uploads import NOT_UPLOADED, Uploaded, why
from bot.domain import Caller, ThreadKey
from bot.errors import AmbiguousSend, PlatformError
from bot.ports import CommandResult

log = structlog.get_logger(__name__)

_RESPONSES_MAX = 4  # Slack takes five answers to one command; one stays in reserve
UNKNOWN_CALLER = (
    "Slack is too busy to say whether you manage this workspace. Please try again in a moment."
)
MORE = "There is more than fits here: in the thread, write the same after `@Threadlab`."


class Courier:
    """Runs commands and delivers what they say."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    async def run(
        self, team: Team, key: ThreadKey, user: str, command: str, arguments: str
    ) -> CommandResult:
        """Carry a command out for somebody; nobody is refused what they may perhaps do."""
        surely = self._context.admins_only(command)
        try:
            caller = await self._context.names.caller(team, user, surely=surely)
        except PlatformError as error:
            log.warning("command not run", command=command, thread=str(key), error=str(error))
            return CommandResult(UNKNOWN_CALLER, ok=False)
        return await self._context.services.commands.run(command, key, caller, arguments)

    async def caller(self, team: Team, user: str) -> Caller:
        """Who gives a command."""
        return await self._context.names.caller(team, user)

    async def give(
        self, team: Team, key: ThreadKey, user: str, command: str, arguments: str
    ) -> None:
        """Carry a command out and answer it in its thread."""
        result = await self.run(team, key, user, command, arguments)
        await self.deliver(team, key, user, result)

    async def deliver(self, team: Team, key: ThreadKey, user: str, result: CommandResult) -> None:
        """Say a result in its thread, if Slack lets us."""
        try:
            await self.say(team, key, user, result)
        except PlatformError as error:
            log.warning("command not answered", thread=str(key), error=str(error))

    async def say(
        self,
        team: Team,
        key: ThreadKey,
        user: str,
        result: CommandResult,
        *,
        order: str = "",
        said: Standing = NOTHING,
    ) -> None:
        """Say a result in its thread: to all where it concerns them, else to the person alone.

        Args:
            team: the workspace.
            key: the thread.
            user: who gave the command.
            result: what it came to.
            order: the message that gave it, if one did.
            said: what of it stands in the thread already.

        Raises:
            AmbiguousSend: files of an order may have been shared.
            PlatformError: it was not said, or not all of it.
        """
        if order and result.files:
            result = await self._with_files_once(team, key, result, order, said)
        else:
            result = await self._with_files(team, key, result)
        everybody = result.public or key.channel.startswith("D")
        method = "chat.postMessage" if everybody else "chat.postEphemeral"
        # What one person alone sees is not shown in a thread that nobody has answered yet.
        unanswered = order == key.thread and not everybody
        for number, (text, blocks) in enumerate(messages(result, key.thread, self._context)):
            post_id = f"{order}:{number}" if order else ASIDE
            if post_id in said.posts:
                continue
            extra: dict[str, Any] = (
                {"unfurl_links": False, "unfurl_media": False, "metadata": metadata(post_id)}
                if everybody
                else {"user": user}
            )
            await team.api.call(
                method,
                channel=key.channel,
                thread_ts=None if unanswered else key.thread or None,
                text=fallback(text),
                blocks=blocks,
                **extra,
            )

    async def tell(self, aside: Aside, result: CommandResult, *, replacing: bool = False) -> None:
        """Say a result to the person alone; in its thread too, where it concerns everybody.

        Args:
            aside: to whom, and where.
            result: what a command says.
            replacing: in place of the menu that they chose from.
        """
        if result.public and aside.key.thread:
            await self.deliver(aside.team, aside.key, aside.user, result)
            result = replace(result, files=())
        result = await self._with_files(aside.team, aside.key, result, elsewhere=True)
        shown = messages(result, aside.key.thread, self._context)
        if len(shown) > _RESPONSES_MAX:
            shown[_RESPONSES_MAX - 1][1].extend(notes([MORE]))
        if replacing and not shown:
            await aside.remove()
        for number, (text, blocks) in enumerate(shown[:_RESPONSES_MAX]):
            await aside.say(text, blocks, replace=replacing and number == 0)

    async def _with_files_once(
        self, team: Team, key: ThreadKey, result: CommandResult, order: str, said: Standing
    ) -> CommandResult:
        """Upload the files of an order that are not shared yet: by which ids they go is kept."""
        replies, ref = self._context.replies, f"{ORDER}{key}:{order}"
        known = dict((await replies.open(ref, str(key))).posts)

        async def note(uploaded: Sequence[Uploaded]) -> None:
            await replies.sent(ref, known | {file.artifact: file.id for file in uploaded})

        left = tuple(file for file in result.files if known.get(file.id) not in said.files)
        return await self._with_files(team, key, replace(result, files=left), note=note)

    async def _with_files(
        self,
        team: Team,
        key: ThreadKey,
        result: CommandResult,
        *,
        elsewhere: bool = False,
        note: Callable[[Sequence[Uploaded]], Awaitable[None]] | None = None,
    ) -> CommandResult:
        """Upload a result's files into its thread; what Slack does not take is said, and where the
        files are, if that is `elsewhere`. `note` is told of files before they are shared; whether
        they were can then be looked up."""
        if not result.files or not key.thread:
            return result
        uploaded, said = await self._context.uploads.send(team, key, result.files)
        try:
            if uploaded:
                if note is not None:
                    await note(uploaded)
                await self._context.uploads.share(team, key, uploaded)
                if elsewhere:
                    are = "The file is" if len(uploaded) == 1 else "The files are"
                    said.append(f"{are} in [the thread]({team.link(key.channel, key.thread)}).")
        except PlatformError as error:
            if note is not None and isinstance(error, AmbiguousSend):
                raise
            log.warning("files not shared", thread=str(key), error=str(error))
            names = ", ".join(f"`{file.name}`" for file in uploaded)
            said.append(NOT_UPLOADED.format(names=names, why=why(error)))
        return replace(result, text="\n\n".join([result.text, *said]).strip())


def messages(
    result: CommandResult, thread: str, context: SlackContext
) -> list[tuple[str, list[Block]]]:
    """A result as texts with their blocks, buttons under the last."""
    text = neutral(with_file_names(result.text, result.files)).strip()
    if not text and not result.actions:
        return []
    parts = split(text or "Choose:", context.settings.slack_message_chars)
    shown = [(part, body(part, tables=False)) for part in parts]
    if result.actions:
        specs = context.services.commands.specs
        shown[-1][1].append(buttons(result.actions, thread, once=True))
        shown[-1][1].extend(more_menu(specs, result.actions, thread))
    return shown
