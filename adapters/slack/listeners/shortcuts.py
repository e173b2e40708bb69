"""Shortcuts and their modals: a question about a message; a channel's settings."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.slack.api import Refused
from adapters.slack.asides import Aside, Respond
from adapters.slack.blocks import ASIDE, fallback, metadata
from adapters.slack.context import SlackContext
from adapters.slack.courier import Courier
from adapters.slack.events import PLATFORM, attachment, files_of
from adapters.slack.home_view import SETTINGS_BUTTON
from adapters.slack.intake import Intake
from adapters.slack.listeners.origin import team_of
from adapters.slack.modals import (
    ASK,
    CHANNEL,
    QUESTION,
    SETTINGS,
    AskedAbout,
    ask_modal,
    changed,
    channel_modal,
    field,
    note_modal,
    settings_modal,
)
from adapters.slack.mrkdwn import escaped
from adapters.slack.poster import Asker
from adapters.slack.quotes import quotes_of
from adapters.slack.replies import ASKED
from adapters.slack.teams import Team
from bot.domain import Addressing, Attachment, IncomingMessage, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

ANALYSE = "threadlab_analyse"
_QUOTE_CHARS = 1_000
_FILES_MAX = 20
_SHOWN_CHARS = 2_900
_OUTSIDE = frozenset({"not_in_channel", "channel_not_found"})
NOT_POSTED = "Slack did not take the question. Please try again in a moment."
NO_QUESTION = (
    "Slack was too busy to open the question in time. Please choose “Analyse with Threadlab” "
    "again, or answer the message with `@Threadlab` and your question."
)
NO_SETTINGS = (
    "Slack was too busy to open the settings in time. Please try again, or type "
    "`/threadlab settings` in the channel."
)
BLANK = "Please write a question."
SAVED = "Saved; it counts from the next question on."
NOTHING_CHANGED = "Nothing was changed."
NOT_A_MEMBER = "I am not in this conversation. Invite me first: /invite @Threadlab"

Body = dict[str, Any]


def register(app: AsyncApp, context: SlackContext, intake: Intake, courier: Courier) -> None:
    """Listen to the shortcuts and to what their modals send."""
    listener = Shortcuts(context, intake, courier)
    app.message_shortcut(ANALYSE)(listener.on_message)
    app.view(ASK)(listener.on_question)
    app.global_shortcut(SETTINGS)(listener.on_settings)
    app.action(SETTINGS_BUTTON)(listener.on_settings)
    app.view(CHANNEL)(listener.on_channel)
    app.view(SETTINGS)(listener.on_save)


class Shortcuts:
    """Modals are opened and answered within Slack's three seconds."""

    def __init__(self, context: SlackContext, intake: Intake, courier: Courier) -> None:
        self._context = context
        self._intake = intake
        self._courier = courier
        self._posting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def on_message(self, ack: AsyncAck, body: Body, respond: Respond) -> None:
        """“Analyse with Threadlab” on a message."""
        await ack()
        team, message = await team_of(self._context, body), body["message"]
        files = [attachment(file) for file in files_of(message)][:_FILES_MAX]
        markup = str(message.get("text") or "")
        text = await self._intake.text(team, markup, quotes_of(message))
        about = AskedAbout(
            channel=str(body["channel"]["id"]),
            thread=str(message.get("thread_ts") or body["message_ts"]),
            files={file.id: file.name for file in files},
            quote=text[:_QUOTE_CHARS],
        )
        view = ask_modal(about)
        key = ThreadKey(PLATFORM, team.id, about.channel, about.thread)
        aside = Aside(self._context.settings, team, key, str(body["user"]["id"]), respond)
        await self._open(body, view, aside, NO_QUESTION)

    async def on_question(self, ack: AsyncAck, body: Body, view: Body) -> None:
        """The question: said in the thread, so that everybody sees what is answered there."""
        team, user = await team_of(self._context, body), str(body["user"]["id"])
        about, question = AskedAbout.parse(view["private_metadata"]), field(view, QUESTION)
        if not question.strip():
            await ack(response_action="errors", errors={QUESTION: BLANK})
            return
        try:
            ts = await self._said(team, about, user, question, str(view["id"]))
        except PlatformError as error:
            log.info("question not posted", channel=about.channel, error=str(error))
            outside = isinstance(error, Refused) and error.error in _OUTSIDE
            problem = NOT_A_MEMBER if outside else NOT_POSTED
            await ack(response_action="errors", errors={QUESTION: problem})
            return
        home = str(body["user"].get("team_id") or team.id)
        message = await self._message(team, about, user, question, ts)
        self._context.askers.put((str(message.key), ts), Asker(user, home))
        await self._intake.accept(message)
        await ack()

    async def on_settings(self, ack: AsyncAck, body: Body) -> None:
        """The global shortcut, and the button of the app's home."""
        await ack()
        team, user = await team_of(self._context, body), str(body["user"]["id"])
        nowhere = ThreadKey(PLATFORM, team.id, "", "")
        aside = Aside(self._context.settings, team, nowhere, user, None)
        await self._open(body, channel_modal(), aside, NO_SETTINGS)

    async def on_channel(self, ack: AsyncAck, body: Body, view: Body) -> None:
        """The channel was chosen: its settings, for those who may change them."""
        team, user = await team_of(self._context, body), str(body["user"]["id"])
        key = ThreadKey(PLATFORM, team.id, field(view, CHANNEL), "")
        allowed = await self._courier.run(team, key, user, "settings", "")
        if not allowed.ok:
            note = note_modal("Threadlab's settings", allowed.text)
            await ack(response_action="update", view=note)
            return
        settings = await self._context.services.channels.settings(key)
        choices = [
            choice
            for name in ("model", "effort", "memory_limit", "mode", "followups")
            for choice in await self._context.services.commands.complete(
                "settings", key, await self._courier.caller(team, user), "value", f"{name}: "
            )
        ]
        shown = settings_modal(key.channel, settings, choices)
        await ack(response_action="update", view=shown)

    async def on_save(self, ack: AsyncAck, body: Body, view: Body) -> None:
        """Write what was changed; what the core does not take is said beside its field."""
        team, user = await team_of(self._context, body), str(body["user"]["id"])
        channel, values = changed(view)
        key = ThreadKey(PLATFORM, team.id, channel, "")
        errors, lines = {}, []
        for name, value in values.items():
            result = await self._courier.run(team, key, user, "settings", f"{name} {value}")
            if result.ok:
                lines.append(f"- {result.text}")
            else:
                errors[name] = result.text
        if errors:
            await ack(response_action="errors", errors=errors)
        else:
            saved = "\n".join([SAVED, *lines]) if lines else NOTHING_CHANGED
            await ack(response_action="update", view=note_modal("Threadlab's settings", saved))

    async def _open(self, body: Body, view: Body, aside: Aside, otherwise: str) -> None:
        """Open a modal within the three seconds that Slack gives; else say what to do."""
        seconds = self._context.settings.slack_patience_seconds
        trigger = str(body["trigger_id"])
        try:
            await aside.team.api.call_within(seconds, "views.open", trigger_id=trigger, view=view)
        except PlatformError as error:
            log.warning("modal not opened", user=aside.user, error=str(error))
            self._context.tasks.spawn(aside.say(otherwise), "no-modal")

    async def _said(
        self, team: Team, about: AskedAbout, user: str, question: str, view: str
    ) -> str:
        """Where the question of a modal stands. Where Slack lost patience with us, or we failed,
        people press the button again: it is posted once. Raises PlatformError."""
        async with self._posting.setdefault(view, asyncio.Lock()):
            replies, asked = self._context.replies, f"{ASKED}{view}"
            key = ThreadKey(PLATFORM, team.id, about.channel, about.thread)
            ts = (await replies.open(asked, str(key))).ts
            if ts is None:
                ts = await self._say(team, about, user, question)
                await replies.shown(asked, ts)
            return ts

    async def _say(self, team: Team, about: AskedAbout, user: str, question: str) -> str:
        shown = _cut(escaped(question).replace("\n", "\n>"))
        text = f"<@{user}> asks:\n>{shown}"
        posted = await team.api.call_within(
            self._context.settings.slack_patience_seconds,  # the modal waits three
            "chat.postMessage",
            channel=about.channel,
            thread_ts=about.thread,
            text=fallback(question),
            blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": text}}],
            metadata=metadata(ASIDE),
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(posted["ts"])

    async def _message(
        self, team: Team, about: AskedAbout, user: str, question: str, ts: str
    ) -> IncomingMessage:
        files = await asyncio.gather(*(self._file(team, *file) for file in about.files.items()))
        quoted = f"{question}\n\n> {about.quote.replace(chr(10), chr(10) + '> ')}"
        return IncomingMessage(
            key=ThreadKey(PLATFORM, team.id, about.channel, about.thread),
            id=ts,
            author=await self._context.names.author(team, user),
            text=question if files or not about.quote else quoted,
            attachments=tuple(files),
            addressed=Addressing.MENTION,
            sent_at=datetime.fromtimestamp(float(ts), UTC),
        )

    async def _file(self, team: Team, file: str, name: str) -> Attachment:
        """A file by its id; where Slack can't be asked now, it is when the file is read."""
        try:
            async with asyncio.timeout(self._context.settings.slack_lookup_seconds):
                found = await team.api.call("files.info", patient=False, file=file)
        except (PlatformError, TimeoutError) as error:
            log.info("file not known yet", file=file, error=repr(error))
            return attachment({"id": file, "name": name, "file_access": "check_file_info"})
        return attachment(found["file"])


def _cut(shown: str) -> str:
    """As much as a section takes, and no half of an escaped character."""
    if len(shown) <= _SHOWN_CHARS:
        return shown
    return re.sub(r"&[a-z]*\Z", "", shown[:_SHOWN_CHARS]) + "…"
