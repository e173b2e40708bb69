"""People, as a test moves them: they talk, edit, react, type commands and press buttons."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from tests.fakes.discord.chat import Chat
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.invocation import Invocation
from tests.fakes.discord.options import Typed
from tests.fakes.discord.records import (
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    REPLY,
    Channel,
    Guild,
    Message,
    StoredFile,
    User,
)

Files = Mapping[str, bytes]


class Person:
    """A person. A channel is given as the channel itself."""

    def __init__(self, chat: Chat, user: User) -> None:
        self.chat = chat
        self.user = user
        self._invoke = Invocation(chat, user)

    @property
    def id(self) -> int:
        """The person's id."""
        return self.user.id

    @property
    def name(self) -> str:
        """The person's name."""
        return self.user.name

    async def joins(self, guild: Guild) -> None:
        """Becomes a member."""
        self.chat.world.join(guild, self.user)

    async def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        files: Files | None = None,
        mention: bool = False,
        reply_to: Message | None = None,
        ping: bool = True,
    ) -> Message:
        """Posts a message; with `mention` it begins with the bot's name."""
        world = self.chat.world
        content = f"<@{world.bot.id}> {text}".strip() if mention else text
        if channel.thread is not None:
            assert not channel.thread.locked, "nobody can write in a locked thread"
            if channel.thread.archived:
                self.chat.update_thread(channel, archived=False)
        message = self.chat.new(channel, self.user, content)
        message.attachments = self._upload(channel, files or {})
        if reply_to is not None:
            message.kind, message.reference = REPLY, reply_to
            if ping and reply_to.author not in message.mentions:
                message.mentions.append(reply_to.author)
        return self.chat.post(message)

    async def whisper(
        self, text: str, *, files: Files | None = None, reply_to: Message | None = None
    ) -> Message:
        """Writes to the bot in a DM."""
        channel = self.chat.world.dm(self.user)
        return await self.say(channel, text, files=files, reply_to=reply_to)

    async def post(
        self,
        forum: Channel,
        title: str,
        text: str = "",
        *,
        files: Files | None = None,
        mention: bool = False,
    ) -> Channel:
        """Opens a post in a forum; its first message has the thread's id."""
        assert forum.kind == FORUM, f"{forum.name} is no forum"
        thread = self.chat.open_thread(forum, self.user, title)
        world = self.chat.world
        content = f"<@{world.bot.id}> {text}".strip() if mention else text
        message = self.chat.new(thread, self.user, content)
        message.id = thread.id
        message.attachments = self._upload(thread, files or {})
        self.chat.post(message)
        return thread

    async def open_thread(
        self,
        channel: Channel,
        name: str,
        *,
        starter: Message | None = None,
        private: bool = False,
    ) -> Channel:
        """Opens a thread by hand."""
        kind = PRIVATE_THREAD if private else PUBLIC_THREAD
        return self.chat.open_thread(channel, self.user, name, starter=starter, kind=kind)

    async def edit(self, message: Message, text: str) -> Message:
        """Changes what the person said."""
        assert message.author is self.user, "only one's own messages"
        before, message.content = message.content, text
        fresh = self.chat.new(message.channel, self.user, text)
        message.mentions = fresh.mentions
        self.chat.edited(message, before)
        return message

    async def delete(self, message: Message) -> None:
        """Takes a message back."""
        self.chat.delete(message)

    async def react(self, message: Message, emoji: str) -> None:
        """Adds a reaction."""
        self.chat.react(message, self.user, emoji)

    async def types(self, channel: Channel) -> None:
        """Is seen typing."""
        self.chat.type_in(channel, self.user)

    async def archive(self, thread: Channel, *, locked: bool = False) -> None:
        """Closes a thread."""
        self.chat.update_thread(thread, archived=True, locked=locked)

    async def remove(self, channel: Channel) -> None:
        """Deletes a channel or thread."""
        self.chat.delete_channel(channel)

    async def slash(self, channel: Channel, command: str, **options: Any) -> Interaction:
        """Types `/command`; subcommands are parted by blanks, files given as (name, bytes)."""
        return self._invoke.command(channel, command, self._files(channel, options))

    async def autocomplete(
        self, channel: Channel, command: str, option: str, typed: str = "", **options: Any
    ) -> list[dict[str, Any]]:
        """The choices that the bot offers while the person types an option."""
        chosen: dict[str, Any] = dict(options) | {option: Typed(typed)}
        interaction = self._invoke.command(channel, command, chosen, partial=True)
        await interaction.acked()
        return interaction.choices or []

    async def menu(self, message: Message, name: str) -> Interaction:
        """Chooses an app's entry in the menu of a message."""
        return self._invoke.message_menu(message, name)

    async def click(self, message: Message, button: str) -> Interaction:
        """Presses a button by its label or custom_id."""
        return self._invoke.click(message, button)

    async def select(self, message: Message, custom_id: str, *values: str) -> Interaction:
        """Chooses in a select menu."""
        return self._invoke.select(message, custom_id, values)

    async def submit(self, interaction: Interaction, **values: str) -> Interaction:
        """Sends off the form that the interaction opened, filled in by custom_id."""
        return self._invoke.submit(interaction, values)

    def sees(self, channel: Channel) -> list[Message]:
        """What the person sees in the channel, ephemeral answers included."""
        return [m for m in channel.messages.values() if m.visible_to in (None, self.user)]

    def _files(self, channel: Channel, options: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._upload(channel, {value[0]: value[1]})[0]
            if isinstance(value, tuple)
            else value
            for name, value in options.items()
        }

    def _upload(self, channel: Channel, files: Files) -> list[StoredFile]:
        world = self.chat.world
        made = []
        for name, content in files.items():
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            file = StoredFile(world.ids.next(), channel.id, name, content, kind)
            made.append(world.cdn.keep(file))
        return made
