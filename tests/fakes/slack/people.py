"""People and what they do: each action sends the app exactly what Slack would."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.slack import deletions, events, interactions
from tests.fakes.slack.delivery import Envelope
from tests.fakes.slack.interactions import Surface
from tests.fakes.slack.records import Channel, Json, Message, User, View
from tests.fakes.slack.typed import escaped

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_CHANNEL_LETTERS = {"channel": "C", "group": "G", "im": "D", "mpim": "G"}


class Person:
    """Somebody in a workspace. Channels are given by id."""

    def __init__(self, slack: FakeSlack, user: User) -> None:
        self.user = user
        self.id = user.id
        self._slack = slack

    async def say(
        self,
        channel: str,
        text: str = "",
        *,
        thread_ts: str | None = None,
        files: Mapping[str, bytes | Path] | None = None,
        file_modes: Mapping[str, str] | None = None,
        mention: bool = False,
        broadcast: bool = False,
        forwarded: Sequence[Message] = (),
        announce: Sequence[str] | None = None,
    ) -> Message:
        """Post a message; the events are on their way when it returns.

        Arguments:
            text: as typed, so that Slack escapes it; <@U1>, <#C1> and <https://…> are links.
            files: content by name, as bytes or as the path of a large file.
            file_modes: by name, other modes than hosted (files.MODES).
            mention: put the bot's mention in front.
            forwarded: messages of other conversations that this one passes on.
            announce: the events to send and their order, e.g. ("message",) to lose the
                app_mention; else `slack.mention_order` (and `slack.app_mention_on_uploads`).
        """
        where = self._joined(channel)
        team = self._slack.teams[where.team]
        assert thread_ts is None or thread_ts in where.messages, "no such thread"
        modes = file_modes or {}
        attached = [
            self._slack.files.new(name, content, self.id, where.team, modes.get(name, "hosted"))
            for name, content in (files or {}).items()
        ]
        text = escaped(f"<@{team.bot_user_id}> {text}".strip() if mention else text)
        passed_on = [events.forwarded(self._slack, one) for one in forwarded]
        assert text or attached or passed_on, "an empty message cannot be sent"
        message = Message(
            channel,
            self._slack.clock.ts(),
            self.id,
            plain=text,
            files=attached,
            attachments=passed_on,
            thread_ts=thread_ts,
            subtype="file_share" if attached else "thread_broadcast" if broadcast else None,
            client_msg_id=secrets.token_hex(16),
        )
        where.messages[message.ts] = message
        for file in attached:
            file.shares.setdefault(channel, []).append(message.ts)
        self._announce(where, message, announce)
        return message

    async def dm(self, text: str = "", **how: Any) -> Message:
        """Write to the bot in its direct messages (the agent's messages tab)."""
        return await self.say(self._slack.dm(self.id).id, text, **how)

    async def edit(self, message: Message, text: str) -> None:
        """Change one's own message."""
        assert message.user == self.id, "only one's own messages can be edited"
        message.history.append(message.plain)
        message.plain, message.edited = escaped(text), True
        channel = self._slack.channels[message.channel]
        self._slack.tell(events.changed(self._slack, channel, message))

    async def delete(self, message: Message) -> None:
        """Delete one's own message."""
        assert message.user == self.id, "only one's own messages can be deleted"
        deletions.delete(self._slack, message)

    async def react(self, message: Message, name: str) -> None:
        """Add a reaction."""
        message.reactions.setdefault(name, []).append(self.id)
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        self._tell({"type": "reaction_added", "user": self.id, "reaction": name, "item": item})

    async def join(self, channel: str) -> None:
        """Join a channel: a channel_join message."""
        where = self._slack.channels[channel]
        where.members.add(self.id)
        self._joined_message(where, self.id)

    async def invite(self, channel: str) -> None:
        """Add the bot to a channel: member_joined_channel, and a channel_join message."""
        where = self._slack.channels[channel]
        bot = self._slack.teams[where.team].bot_user_id
        where.members |= {self.id, bot}
        self._tell(
            {
                "type": "member_joined_channel",
                "user": bot,
                "channel": channel,
                "channel_type": _CHANNEL_LETTERS[where.kind],
                "team": where.team,
                "inviter": self.id,
            }
        )
        self._joined_message(where, bot)

    async def open_home(self, tab: str = "home") -> None:
        """Open the app's home, messages or about tab."""
        channel = self._slack.dm(self.id)
        event: Json = {"type": "app_home_opened", "user": self.id, "tab": tab}
        home = self._slack.homes.get(self.id)
        if home is not None and tab == "home":
            event["view"] = self._slack.view_json(home)
        self._tell(event | {"channel": channel.id})

    async def look_at(self, channel: str) -> None:
        """Look at another channel beside the agent: app_context_changed."""
        entity = {"type": "slack#/types/channel_id", "value": channel, "team_id": self.user.team}
        self._tell(
            {
                "type": "app_context_changed",
                "user": self.id,
                "channel": self._slack.dm(self.id).id,
                "context": {"entities": [entity]},
            }
        )

    async def stop(self, channel: str, thread_ts: str) -> None:
        """Press Slack's own Stop: it ends the thread's streams and tells the app.

        Raises:
            AssertionError: the session is not processing, or the app is not subscribed, so
                that no button is shown.
        """
        session = self._slack.sessions_of(channel, thread_ts)
        assert session.status == "processing", f"no Stop button: {session.status}"
        assert "agent_session_stopped" in self._slack.events, "no Stop button: not subscribed"
        streams = [m for m in self._slack.thread(channel, thread_ts) if m.streaming]
        for message in streams:
            message.streaming = False
        self._tell(
            {
                "type": "agent_session_stopped",
                "channel": channel,
                "thread_ts": thread_ts,
                "user": self.id,
                "streaming_message_ts": [message.ts for message in streams],
            }
        )

    async def command(self, name: str, text: str, channel: str) -> Envelope:
        """Type a slash command in a channel (Slack allows none in threads)."""
        self._joined(channel)
        return await interactions.command(self._slack, self.user, channel, name, text)

    async def click(self, surface: Surface, wanted: str, value: Any = None) -> Envelope:
        """Press a button or choose an option, by action_id or label.

        Arguments:
            value: of a select or overflow, the option's value or text; of feedback, which one.
                An option that `suggest` offered is given whole.

        Raises:
            AssertionError: it is not shown.
        """
        offered = [value] if isinstance(value, dict) else []
        value = value["value"] if isinstance(value, dict) else value
        return await interactions.press(self._slack, self.user, surface, wanted, value, offered)

    async def suggest(self, surface: Surface, wanted: str, query: str = "") -> list[Json]:
        """Type into an external select; the options that the app offers."""
        return await interactions.suggest(self._slack, self.user, surface, wanted, query)

    async def submit(self, view: View, values: Json | None = None) -> Envelope:
        """Fill in and submit a modal; values by block_id, action_id or label."""
        return await interactions.submit(self._slack, self.user, view, values or {})

    async def shortcut(self, callback_id: str, message: Message | None = None) -> Envelope:
        """Use a global shortcut, or a message's."""
        return await interactions.shortcut(self._slack, self.user, callback_id, message)

    def modal(self) -> View:
        """The uppermost modal in front of the person.

        Raises:
            AssertionError: none is open.
        """
        shown = [v for v in self._slack.views.values() if v.user == self.id and v.open]
        assert shown, f"no modal is open for {self.user.name}"
        return shown[-1]

    def home(self) -> View:
        """The app's home tab as the person sees it."""
        assert self.id in self._slack.homes, f"{self.user.name} has no home tab"
        return self._slack.homes[self.id]

    def _joined(self, channel: str) -> Channel:
        where = self._slack.channels[channel]
        if where.kind == "channel":
            where.members.add(self.id)
        assert self.id in where.members, f"{self.user.name} is not in {where.name}"
        return where

    def _joined_message(self, channel: Channel, user: str) -> None:
        message = Message(
            channel.id,
            self._slack.clock.ts(),
            user,
            plain=f"<@{user}> has joined the channel",
            subtype="channel_join",
        )
        channel.messages[message.ts] = message
        self._slack.tell(events.message(self._slack, channel, message))

    def _announce(self, channel: Channel, message: Message, only: Sequence[str] | None) -> None:
        bot = self._slack.teams[channel.team].bot_user_id
        mentioned = f"<@{bot}>" in message.plain and channel.kind != "im"
        if message.files and not self._slack.app_mention_on_uploads:
            mentioned = False
        for name in self._slack.mention_order if only is None else only:
            if name == "app_mention" and mentioned:
                self._slack.tell(events.app_mention(self._slack, channel, message))
            elif name == "message":
                self._slack.tell(events.message(self._slack, channel, message))

    def _tell(self, event: Json) -> None:
        self._slack.tell(event | {"event_ts": self._slack.clock.ts()}, self.user.team)
