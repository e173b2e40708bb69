"""The live surface of one turn: a message that shows its status and becomes its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from adapters.discord import pictures, posts
from adapters.discord.buttons import STOP
from adapters.discord.context import DiscordContext
from adapters.discord.delivery import Delivery
from adapters.discord.desks import Content
from adapters.discord.hints import with_slashes
from adapters.discord.keys import is_private
from adapters.discord.places import Spot
from adapters.discord.rest import Refused
from adapters.discord.store import Posted
from bot.domain import Action, Answer, Post, Progress, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

UNSAID = "⚠️ Discord did not take the answer. Press Retry to ask again."
AGAIN = Action("retry", "Retry")
LEAVING = "this takes longer than I can write here; the answer comes as a direct message…"
_QUESTION_CHARS = 200  # of a question by command, above its answer
_CALMING = 0.8  # by this the pace recovers with each edit that met no limit


class DiscordReply:
    """Shows a turn in its message; `show` keeps only the newest picture and paces the edits."""

    def __init__(
        self, context: DiscordContext, key: ThreadKey, turn_id: str, spot: Spot, surface: Posted
    ) -> None:
        self.key = key
        self._context = context
        self._turn_id = turn_id
        self._spot = spot
        self._surface = surface
        self._newest = Progress()
        self._shown = ""
        self._done = False
        self._editing = False
        self._delivery = Delivery(context, key, turn_id, spot.desk, surface)
        self._unsaid = False  # the first post was refused when it was last tried
        self._changed = asyncio.Event()
        self._pusher: asyncio.Task[None] | None = None
        self._planned: dict[str, Post] = {}
        self._pace_seconds = self._least_pace_seconds
        context.live.add(self)

    @property
    def ref(self) -> str:
        """The channel and the message of the surface."""
        return ref_of(self._surface)

    def show(self, progress: Progress) -> None:
        """Show how the turn stands, as soon as the pace allows."""
        if self._done:
            return
        self._newest = progress
        self._changed.set()
        if self._pusher is None:
            self._pusher = asyncio.create_task(self._push_for_ever(), name="discord-reply")

    def plan(self, answer: Answer) -> Sequence[Post]:
        """The answer as messages of 2000 characters, with its files in portions."""
        specs = self._context.services.commands.specs
        notes = [with_slashes(note, specs) for note in answer.notes]
        answer = replace(answer, notes=(*notes, *filter(None, [self._spot.say_once])))
        room_chars = _QUESTION_CHARS if is_private(self.key) else 0
        planned = posts.plan(answer, self._context.portions, room_chars=room_chars)
        self._planned |= {post.id: post for post in planned}
        return planned

    async def send(self, post: Post) -> str:
        """Publish a post: the first one takes the place of the status.

        Raises:
            AmbiguousSend: it may have arrived.
            PlatformError: it did not.
        """
        store = self._context.store
        await self._stop_showing()
        known = await store.posted(post.id)
        if known is None:
            try:
                known = await self._delivery.deliver(post)
            except PlatformError:
                first = post.id == f"{self._turn_id}:0"
                self._unsaid = first and not self._delivery.begun
                raise
            self._unsaid = False
            await store.note_post(post.id, self.key, known)
        return ref_of(known)

    async def find(self, post_id: str) -> str | None:
        """The message of a post: one that we noted, or that stands in the channel."""
        known = await self._context.store.posted(post_id)
        if known is None and post_id in self._planned:
            known = await self._delivery.find(self._planned[post_id])
            if known is not None:
                await self._context.store.note_post(post_id, self.key, known)
        return ref_of(known) if known is not None else None

    async def close(self) -> None:
        """Stop showing progress; a status that no answer took the place of says so."""
        await self._stop_showing()
        if self._unsaid:
            try:
                await self._spot.desk.edit(self._surface, Content(UNSAID, actions=(AGAIN,)))
            except PlatformError as error:
                log.info("status not ended", turn=self._turn_id, error=str(error))
        self._context.live.discard(self)

    async def _stop_showing(self) -> None:
        """No picture may arrive after the answer: one under way is waited for."""
        self._done = True
        pusher, self._pusher = self._pusher, None
        if pusher is None:
            return
        if self._editing:
            limit_seconds = self._context.settings.discord_edit_pace_limit_ms / 1000
            await asyncio.wait({pusher}, timeout=limit_seconds)
        pusher.cancel()
        await asyncio.gather(pusher, return_exceptions=True)

    @property
    def _least_pace_seconds(self) -> float:
        return self._context.settings.discord_edit_pace_ms / 1000

    async def _push_for_ever(self) -> None:
        while not self._done:
            # The pause comes first: a short answer needs no pictures at all.
            await asyncio.sleep(self._pace_seconds)
            if not await self._has_changed():
                await self._push_safely(pictures.running(Progress(LEAVING)), ())
                return
            if self._delivery.lost or self._delivery.too_old:
                return
            await self._push_safely(pictures.running(self._newest), (STOP,))

    async def _has_changed(self) -> bool:
        """Wait for a new picture; False where no more can be shown after this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._spot.desk.seconds_left()):
                await self._changed.wait()
            self._changed.clear()
            return True
        return False

    async def _push_safely(self, text: str, actions: Sequence[Action]) -> None:
        if text == self._shown:
            return
        began = time.monotonic()
        self._editing = True
        try:
            await self._spot.desk.edit(self._surface, Content(text, actions=actions))
            self._shown = text
        except Refused as refused:
            self._delivery.lost = refused.status == 404
            log.info("progress not shown", turn=self._turn_id, code=refused.code)
        except Exception:  # a picture that can't be shown must not end the turn
            log.exception("progress not shown", turn=self._turn_id)
        finally:
            self._editing = False
        self._adapt(time.monotonic() - began)

    def _adapt(self, took_seconds: float) -> None:
        """An edit that had to wait for a rate limit slows the next ones down."""
        limit_seconds = self._context.settings.discord_edit_pace_limit_ms / 1000
        if took_seconds > self._least_pace_seconds:
            self._pace_seconds = min(max(self._pace_seconds, took_seconds) * 2, limit_seconds)
        else:
            self._pace_seconds = max(self._pace_seconds * _CALMING, self._least_pace_seconds)


def ref_of(posted: Posted) -> str:
    """A message's place as one string."""
    return f"{posted.channel_id}/{posted.message_id}"


def posted_of(ref: str) -> Posted:
    """The inverse of `ref_of`."""
    channel_id, _, message_id = ref.partition("/")
    return Posted(int(channel_id), int(message_id))
