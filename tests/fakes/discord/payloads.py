"""The JSON of each record as the API shows it [doc: API v10 resources]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.discord.clock import iso
from tests.fakes.discord.records import (
    DM,
    FORUM,
    HAS_THREAD,
    Channel,
    Guild,
    Message,
    StoredFile,
    User,
)

Link = Callable[[StoredFile], str]


def user_json(user: User) -> dict[str, Any]:
    """A user."""
    return {
        "id": str(user.id),
        "username": user.name.lower().replace(" ", "_"),
        "global_name": None if user.bot else user.name,
        "discriminator": "0",
        "avatar": None,
        "bot": user.bot,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }


def channel_json(channel: Channel, viewer: User | None = None) -> dict[str, Any]:
    """A channel, a thread or a DM, as the viewer sees it."""
    last = max((message.id for message in channel.public()), default=None)
    data: dict[str, Any] = {
        "id": str(channel.id),
        "type": channel.kind,
        "last_message_id": None if last is None else str(last),
        "flags": 0,
    }
    if channel.kind == DM:
        others = [person for person in channel.recipients if person is not viewer]
        return data | {"recipients": [user_json(person) for person in others]}
    assert channel.guild is not None
    data |= {"guild_id": str(channel.guild.id), "name": channel.name, "rate_limit_per_user": 0}
    if channel.thread is not None:
        return data | _thread_part(channel, viewer)
    data |= {
        "parent_id": None,
        "position": 0,
        "topic": None,
        "nsfw": False,
        "permission_overwrites": [
            _overwrite_json(channel.guild, target, pair)
            for target, pair in channel.overwrites.items()
        ],
    }
    if channel.kind == FORUM:
        data |= {
            "available_tags": channel.tags,
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return data


def _overwrite_json(guild: Guild, target: int, pair: tuple[int, int]) -> dict[str, Any]:
    kind = 0 if target in guild.roles else 1
    return {"id": str(target), "type": kind, "allow": str(pair[0]), "deny": str(pair[1])}


def _thread_part(channel: Channel, viewer: User | None) -> dict[str, Any]:
    thread = channel.thread
    assert thread is not None
    assert channel.parent is not None
    data: dict[str, Any] = {
        "parent_id": str(channel.parent.id),
        "owner_id": str(thread.owner_id),
        "message_count": max(0, len(channel.messages) - 1),
        "total_message_sent": max(0, len(channel.messages) - 1),
        "member_count": len(thread.members),
        "applied_tags": [str(tag) for tag in thread.applied_tags],
        "thread_metadata": {
            "archived": thread.archived,
            "archive_timestamp": iso(thread.archived_at),
            "auto_archive_duration": thread.auto_archive_minutes,
            "locked": thread.locked,
            "create_timestamp": iso(thread.created_at),
        },
    }
    if viewer is not None and viewer.id in thread.members:
        data["member"] = thread_member_json(channel, viewer.id)
    return data


def thread_member_json(channel: Channel, user_id: int) -> dict[str, Any]:
    """A user's place in a thread."""
    assert channel.thread is not None
    return {
        "id": str(channel.id),
        "user_id": str(user_id),
        "join_timestamp": iso(channel.thread.members[user_id]),
        "flags": 0,
    }


def file_json(file: StoredFile, link: Link) -> dict[str, Any]:
    """An attachment, with a link that expires."""
    url = link(file)
    data: dict[str, Any] = {
        "id": str(file.id),
        "filename": file.filename,
        "size": len(file.content),
        "url": url,
        "proxy_url": url,
        "content_type": file.content_type,
    }
    if file.description is not None:
        data["description"] = file.description
    return data


def message_json(
    message: Message, link: Link, viewer: User, *, nested: bool = True
) -> dict[str, Any]:
    """A message, whole; what the viewer may not read is emptied by `visibility`."""
    data: dict[str, Any] = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "author": user_json(message.author),
        "content": message.content,
        "timestamp": iso(message.created_at),
        "edited_timestamp": None if message.edited_at is None else iso(message.edited_at),
        "tts": False,
        "mention_everyone": message.mentions_everyone,
        "mentions": [user_json(person) for person in message.mentions],
        "mention_roles": [],
        "attachments": [file_json(file, link) for file in message.attachments],
        "embeds": message.embeds,
        "components": message.components,
        "pinned": False,
        "type": message.kind,
        "flags": message.flags | (HAS_THREAD if message.thread is not None else 0),
    }
    if message.reactions:
        data["reactions"] = [
            _reaction_json(emoji, users, viewer) for emoji, users in message.reactions.items()
        ]
    if message.thread is not None:
        data["thread"] = channel_json(message.thread, viewer)
    if message.webhook_id is not None:
        data |= {"webhook_id": str(message.webhook_id), "application_id": str(message.webhook_id)}
    if message.interaction is not None:
        data["interaction_metadata"] = message.interaction
    if message.reference is not None:
        data["message_reference"] = _reference_json(message.reference)
        if nested:
            data["referenced_message"] = message_json(message.reference, link, viewer, nested=False)
    return data


def _reference_json(target: Message) -> dict[str, Any]:
    data: dict[str, Any] = {
        "type": 0,
        "message_id": str(target.id),
        "channel_id": str(target.channel.id),
    }
    if target.channel.guild is not None:
        data["guild_id"] = str(target.channel.guild.id)
    return data


def _reaction_json(emoji: str, users: list[int], viewer: User) -> dict[str, Any]:
    return {
        "emoji": {"id": None, "name": emoji},
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "me": viewer.id in users,
        "me_burst": False,
        "burst_colors": [],
    }
