"""The live surface of one turn: a message that shows its status and becomes its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from adapters.discord import pictures, posts
from adapters.discord.buttons import STOP
from adapters.discord.context import DiscordContext
from adapters.discord.desks import Content
from adapters.discord.detours import CLOSED, NO_PERMISSION
from adapters.discord.pictures import CONTENT_CHARS_MAX
from adapters.discord.places import Spot
from adapters.discord.rest import Refused
from adapters.discord.splitting import split
from adapters.discord.store import Posted
from adapters.discord.uploads import Upload, file_name, laid_out, not_allowed, too_large
from bot.domain import Answer, Post, Progress, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

_EPOCH_SECONDS = 1_420_070_400  # Discord's ids count from 2015 [doc: snowflakes]
_TOO_LARGE_CODE, _TOO_LARGE_STATUS = 40005, 413  # [facts: discord]
_EMPTY = "-# Done: there is nothing more to say."
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
        self._lost = False  # somebody deleted the surface
        self._changed = asyncio.Event()
        self._pusher: asyncio.Task[None] | None = None
        self._planned: dict[str, str] = {}
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
        if self._spot.say_once:
            answer = replace(answer, notes=(*answer.notes, self._spot.say_once))
        planned = posts.plan(answer, self._context.portions)
        self._planned |= {post.id: posts.content_of(post) for post in planned}
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
            blobs = self._context.services.blobs
            limit = await self._context.file_limits.of(self.key, post.artifacts)
            async with laid_out(blobs, self.key, post.artifacts, limit) as upload:
                known = await self._deliver(post, upload)
            await store.note_post(post.id, self.key, known)
        return ref_of(known)

    async def find(self, post_id: str) -> str | None:
        """The message of a post: one that we noted, or that stands in the channel."""
        known = await self._context.store.posted(post_id)
        if known is None:
            text = self._planned.get(post_id)
            known = await self._spot.desk.find(post_id, text, self._surface.message_id - 1)
            if known is not None:
                await self._context.store.note_post(post_id, self.key, known)
        return ref_of(known) if known is not None else None

    async def close(self) -> None:
        """Stop showing progress."""
        await self._stop_showing()
        self._context.live.discard(self)

    async def _deliver(self, post: Post, upload: Upload) -> Posted:
        content = self._content(post, upload)
        try:
            posted = await self._place(post, content)
            if upload.notes and self._notes_apart(post, upload):
                small = split(pictures.notes(upload.notes), CONTENT_CHARS_MAX)
                for number, piece in enumerate(small):
                    await self._spot.desk.send(Content(piece), f"{post.id}:notes:{number}")
            return posted
        except Refused as refused:
            if not _because_of_files(refused) or not upload.files:
                raise
            log.warning("files refused", turn=self._turn_id, code=refused.code)
            return await self._deliver_apart(post, upload)

    async def _deliver_apart(self, post: Post, upload: Upload) -> Posted:
        """The text alone, then each file alone; one that is refused again is named."""
        posted = await self._place(post, self._content(post, Upload(notes=upload.notes)))
        by_name = {file_name(artifact.name): artifact for artifact in post.artifacts}
        for number, file in enumerate(upload.files):
            identity = f"{post.id}:{number}"
            try:
                await self._spot.desk.send(Content("", Upload((file,))), identity)
            except Refused as refused:
                artifact = by_name.get(file[0]) or by_name[file[0].removesuffix(".zip")]
                limit_bytes = await self._context.file_limits.of(self.key, [artifact])
                forbidden = refused.code == NO_PERMISSION
                note = not_allowed(artifact) if forbidden else too_large(artifact, limit_bytes)
                await self._spot.desk.send(Content(pictures.notes([note])), identity)
        return posted

    async def _place(self, post: Post, content: Content) -> Posted:
        """Put content where the surface is, or below it where that can't be changed any more."""
        desk, surface = self._spot.desk, self._surface
        first = post.id == f"{self._turn_id}:0"
        if first and not self._lost and not self._too_old():
            try:
                await desk.edit(surface, content)
            except Refused as refused:
                gone = refused.status in (404, 429)  # 429: it is too old [facts: discord]
                files_only = refused.code == NO_PERMISSION and content.upload.files
                if files_only or not (gone or refused.code in CLOSED):
                    raise
                log.info("surface not editable", turn=self._turn_id, code=refused.code)
            else:
                return surface
        posted = await desk.send(content, post.id)
        if first:
            await self._remove_surface()
        return posted

    async def _remove_surface(self) -> None:
        try:
            await self._spot.desk.delete(self._surface)
        except PlatformError as error:
            log.info("old status not removed", turn=self._turn_id, error=repr(error))

    def _content(self, post: Post, upload: Upload) -> Content:
        text = posts.content_of(post, () if self._notes_apart(post, upload) else upload.notes)
        if not text and not upload.files:
            text = _EMPTY
        return Content(text, upload, post.actions)

    def _notes_apart(self, post: Post, upload: Upload) -> bool:
        """Whether the text leaves no room for what is to be said of its files."""
        room = CONTENT_CHARS_MAX - len(posts.content_of(post))
        return len(pictures.notes(upload.notes)) + 1 > room

    def _too_old(self) -> bool:
        born = (self._surface.message_id >> 22) / 1000 + _EPOCH_SECONDS
        return time.time() - born > self._context.settings.discord_edit_age_seconds

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
            await self._changed.wait()
            self._changed.clear()
            if self._lost or self._too_old():
                return
            await self._push_safely(pictures.running(self._newest))

    async def _push_safely(self, text: str) -> None:
        if text == self._shown:
            return
        began = time.monotonic()
        self._editing = True
        try:
            await self._spot.desk.edit(self._surface, Content(text, actions=(STOP,)))
            self._shown = text
        except Refused as refused:
            self._lost = refused.status == 404
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


def _because_of_files(refused: Refused) -> bool:
    too_large = refused.code == _TOO_LARGE_CODE or refused.status == _TOO_LARGE_STATUS
    return too_large or refused.code == NO_PERMISSION


def ref_of(posted: Posted) -> str:
    """A message's place as one string."""
    return f"{posted.channel_id}/{posted.message_id}"


def posted_of(ref: str) -> Posted:
    """The inverse of `ref_of`."""
    channel_id, _, message_id = ref.partition("/")
    return Posted(int(channel_id), int(message_id))
