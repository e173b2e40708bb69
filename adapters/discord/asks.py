"""Questions put by command: `/ask`, and the menu of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord
import structlog

from adapters.discord import menu, responses
from adapters.discord.context import DiscordContext, Origin
from adapters.discord.keys import is_direct, is_private, thread_key
from adapters.discord.messages import attachments_of, author_of, words_of
from adapters.discord.pictures import CONTENT_CHARS_MAX
from adapters.discord.places import Places
from adapters.discord.store import Posted, Question
from adapters.discord.titles import title_of
from bot.domain import Addressing, Attachment, IncomingMessage, ThreadKey

log = structlog.get_logger(__name__)

_QUOTED_CHARS_MAX = 1500
NO_QUESTION = "There is no question in that: write what you want to know."
NO_FILES = "There are no files on that message."
ANALYSE = "What is in {names}?"
ANALYSIS = "Analysis of {names}"


class Asks:
    """Shows the question in the chat, then hands it in as if it had been written there."""

    def __init__(self, context: DiscordContext, places: Places) -> None:
        self._context = context
        self._places = places

    async def question(
        self, interaction: discord.Interaction[Any], data: Any, key: ThreadKey
    ) -> None:
        """`/ask`."""
        given = menu.values(data)
        resolved = (data.get("resolved") or {}).get("attachments") or {}
        files = [
            attachment_of_option(resolved[given[name]])
            for name in menu.ASK_FILES
            if given.get(name) in resolved
        ]
        question = given.get("question", "").strip()
        if not question and not files:
            await responses.whisper(interaction, NO_QUESTION)
            return
        await self._ask(interaction, key, question, files)

    async def analyse(
        self, interaction: discord.Interaction[Any], data: Any, key: ThreadKey
    ) -> None:
        """The entry in a message's menu."""
        state = interaction.client._connection
        (raw,) = data["resolved"]["messages"].values()
        channel: Any = interaction.channel
        message = discord.Message(state=state, channel=channel, data=raw)
        files = list(attachments_of(message))
        if not files:
            await responses.whisper(interaction, NO_FILES)
            return
        names = ", ".join(file.name for file in files)
        question = short = ANALYSE.format(names=names)
        said = words_of(message, self._context.bot_id)
        if said and message.author.id != self._context.bot_id:  # its own words ask for nothing
            question = f"{quoted(said, ())}\n\n{question}"
        title = ANALYSIS.format(names=names)
        await self._ask(interaction, key, question, files, short=short, title=title)

    async def keep(
        self,
        interaction: discord.Interaction[Any],
        key: ThreadKey,
        question: Question | None = None,
    ) -> None:
        """Remember the command's token: it is the only way to answer there."""
        await self._context.store.note_invocation(
            interaction.id, key, interaction.application_id, interaction.token, question
        )

    async def _ask(
        self,
        interaction: discord.Interaction[Any],
        key: ThreadKey,
        question: str,
        files: Sequence[Attachment],
        *,
        short: str = "",
        title: str = "",
    ) -> None:
        shown = quoted(short or question, [file.name for file in files])
        message_id = await responses.say(interaction, shown)
        channel_id = interaction.channel_id
        assert channel_id is not None
        if is_private(key):
            await self.keep(interaction, key, Question(message_id, shown))
        elif not key.thread:
            key = thread_key(interaction.guild_id, channel_id, message_id)
        names = [file.name for file in files]
        origin = Origin(key, channel_id, title_of(title or question, names), interaction.user.id)
        self._context.origins.note(str(message_id), origin)
        # Who replies to the question goes on with its conversation.
        posted = Posted(channel_id, message_id)
        await self._context.store.note_post(f"ask:{message_id}", key, posted)
        await self._context.services.inbox.accept(
            IncomingMessage(
                key=key,
                id=str(message_id),
                author=author_of(interaction.user),
                text=question,
                attachments=tuple(files),
                addressed=Addressing.DIRECT if is_direct(key) else Addressing.MENTION,
                sent_at=interaction.created_at,
            )
        )


def attachment_of_option(data: Mapping[str, Any]) -> Attachment:
    """A file that was given to a command: no message holds it, so its link is all there is."""
    media_type = str(data.get("content_type") or "application/octet-stream").partition(";")[0]
    return Attachment(
        str(data["id"]), str(data["filename"]), media_type, data.get("size"), {"url": data["url"]}
    )


def quoted(question: str, names: Sequence[str]) -> str:
    """A question as others see it: Discord shows only the command's name."""
    text = question if len(question) <= _QUOTED_CHARS_MAX else f"{question[:_QUOTED_CHARS_MAX]}…"
    lines = [f"> {line}" for line in text.splitlines()]
    if names:
        lines.append(f"-# 📎 {', '.join(names)}"[:400])
    return "\n".join(lines)[:CONTENT_CHARS_MAX] or "> …"
