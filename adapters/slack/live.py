"""The message in which an answer grows: streamed, else changed now and then, else posted whole."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import structlog

from adapters.slack.api import Busy, Refused
from adapters.slack.blocks import Block, body, buttons
from adapters.slack.pace import Growth
from adapters.slack.poster import OTHER_SHAPE, Place, Poster
from adapters.slack.replies import KeptReply, Replies
from adapters.slack.settings import SlackSettings
from adapters.slack.steps import plan_of
from adapters.slack.stream import StreamState
from adapters.slack.teams import Team
from bot.domain import Action, CodeRun, Post
from bot.errors import AmbiguousSend, PlatformError

log = structlog.get_logger(__name__)

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_ENDED = "message_not_in_streaming_state"
_STOP = Action("stop", "Stop")


class Mode(StrEnum):
    """How the message is shown."""

    NONE = "none"  # nothing was posted yet
    STREAM = "stream"
    CHANGED = "changed"  # by chat.update
    LOST = "lost"  # it may have been posted: it has to be looked for


class LiveMessage:
    """One message, from its first sign of an answer to the finished text.

    Args:
        settings: paces and lengths.
        team: the workspace.
        replies: where the message's ts is noted, for a next process.
        place: where it is shown.
        kept: what an earlier process has noted.
    """

    def __init__(
        self,
        settings: SlackSettings,
        team: Team,
        replies: Replies,
        place: Place,
        kept: KeptReply,
    ) -> None:
        self._settings = settings
        self._team = team
        self._replies = replies
        self._place = place
        self._poster = Poster(team, place)
        self._stream = StreamState(settings)
        self._may_stream = place.asker is not None or place.key.channel.startswith("D")
        self._open_stream = kept.ts is not None
        self._shown = ""
        self.growth = Growth(settings)
        if place.asker is not None and place.asker.is_new:
            self.growth.added()  # a call that a short answer has to do without
        self.ts = kept.ts
        self.mode = Mode.CHANGED if kept.ts else Mode.LOST if kept.begun else Mode.NONE

    async def grow(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        """Show more of an answer, where Slack's rates allow; whether anything was sent.

        Raises:
            Busy: Slack asks to wait.
        """
        match self.mode:
            case Mode.NONE if text or runs:
                if self._may_stream and self._team.streams.take():
                    return await self._start(text, runs, status)
                # A short answer that is posted whole costs fewer calls.
                due = bool(text) and self.growth.due(text, 0)
                return due and self._team.updates.take() and await self._begin(text)
            case Mode.STREAM:
                return await self._append(text, runs, status)
            case Mode.CHANGED if not self.growth.is_short(text) and text != self._shown:
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
            await self._look_for()
        done = self.mode is Mode.STREAM and await self._complete(post, tail, session)
        if not done:
            done = self.mode is Mode.CHANGED and await self._replace(post, tail)
        if not done or self.ts is None:
            self.ts = await self._poster.post(post, tail)
            self.mode, self._open_stream = Mode.CHANGED, False
        return self.ts

    async def end(self) -> None:
        """Let no stream stay open behind an answer that was not finished. Raises AmbiguousSend,
        Busy."""
        if self._open_stream and self.ts is not None:
            await self._poster.end_stream(self.ts)
            self._open_stream = False

    async def _look_for(self) -> None:
        self.ts = await self._poster.find_unfinished()
        self.mode = Mode.CHANGED if self.ts else Mode.NONE
        self._open_stream = self.ts is not None
        await self._replies.shown(self._place.turn_id, self.ts)

    async def _start(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        """Begin a stream; where Slack does not, this answer is not streamed."""
        turn_id = self._place.turn_id
        await self._replies.begin(turn_id)
        try:
            self.ts = await self._poster.start_stream(self._stream.chunks(text, runs, status))
        except AmbiguousSend:
            self.mode = Mode.LOST
            return False
        except PlatformError as error:
            log.info("answer is not streamed", turn=turn_id, error=str(error))
            self._may_stream = False
            if isinstance(error, Refused) and error.lasting:
                self._team.streams.use_up()
            await self._replies.shown(turn_id, None)
            return False
        self._stream.sent()
        self.growth.begun()
        self.mode, self._open_stream = Mode.STREAM, True
        await self._replies.shown(turn_id, self.ts)
        return True

    async def _append(self, text: str, runs: Sequence[CodeRun], status: str) -> bool:
        if not self.growth.due(text, len(runs)):
            return False
        chunks = self._stream.chunks(text, runs, status)
        if not chunks or self.ts is None or not self._team.appends.take():
            return False
        try:
            await self._poster.append(self.ts, chunks)
        except Busy:
            raise
        except PlatformError as error:
            # Dead, or it is not known whether the text arrived: from here on it is replaced.
            log.info("stream given up", turn=self._place.turn_id, error=str(error))
            self.mode = Mode.CHANGED
            return False
        self._stream.sent()
        self.growth.added()
        return True

    async def _begin(self, text: str) -> bool:
        """Post what there is, to be changed."""
        turn_id = self._place.turn_id
        await self._replies.begin(turn_id)
        blocks, post_id = self._unfinished(text), self._place.unfinished_id
        try:
            self.ts = await self._poster.post_blocks(text, blocks, post_id, patient=False)
        except AmbiguousSend:
            self.mode = Mode.LOST
            return False
        except PlatformError:
            await self._replies.shown(turn_id, None)
            raise
        self._shown = text
        self.growth.begun()
        self.mode = Mode.CHANGED
        await self._replies.shown(turn_id, self.ts)
        return True

    async def _change(self, text: str) -> bool:
        if not self.growth.due(text, 0) or not self._team.updates.take():
            return False
        assert self.ts is not None
        self.growth.added()
        await self.end()
        await self._poster.change(self.ts, text, self._unfinished(text), patient=False)
        self._shown = text
        return True

    async def _complete(self, post: Post, tail: list[Block], session: str | None) -> bool:
        """End the stream with the rest of the text; False where it has to be replaced instead."""
        assert self.ts is not None
        for tables in (True, False):
            chunks = self._stream.last_chunks(post.text, post.runs, tables=tables)
            if chunks is None:
                break
            try:
                await self._poster.complete(self.ts, chunks, tail, post.id, session)
            except AmbiguousSend:
                self.mode = Mode.CHANGED
                raise
            except Refused as error:
                if tables and error.error in OTHER_SHAPE:
                    continue
                log.info("stream given up", turn=self._place.turn_id, error=str(error))
                self._open_stream = error.error != _ENDED  # by Slack's own Stop, or its age
                break
            self._open_stream = False
            return True
        self.mode = Mode.CHANGED
        return False

    async def _replace(self, post: Post, tail: list[Block]) -> bool:
        """Put the finished text in place of what stands there; False where nothing does."""
        assert self.ts is not None
        await self.end()
        others_chars = len(post.text) + sum(len(note) for note in post.notes)
        plan = plan_of(self._settings, post.runs, others_chars)
        try:
            await self._poster.replace(self.ts, post, plan, tail)
        except Refused as error:
            if error.error not in _GONE:
                raise
            return False
        return True

    def _unfinished(self, text: str) -> list[Block]:
        """A text that will grow, with a button to stop it."""
        return [*body(text, tables=False), buttons([_STOP], self._place.key.thread)]
