"""The message in which an answer grows: streamed, else changed now and then, else posted whole."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from adapters.slack.api import Busy, Refused
from adapters.slack.blocks import Block, body, buttons, fallback, metadata, post_of
from adapters.slack.replies import Replies
from adapters.slack.settings import SlackSettings
from adapters.slack.stream import StreamState
from adapters.slack.teams import Team
from bot.domain import Action, CodeRun, Post, ThreadKey
from bot.errors import AmbiguousSend, PlatformError

log = structlog.get_logger(__name__)

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_OTHER_SHAPE = frozenset({"invalid_blocks", "only_one_table_allowed", "invalid_chunks"})
_STOP = Action("stop", "Stop")


class Mode(StrEnum):
    """How the message is shown."""

    NONE = "none"  # nothing was posted yet
    STREAM = "stream"
    CHANGED = "changed"  # by chat.update
    LOST = "lost"  # it may have been posted: it has to be looked for


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is shown and whom it is for."""

    key: ThreadKey
    turn_id: str
    user: str | None


class LiveMessage:
    """One message, from its first sign of an answer to the finished text.

    Args:
        ts: the message of an earlier process, which may have left it as an open stream.
        lost: an earlier process may have posted one that it could not note down.
    """

    def __init__(
        self,
        settings: SlackSettings,
        team: Team,
        replies: Replies,
        place: Place,
        *,
        ts: str | None = None,
        lost: bool = False,
    ) -> None:
        self._settings = settings
        self._team = team
        self._replies = replies
        self._place = place
        self._stream = StreamState(settings)
        self._open_stream = ts is not None
        self._shown = ""
        self._changed_at = 0.0
        self._step_pace_seconds = settings.slack_step_pace_ms / 1000
        self.ts = ts
        self.mode = Mode.CHANGED if ts else Mode.LOST if lost else Mode.NONE

    async def grow(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        """Show more of an answer, where Slack's rates allow; whether anything was sent.

        Raises:
            Busy: Slack asks to wait.
        """
        match self.mode:
            case Mode.NONE if text or runs:
                return await self._begin(text, runs, status)
            case Mode.STREAM:
                return await self._append(text, runs, status)
            case Mode.CHANGED if text and text != self._shown:
                return await self._change(text)
        return False

    async def finish(self, post: Post, tail: list[Block], *, session: str | None) -> str:
        """Make it the finished post; returns its ts.

        Args:
            post: the post.
            tail: blocks under its text.
            session: what the agent session is then, where that can be said with it.

        Raises:
            AmbiguousSend: it may have been finished; doing so again does no harm.
            PlatformError: it can't be shown.
        """
        if self.mode is Mode.LOST:
            await self.look_for()
        if self.mode is Mode.STREAM:
            done = await self._complete(post, tail, session)
            if done:
                assert self.ts is not None
                return self.ts
        if self.mode is Mode.CHANGED:
            done = await self._replace(post, tail)
            if done:
                assert self.ts is not None
                return self.ts
        self.ts = await self.post(post, tail)
        self.mode = Mode.CHANGED
        self._open_stream = False
        return self.ts

    async def post(self, post: Post, tail: list[Block]) -> str:
        """A post as a message of its own. Raises AmbiguousSend, PlatformError."""
        return await self._in_some_shape(
            post.text,
            tail,
            lambda blocks: self._post(
                blocks=blocks, text=fallback(post.text), metadata=metadata(post.id)
            ),
        )

    async def end(self) -> None:
        """Let no stream stay open behind an answer that was not finished."""
        if self._open_stream and self.ts is not None:
            await self._team.api.attempt(
                "chat.stopStream", channel=self._place.key.channel, ts=self.ts
            )
            self._open_stream = False

    async def look_for(self) -> None:
        """Find the message whose posting was not answered: ours, in this thread, unnamed.

        Raises:
            PlatformError: the thread can't be read.
        """
        found = await self._team.api.call(
            "conversations.replies",
            channel=self._place.key.channel,
            ts=self._place.key.thread,
            include_all_metadata=True,
            limit=200,
        )
        streams = [message for message in found["messages"] if self._is_open(message)]
        self.ts = str(streams[-1]["ts"]) if streams else None
        self.mode = Mode.CHANGED if streams else Mode.NONE
        self._open_stream = bool(streams)
        await self._replies.shown(self._place.turn_id, self.ts)

    def _is_open(self, message: dict[str, Any]) -> bool:
        if message.get("user") != self._team.bot_user:
            return False
        unnamed = "metadata" not in message and bool(message.get("streaming_state"))
        return unnamed or post_of(message) == self._unfinished_id

    @property
    def _unfinished_id(self) -> str:
        """What a message carries that is no post yet."""
        return f"{self._place.turn_id}:unfinished"

    async def _begin(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        direct = self._place.key.channel.startswith("D")
        if (self._place.user or direct) and self._team.streams.take():
            return await self._start(text, runs, status)
        if not text or not self._team.updates.take():
            return False
        await self._replies.begin(self._place.turn_id)
        blocks = [*body(text, tables=False), self._stop_button()]
        try:
            self.ts = await self._post(
                blocks=blocks,
                text=fallback(text),
                metadata=metadata(self._unfinished_id),
                patient=False,
            )
        except Busy:
            await self._replies.shown(self._place.turn_id, None)
            raise
        except AmbiguousSend:
            self.mode = Mode.LOST
            return False
        self._shown, self._changed_at = text, time.monotonic()
        self.mode = Mode.CHANGED
        await self._replies.shown(self._place.turn_id, self.ts)
        return True

    async def _start(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        key = self._place.key
        await self._replies.begin(self._place.turn_id)
        try:
            started = await self._team.api.call(
                "chat.startStream",
                patient=False,
                channel=key.channel,
                thread_ts=key.thread,
                recipient_team_id=key.workspace,
                recipient_user_id=self._place.user,
                task_display_mode="plan",
                chunks=self._stream.chunks(text, runs, status),
            )
        except AmbiguousSend:
            self.mode = Mode.LOST
            return False
        except Refused as error:
            log.info("answer is not streamed", turn=self._place.turn_id, error=str(error))
            self._team.streams.use_up()
            await self._replies.shown(self._place.turn_id, None)
            return False
        self._stream.sent()
        self._changed_at = time.monotonic()
        self.ts, self.mode, self._open_stream = str(started["ts"]), Mode.STREAM, True
        await self._replies.shown(self._place.turn_id, self.ts)
        return True

    async def _append(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        if not self._stream.grows_text(text):
            if time.monotonic() - self._changed_at < self._step_pace_seconds:
                return False
            self._step_pace_seconds *= 2
        chunks = self._stream.chunks(text, runs, status)
        if not chunks:
            return False
        self._changed_at = time.monotonic()
        try:
            await self._team.api.call(
                "chat.appendStream",
                patient=False,
                channel=self._place.key.channel,
                ts=self.ts,
                chunks=chunks,
            )
        except Busy:
            raise
        except PlatformError as error:
            # Dead, or it is not known whether the text arrived: from here on it is replaced.
            log.info("stream given up", turn=self._place.turn_id, error=str(error))
            self.mode = Mode.CHANGED
            return False
        self._stream.sent()
        return True

    async def _change(self, text: str) -> bool:
        pace_seconds = self._settings.slack_update_pace_ms / 1000
        if time.monotonic() - self._changed_at < pace_seconds or not self._team.updates.take():
            return False
        await self.end()
        self._changed_at = time.monotonic()
        blocks = [*body(text, tables=False), self._stop_button()]
        try:
            await self._update(blocks=blocks, text=fallback(text), patient=False)
        except Busy:
            raise
        except PlatformError as error:
            log.info("progress not shown", turn=self._place.turn_id, error=str(error))
            return False
        self._shown = text
        return True

    async def _complete(self, post: Post, tail: list[Block], session: str | None) -> bool:
        """End the stream with the rest of the text; False where it has to be replaced instead."""
        for tables in (True, False):
            chunks = self._stream.last_chunks(post.text, post.runs, tables=tables)
            if chunks is None:
                break
            try:
                await self._team.api.call(
                    "chat.stopStream",
                    channel=self._place.key.channel,
                    ts=self.ts,
                    chunks=chunks,
                    blocks=tail or None,
                    metadata=metadata(post.id),
                    session_status=session,
                )
            except AmbiguousSend:
                self.mode = Mode.CHANGED
                raise
            except Refused as error:
                if tables and error.error in _OTHER_SHAPE:
                    continue
                log.info("stream given up", turn=self._place.turn_id, error=str(error))
                break
            self._open_stream = False
            return True
        self.mode = Mode.CHANGED
        return False

    async def _replace(self, post: Post, tail: list[Block]) -> bool:
        """Put the finished text in place of what stands there; False where nothing does."""
        await self.end()
        try:
            await self._in_some_shape(
                post.text,
                tail,
                lambda blocks: self._update(
                    blocks=blocks, text=fallback(post.text), metadata=metadata(post.id)
                ),
            )
        except Refused as error:
            if error.error in _GONE:
                return False
            raise
        return True

    async def _in_some_shape(self, text: str, tail: list[Block], send: Any) -> str:
        """Send blocks with Slack's own table; without it, where Slack does not like that."""
        shapes = [[*body(text), *tail], [*body(text, tables=False), *tail]]
        try:
            return str(await send(shapes[0]))
        except Refused as error:
            if error.error not in _OTHER_SHAPE or shapes[0] == shapes[1]:
                raise
        return str(await send(shapes[1]))

    async def _post(self, *, patient: bool = True, **content: Any) -> str:
        posted = await self._team.api.call(
            "chat.postMessage",
            patient=patient,
            channel=self._place.key.channel,
            thread_ts=self._place.key.thread,
            unfurl_links=False,
            unfurl_media=False,
            **content,
        )
        return str(posted["ts"])

    async def _update(self, *, patient: bool = True, **content: Any) -> str:
        assert self.ts is not None
        await self._team.api.call(
            "chat.update",
            patient=patient,
            channel=self._place.key.channel,
            ts=self.ts,
            **content,
        )
        return self.ts

    def _stop_button(self) -> Block:
        return buttons([_STOP], self._place.key.thread)
