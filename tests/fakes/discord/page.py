"""A channel as an HTML page that looks much like Discord, for screenshots."""

from __future__ import annotations

import datetime
import re
from html import escape

from tests.fakes.discord import page_parts as parts
from tests.fakes.discord.page_markdown import markdown
from tests.fakes.discord.page_style import CSS
from tests.fakes.discord.records import (
    DM,
    FORUM,
    SLASH,
    THREAD_CREATED,
    THREAD_STARTER,
    Channel,
    Message,
    User,
)
from tests.fakes.discord.world import World

COLOURS = ("#5865f2", "#3ba55c", "#faa61a", "#ed4245", "#eb459e", "#757e8a")
GROUP_SECONDS = 420
TYPING_SECONDS = 10
MARKS = re.compile(r"[*`~]+|<@!?\d+> ?")


class Page:
    """One channel as one person sees it (`viewer`), or as everybody does."""

    def __init__(self, world: World, channel: Channel, viewer: User | None = None) -> None:
        self.world = world
        self.channel = channel
        self.viewer = viewer

    def html(self) -> str:
        """The whole page."""
        title = escape(self._title())
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{CSS}</style></head><body>{self._rail()}{self._places()}"
            f"<main><header>{self._heading()}</header>"
            f'<div class="flow">{self._opening()}{self._messages()}</div>'
            f'{self._closed()}<div class="entry">Message {title}</div>{self._typing()}</main>'
            "</body></html>"
        )

    def _title(self) -> str:
        if self.channel.kind == DM:
            others = [p.name for p in self.channel.recipients if p is not self.viewer]
            bots = [p.name for p in self.channel.recipients if p.bot]
            return "@" + ", ".join(others if self.viewer else bots or others)
        return self.channel.name if self.channel.thread else f"#{self.channel.name}"

    def _rail(self) -> str:
        here = self.channel.guild
        discs = "".join(
            f'<div class="{"on" if guild is here else ""}">{escape(guild.name[:1])}</div>'
            for guild in self.world.guilds.values()
        )
        return f'<nav class="rail">{discs}</nav>'

    def _places(self) -> str:
        guild = self.channel.guild
        if guild is None:
            open_dm = f'<div class="on">{escape(self._title())}</div>'
            return f'<nav class="places"><h1>Direct Messages</h1>{open_dm}</nav>'
        rows = []
        for place in guild.channels.values():
            if place.thread is not None:
                continue
            rows.append(self._place(place))
            below = [c for c in guild.channels.values() if c.parent is place]
            rows += [self._place(c) for c in below if c.thread and not c.thread.archived]
        return f'<nav class="places"><h1>{escape(guild.name)}</h1>{"".join(rows)}</nav>'

    def _place(self, place: Channel) -> str:
        looks = ("on " if place is self.channel else "") + ("child" if place.thread else "")
        sign = (
            ""
            if place.thread
            else f'<span class="sign">{"▤" if place.kind == FORUM else "#"}</span>'
        )
        return f'<div class="{looks}">{sign}{escape(place.name)}</div>'

    def _heading(self) -> str:
        name = escape(self._title().removeprefix("#"))
        if self.channel.thread is None:
            sign = "" if self.channel.kind == DM else '<span class="sign">#</span>'
            return f"{sign}{name}"
        parent = escape(self.channel.parent.name) if self.channel.parent else ""
        return f'<span class="sign">#</span>{parent}<small>›</small>&nbsp; {name}'

    def _opening(self) -> str:
        if self.channel.thread is None:
            return ""
        owner = self.world.users[self.channel.thread.owner_id]
        return (
            '<div class="opening"><div class="disc">#</div>'
            f"<h2>{escape(self.channel.name)}</h2>"
            f"<p>Started by <b>{escape(owner.name)}</b></p></div>"
        )

    def _messages(self) -> str:
        shown = []
        before: Message | None = None
        for message in self.channel.messages.values():
            if message.visible_to not in (None, self.viewer):
                continue
            if message.kind == THREAD_STARTER:
                message = message.reference or message
            shown.append(self._message(message, before))
            before = message
        return "".join(shown)

    def _message(self, message: Message, before: Message | None) -> str:
        first = self._is_first(message, before)
        viewer = self.viewer or self.world.owner
        looks = "first " if first else ""
        looks += "only" if message.ephemeral else "ping" if viewer in message.mentions else ""
        head = self._head(message) if first else ""
        hung = "" if message.thread is self.channel else parts.thread(message)
        return (
            f'<article class="message {looks}">{self._above(message)}{head}{self._text(message)}'
            f"{parts.files(message)}{parts.embeds(message, self._name)}"
            f"{parts.components(message.components, self._name)}"
            f"{parts.reactions(message, viewer.id)}{hung}{self._private(message)}</article>"
        )

    def _is_first(self, message: Message, before: Message | None) -> bool:
        if before is None or message.reference is not None or message.interaction is not None:
            return True
        apart = message.created_at - before.created_at
        return before.author is not message.author or apart > GROUP_SECONDS

    def _head(self, message: Message) -> str:
        author = message.author
        at = datetime.datetime.fromtimestamp(message.created_at, datetime.UTC)
        app = '<span class="app">APP</span>' if author.bot else ""
        return (
            f'<span class="avatar" style="background:{self._colour(author)}">'
            f'{escape(author.name[:1])}</span><div><span class="by">{escape(author.name)}</span>'
            f'{app}<span class="at">{at:%d/%m/%Y, %H:%M}</span></div>'
        )

    def _above(self, message: Message) -> str:
        if message.kind == SLASH and message.interaction is not None:
            user = self.world.users[int(message.interaction["user"]["id"])]
            name = escape(message.interaction.get("name", ""))
            return (
                f'<div class="above">{self._mini(user)}<b>{escape(user.name)}</b> used '
                f'<span class="mention">/{name}</span></div>'
            )
        if message.reference is None or message.kind == THREAD_STARTER:
            return ""
        target = message.reference
        text = escape(MARKS.sub("", target.content)[:120]) or "<i>Click to see attachment</i>"
        return (
            f'<div class="above">{self._mini(target.author)}<b>{escape(target.author.name)}</b>'
            f" {text}</div>"
        )

    def _mini(self, user: User) -> str:
        colour = self._colour(user)
        return f'<span class="mini" style="background:{colour}">{escape(user.name[:1])}</span>'

    def _text(self, message: Message) -> str:
        if message.kind == THREAD_CREATED:
            return f'<div class="told">started a thread: <b>{escape(message.content)}</b></div>'
        if message.loading:
            return f'<div class="thinking">{escape(message.author.name)} is thinking…</div>'
        if not message.content:
            return ""
        edited = '<span class="edited">(edited)</span>' if message.edits else ""
        text = markdown(message.content, self._name).rstrip()
        if text.endswith("</p>"):
            text, edited = text.removesuffix("</p>"), f"{edited}</p>"
        return f'<div class="text">{text}{edited}</div>'

    def _private(self, message: Message) -> str:
        if not message.ephemeral:
            return ""
        return '<div class="private">Only you can see this • <i>Dismiss message</i></div>'

    def _closed(self) -> str:
        thread = self.channel.thread
        if thread is None or not (thread.archived or thread.locked):
            return ""
        what = "locked" if thread.locked else "archived"
        return f'<div class="closed">This thread is {what}.</div>'

    def _typing(self) -> str:
        now = self.world.clock.now()
        users = [
            escape(self.world.users[user_id].name)
            for user_id, at in self.channel.typing.items()
            if now - at < TYPING_SECONDS
        ]
        if not users:
            return '<div style="height:24px"></div>'
        verb = "is" if len(users) == 1 else "are"
        return f'<div class="typing"><b>{", ".join(users)}</b> {verb} typing…</div>'

    def _name(self, sign: str, of: int) -> str:
        if sign == "#":
            return f"# {self.world.channels[of].name}" if of in self.world.channels else "#unknown"
        return f"@{self.world.users[of].name}" if of in self.world.users else "@unknown-user"

    def _colour(self, user: User) -> str:
        return (
            COLOURS[0] if user.bot else COLOURS[1 + sum(map(ord, user.name)) % (len(COLOURS) - 1)]
        )
