"""Messages of the bot in one thread: posted, changed, streamed, found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.slack.api import Busy, Refused
from adapters.slack.blocks import Block, body, fallback, metadata, post_of
from adapters.slack.teams import Team
from bot.domain import Post, ThreadKey

log = structlog.get_logger(__name__)

# A table, or whatever else Slack does not like in its own form.
OTHER_SHAPE = frozenset({"invalid_blocks", "only_one_table_allowed", "invalid_chunks"})
_PAGE = 200
_PAGES_MAX = 10


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom an answer is for, and their own workspace, which may not be the channel's.

    `is_new`: their name had to be asked for, which was a call already.
    """

    user: str
    home: str
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is shown, the message that it answers, and whom it is for."""

    key: ThreadKey
    turn_id: str
    asked: str
    asker: Asker | None

    @property
    def unfinished_id(self) -> str:
        """What a message carries that is no post yet."""
        return f"{self.turn_id}:unfinished"


class Poster:
    """The calls that put messages into a thread."""

    def __init__(self, team: Team, place: Place) -> None:
        self._api = team.api
        self._bot_user = team.bot_user
        self._place = place
        self._channel = place.key.channel

    async def post(self, post: Post, tail: list[Block]) -> str:
        """A post as a message of its own; returns its ts. Raises AmbiguousSend, PlatformError."""
        return await self._in_some_shape(
            post.text,
            tail,
            lambda blocks: self.post_blocks(post.text, blocks, post.id),
        )

    async def replace(self, ts: str, post: Post, plan: list[Block], tail: list[Block]) -> None:
        """A post in place of a message, its steps first. Raises AmbiguousSend, PlatformError."""
        await self._in_some_shape(
            post.text,
            tail,
            lambda blocks: self.change(ts, post.text, blocks, post_id=post.id),
            plan,
        )

    async def post_blocks(
        self, text: str, blocks: list[Block], post_id: str, *, patient: bool = True
    ) -> str:
        """A message that carries an id; returns its ts."""
        posted = await self._api.call(
            "chat.postMessage",
            patient=patient,
            channel=self._channel,
            thread_ts=self._place.key.thread,
            text=fallback(text),
            blocks=blocks,
            metadata=metadata(post_id),
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(posted["ts"])

    async def change(
        self,
        ts: str,
        text: str,
        blocks: list[Block],
        *,
        post_id: str | None = None,
        patient: bool = True,
    ) -> str:
        """Change what a message says; returns its ts."""
        await self._api.call(
            "chat.update",
            patient=patient,
            channel=self._channel,
            ts=ts,
            text=fallback(text),
            blocks=blocks,
            metadata=metadata(post_id) if post_id else None,
        )
        return ts

    async def start_stream(self, chunks: list[Block]) -> str:
        """Begin a stream for whoever asked; returns its ts."""
        asker = self._place.asker
        started = await self._api.call(
            "chat.startStream",
            patient=False,
            channel=self._channel,
            thread_ts=self._place.key.thread,
            recipient_team_id=asker.home if asker else None,
            recipient_user_id=asker.user if asker else None,
            task_display_mode="plan",
            chunks=chunks,
        )
        return str(started["ts"])

    async def append(self, ts: str, chunks: list[Block]) -> None:
        """Add to a stream."""
        await self._api.call(
            "chat.appendStream", patient=False, channel=self._channel, ts=ts, chunks=chunks
        )

    async def complete(
        self, ts: str, chunks: list[Block], tail: list[Block], post_id: str, session: str | None
    ) -> None:
        """End a stream with its last words; it is then the post."""
        await self._api.call(
            "chat.stopStream",
            channel=self._channel,
            ts=ts,
            chunks=chunks,
            blocks=tail or None,
            metadata=metadata(post_id),
            session_status=session,
        )

    async def end_stream(self, ts: str) -> None:
        """End a stream as it is; one that has ended is left alone. Raises AmbiguousSend, Busy."""
        try:
            await self._api.call("chat.stopStream", channel=self._channel, ts=ts)
        except Busy:
            raise
        except Refused as error:
            log.info("stream had ended", turn=self._place.turn_id, error=error.error)

    async def find(self, post_id: str, files: set[str]) -> str | None:
        """The ts of a message with a post's id, or with these files."""

        def carries(message: dict[str, Any]) -> bool:
            shown = {str(file.get("id")) for file in message.get("files") or ()}
            return post_of(message) == post_id or bool(files and files <= shown)

        return await self._search(carries)

    async def find_unfinished(self) -> str | None:
        """The ts of a message of this turn that became no post: one that says so, or a stream,
        which carries nothing before its end; whatever else the bot writes does."""

        def unfinished(message: dict[str, Any]) -> bool:
            stream = "metadata" not in message and not message.get("files")
            return stream or post_of(message) == self._place.unfinished_id

        return await self._search(unfinished)

    async def _search(self, wanted: Callable[[dict[str, Any]], bool]) -> str | None:
        """Look through what the bot wrote in the thread since the question was asked."""
        cursor, asked = None, float(self._place.asked)
        for _ in range(_PAGES_MAX):
            page = await self._api.call(
                "conversations.replies",
                channel=self._channel,
                ts=self._place.key.thread,
                oldest=self._place.asked,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor,
            )
            for message in page["messages"]:
                # The thread's first message comes along, however old it is.
                since = float(message["ts"]) > asked
                if since and message.get("user") == self._bot_user and wanted(message):
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return None

    async def _in_some_shape(
        self,
        text: str,
        tail: list[Block],
        send: Callable[[list[Block]], Awaitable[str]],
        plan: Sequence[Block] = (),
    ) -> str:
        """Send blocks with steps and Slack's own table; without, where Slack does not like that."""
        whole, plain = [*plan, *body(text), *tail], [*body(text, tables=False), *tail]
        try:
            return await send(whole)
        except Refused as error:
            if error.error not in OTHER_SHAPE or whole == plain:
                raise
        return await send(plain)
