"""What people write on Discord, as the core's messages. Pure: nothing is fetched here."""

from __future__ import annotations

import re
from collections.abc import Iterable

import discord

from adapters.discord.keys import key_of_channel, thread_key
from bot.domain import (
    Addressing,
    Attachment,
    Author,
    Caller,
    IncomingMessage,
    Order,
    ThreadKey,
)

_SPOKEN = (discord.MessageType.default, discord.MessageType.reply)
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_CHANNEL = re.compile(r"<#(\d+)>")
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_QUOTED_CHARS_MAX = 2000
TITLE = "Title of the post: {title}"


def by_person(message: discord.Message) -> bool:
    """Whether a person said it, not a bot, a webhook or Discord."""
    return message.type in _SPOKEN and not message.author.bot and message.webhook_id is None


def addressing(message: discord.Message, bot_id: int) -> Addressing | None:
    """How a message addressed the bot; None where it did not and lies in a plain channel."""
    if message.guild is None:
        return Addressing.DIRECT
    if mentions(message, bot_id):
        return Addressing.MENTION
    answered = replied_to(message)
    ours = answered is not None and answered.author.id == bot_id
    # Who switches the ping off speaks about the answer, not to the bot.
    if ours and any(user.id == bot_id for user in message.mentions):
        return Addressing.REPLY
    if not isinstance(message.channel, discord.Thread):
        return None
    to_others = answered is not None and answered.author.id not in (bot_id, message.author.id)
    return Addressing.ELSEWHERE if to_others or _names_people(message) else Addressing.AMBIENT


def _names_people(message: discord.Message) -> bool:
    return bool(message.raw_mentions or message.raw_role_mentions or message.mention_everyone)


def mentions(message: discord.Message, bot_id: int) -> bool:
    """Whether it names the bot, or the role that Discord made for it. Replies that ping do not
    count, nor does @everyone."""
    if f"<@{bot_id}>" in message.content or f"<@!{bot_id}>" in message.content:
        return True
    own_role = message.guild.self_role if message.guild else None
    return own_role is not None and own_role.id in message.raw_role_mentions


def replied_to(message: discord.Message) -> discord.Message | None:
    """The message that it replies to, as far as Discord sent it along."""
    reference = message.reference
    resolved = reference.resolved if reference is not None else None
    return resolved if isinstance(resolved, discord.Message) else None


def points_at_hidden(message: discord.Message, bot_id: int) -> bool:
    """Whether it replies to somebody's message of which Discord shows nothing."""
    quoted = replied_to(message)
    if quoted is None or quoted.author.id == bot_id:
        return False
    return not (quoted.content or quoted.attachments or quoted.embeds or quoted.stickers)


def key_of(message: discord.Message) -> ThreadKey:
    """Its thread or DM; in a plain channel the thread that begins with it."""
    guild_id = message.guild.id if message.guild else None
    key = key_of_channel(guild_id, message.channel.id, message.channel, direct=guild_id is None)
    return key if key.thread else thread_key(guild_id, message.channel.id, message.id)


def incoming(
    message: discord.Message, addressed: Addressing, bot_id: int, key: ThreadKey
) -> IncomingMessage:
    """The message as the core takes it. What it replies to comes along, if it is not the bot's:
    people point at a file that way."""
    quoted = replied_to(message)
    pointed = quoted is not None and quoted.author.id != bot_id and not addressed.overheard
    text = words_of(message, bot_id)
    files = list(attachments_of(message))
    if quoted is not None and pointed:
        files += attachments_of(quoted)
        text = "\n\n".join(part for part in (_quotation(quoted, bot_id), text) if part)
    channel = message.channel
    if isinstance(channel, discord.Thread) and channel.id == message.id:
        # A forum's post: its title says what it is about, and where it is all, what is asked.
        text = f"> {TITLE.format(title=channel.name)}\n\n{text}" if text else channel.name
    owner = channel.owner_id if isinstance(channel, discord.Thread) else None
    return IncomingMessage(
        key=key,
        id=str(message.id),
        author=author_of(message.author),
        text=text,
        attachments=tuple(files),
        addressed=addressed,
        sent_at=message.created_at,
        others=(str(owner),) if owner and owner not in (bot_id, message.author.id) else (),
    )


def order_of(
    message: discord.Message, said: IncomingMessage, command: str, arguments: str = ""
) -> Order:
    """A command that was written as a message; in a plain channel it is about the channel."""
    key = said.key
    if said.addressed is Addressing.MENTION and key.thread == str(message.id):
        guild_id = message.guild.id if message.guild else None
        key = thread_key(guild_id, message.channel.id, "")
    user = message.author
    manages = isinstance(user, discord.Member) and user.guild_permissions.manage_guild
    return Order(
        key=key,
        id=said.id,
        caller=Caller(said.author, manages),
        command=command,
        arguments=arguments,
        sent_at=said.sent_at,
        locator={"channel": str(message.channel.id)},
    )


def author_of(user: discord.abc.User) -> Author:
    """A person, by the name that others see."""
    return Author(str(user.id), user.display_name)


def words_of(message: discord.Message, bot_id: int) -> str:
    """A message's text without the bot's name, other names as people read them."""
    return words(message.content, message, bot_id)


def words(content: str, message: discord.Message, bot_id: int) -> str:
    """The same of a text that stands, or stood, in a message."""
    names = {user.id: user.display_name for user in message.mentions}
    guild = message.guild
    own_role = guild.self_role if guild else None

    def user(match: re.Match[str]) -> str:
        number = int(match[1])
        return "" if number == bot_id else f"@{names.get(number, 'someone')}"

    def role(match: re.Match[str]) -> str:
        number = int(match[1])
        if own_role is not None and number == own_role.id:
            return ""
        found = guild.get_role(number) if guild else None
        return f"@{found.name if found else 'role'}"

    def channel(match: re.Match[str]) -> str:
        found = guild.get_channel_or_thread(int(match[1])) if guild else None
        return f"#{found.name if found else 'channel'}"

    text = _CHANNEL.sub(channel, _ROLE.sub(role, _USER.sub(user, content)))
    return _EMOJI.sub(r":\1:", text).strip()


def attachments_of(message: discord.Message) -> Iterable[Attachment]:
    """Its files, those of a forwarded message too, as references: the link expires."""
    files = [*message.attachments]
    for snapshot in message.message_snapshots:
        files += snapshot.attachments
    for file in files:
        yield attachment_of(file, channel_id=message.channel.id, message_id=message.id)


def attachment_of(
    file: discord.Attachment, *, channel_id: int | None = None, message_id: int | None = None
) -> Attachment:
    """A file as a reference. Without its message (an option of a command) the link is all."""
    locator = {"url": file.url}
    if channel_id is not None and message_id is not None:
        locator |= {"channel": str(channel_id), "message": str(message_id)}
    media_type = (file.content_type or "application/octet-stream").partition(";")[0].strip()
    return Attachment(str(file.id), _name(file), media_type, file.size, locator)


def _name(file: discord.Attachment) -> str:
    """The name as the person gave it: Discord replaces blanks and keeps the original as title."""
    stem, dot, ending = file.filename.rpartition(".")
    title = file.title
    return f"{title}{dot}{ending}" if title and stem else title or file.filename


def _quotation(message: discord.Message, bot_id: int) -> str:
    said = words_of(message, bot_id)[:_QUOTED_CHARS_MAX]
    return "\n".join(f"> {line}" for line in said.splitlines())
