"""The live surface of one turn: a status, a growing message, then the posts of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from adapters.slack.api import Busy, Refused
from adapters.slack.blocks import body, tail
from adapters.slack.context import SlackContext
from adapters.slack.live import LiveMessage, Mode
from adapters.slack.outgoing_text import settled
from adapters.slack.plan import plan
from adapters.slack.poster import Place, Poster
from adapters.slack.replies import KeptReply
from adapters.slack.split import floor_chars
from adapters.slack.status import StatusLine
from adapters.slack.teams import Team
from adapters.slack.uploads import NOT_UPLOADED, Uploaded, why
from bot.domain import Answer, Post, Progress
from bot.errors import AmbiguousSend, PlatformError

log = structlog.get_logger(__name__)

_FILES = "files:"
_SAY_NOTHING = ("thinking…", "writing…")


class SlackReply:
    """Shows a turn in its thread. `show` keeps only the newest picture; a task of its own sends it
    at Slack's pace."""

    def __init__(self, context: SlackContext, team: Team, place: Place, kept: KeptReply) -> None:
        self._context = context
        self._team = team
        self._place = place
        self._key = place.key
        self._posts = dict(kept.posts)
        self._live = LiveMessage(context.settings, team, context.replies, place, kept)
        self._poster = Poster(team, place)
        self._status = StatusLine(context.settings, team, self._key)
        self._newest = Progress()
        self._changed = asyncio.Event()
        self._finished = bool(self._posts)
        self._sending = asyncio.Lock()
        context.sessions.opened(place.key)
        self._pusher = asyncio.create_task(self._push_forever(), name="slack-reply")

    @property
    def ref(self) -> str:
        """The turn's id: which message it is shown in may change, and is kept under it."""
        return self._place.turn_id

    def show(self, progress: Progress) -> None:
        """Show how the turn stands, as soon as the pace allows."""
        self._newest = progress
        self._changed.set()

    def plan(self, answer: Answer) -> Sequence[Post]:
        """Text in parts that Slack takes, then the files."""
        return plan(answer, self._context.settings.slack_message_chars)

    async def send(self, post: Post) -> str:
        """Publish one post; sent again, it is there once.

        Raises:
            AmbiguousSend: Slack did not answer.
            PlatformError: Slack refused it.
        """
        async with self._sending:
            if post.id in self._posts and not self._posts[post.id].startswith(_FILES):
                return self._posts[post.id]
            self._finished = True
            fresh = self._live.mode is Mode.NONE or not post.id.endswith(":0")
            ref = await self._send(post)
            await self._note(post.id, ref)
            if fresh and not post.artifacts:  # a new message takes the status away
                self._status.cleared()
            return ref

    async def find(self, post_id: str) -> str | None:
        """The message that carries the post, or None."""
        known = self._posts.get(post_id, "")
        if known and not known.startswith(_FILES):
            return known
        files = set(known.removeprefix(_FILES).split(",")) if known else set()
        if files:  # they are shown a while after Slack has taken them
            await asyncio.sleep(self._context.settings.slack_share_seconds)
        found = await self._poster.find(post_id, files)
        if found is not None:
            await self._note(post_id, ",".join(sorted(files)) or found)
            return self._posts[post_id]
        return None

    async def close(self) -> None:
        """Stop showing progress; no status, stream or session stays behind."""
        self._pusher.cancel()
        with suppress(asyncio.CancelledError):
            await self._pusher
        self._context.sessions.closed(self._key)
        try:
            await self._live.end()
        except PlatformError as error:
            log.warning("stream not ended", turn=self.ref, error=str(error))
        await self._status.clear()
        await self._context.sessions.end(self._team, self._key)

    async def _send(self, post: Post) -> str:
        if post.artifacts:
            return await self._send_files(post)
        feedback = self._context.knows("feedback")
        under = tail(post, self._key.thread, feedback=feedback)
        if not post.id.endswith(":0"):
            return await self._poster.post(post, under)
        session = self._context.sessions.status_at_end(self._key) if post.actions else None
        streamed = self._live.mode is Mode.STREAM
        ts = await self._live.finish(post, under, session=session)
        if session and streamed and self._live.mode is Mode.STREAM:
            self._context.sessions.ended(self._key)
        await self._context.replies.shown(self._place.turn_id, ts)
        return ts

    async def _send_files(self, post: Post) -> str:
        uploads = self._context.uploads
        files, problems = await uploads.send(self._team, self._key, post.artifacts)
        if files:
            await self._note(post.id, _FILES + ",".join(file.id for file in files))
            try:
                await uploads.share(self._team, self._key, files)
            except Refused as error:
                problems += _not_shared(files, error)
            except AmbiguousSend:
                if await self.find(post.id) is None:
                    raise
        if problems:
            text = "\n".join(problems)
            await self._poster.post_blocks(text, body(text), post.id)
        return self._posts[post.id].removeprefix(_FILES) if files else post.id

    async def _note(self, post_id: str, ref: str) -> None:
        self._posts[post_id] = ref
        await self._context.replies.sent(self._place.turn_id, self._posts)

    async def _push_forever(self) -> None:
        settings = self._context.settings
        await asyncio.sleep(settings.slack_first_show_ms / 1000)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.slack_status_seconds):
                    await self._changed.wait()
            self._changed.clear()
            wait_seconds = settings.slack_pace_ms / 1000
            try:
                async with self._sending:
                    if not self._finished:
                        await self._context.sessions.begin(self._team, self._key)
                        await self._push(self._newest)
            except Busy as busy:
                wait_seconds = max(wait_seconds, busy.retry_after_seconds)
                self._changed.set()
            except PlatformError as error:
                log.warning("progress not shown", turn=self.ref, error=str(error))
            except Exception:  # a picture that can't be shown must not end the turn
                log.exception("progress not shown", turn=self.ref)
            await asyncio.sleep(wait_seconds)

    async def _push(self, progress: Progress) -> None:
        """One call at a time: what the answer has gained; before that, the status."""
        room_chars = floor_chars(self._context.settings.slack_message_chars)
        text = settled(progress.text[:room_chars])
        if await self._live.grow(text, progress.runs, progress.status):
            self._status.cleared()
        elif self._live.mode is not Mode.STREAM and not text and self._says_more(progress.status):
            await self._status.set(progress.status)
            self._live.growth.added()
        # A change that came too early for Slack's pace has its turn later.
        if text or progress.runs:
            self._changed.set()

    def _says_more(self, status: str) -> bool:
        """Whether a status is worth a call: more than the session's own sign of work."""
        known = status in _SAY_NOTHING and self._context.sessions.works(self._key)
        return self._status.due(status) and not known


def _not_shared(files: Sequence[Uploaded], error: Refused) -> list[str]:
    names = ", ".join(f"`{file.name}`" for file in files)
    return [NOT_UPLOADED.format(names=names, why=why(error))]
