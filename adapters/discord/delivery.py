"""An answer's posts on their way into the chat, with their files, or without where it must be."""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog

from adapters.discord import pictures, posts
from adapters.discord.context import DiscordContext
from adapters.discord.desks import Content, Desk
from adapters.discord.detours import CLOSED, NO_PERMISSION
from adapters.discord.pictures import CONTENT_CHARS_MAX
from adapters.discord.rest import Refused
from adapters.discord.splitting import split
from adapters.discord.store import Posted
from adapters.discord.uploads import Upload, laid_out, not_allowed, too_large
from bot.domain import Artifact, Post, ThreadKey
from bot.errors import PlatformError

log = structlog.get_logger(__name__)

_EPOCH_SECONDS = 1_420_070_400  # Discord's ids count from 2015 [doc: snowflakes]
_TOO_LARGE_CODE, _TOO_LARGE_STATUS = 40005, 413  # [facts: discord]
_EMPTY = "-# Done: there is nothing more to say."


class Delivery:
    """Sends the posts of one turn: the first takes the place of `surface`, its status."""

    def __init__(
        self, context: DiscordContext, key: ThreadKey, turn_id: str, desk: Desk, surface: Posted
    ) -> None:
        self._context = context
        self._key = key
        self._turn_id = turn_id
        self._desk = desk
        self._surface = surface
        self._tried: dict[str, Posted | None] = {}  # what was looked for, where it was found
        self.lost = False  # somebody deleted the surface
        self.begun = False  # something of the answer stands in the chat

    async def deliver(self, post: Post) -> Posted:
        """Send a post, and what follows it: files that it has no room for.

        Raises:
            AmbiguousSend: it may have arrived.
            PlatformError: it did not.
        """
        context = self._context
        limit_bytes = await context.file_limits.of(self._key, post.artifacts)
        async with laid_out(
            context.services.blobs,
            self._key,
            post.artifacts,
            limit_bytes,
            parts_max=context.settings.discord_parts_max,
        ) as upload:
            return await self._send(post, upload)

    async def find(self, post: Post) -> Posted | None:
        """A post that stands in the chat, with all its files; where some may be missing, None,
        and `deliver` sends what is."""
        found = await self._look(post, posts.content_of(post))
        self._tried[post.id] = found
        return found if not post.artifacts else None

    async def _look(self, post: Post, text: str) -> Posted | None:
        found = await self._desk.find(post.id, text, self._surface.message_id - 1)
        self.begun = self.begun or found is not None
        return found

    @property
    def too_old(self) -> bool:
        """Whether the surface is better not edited any more [facts: discord]."""
        born = (self._surface.message_id >> 22) / 1000 + _EPOCH_SECONDS
        return time.time() - born > self._context.settings.discord_edit_age_seconds

    async def _send(self, post: Post, upload: Upload) -> Posted:
        first, *more = upload.portioned(self._context.portions)
        again, posted = post.id in self._tried, self._tried.get(post.id)
        if again and posted is None and upload.notes:
            posted = await self._look(post, self._content(post, first).text)
        if posted is None:
            try:
                posted = await self._place(post, self._content(post, first))
            except Refused as refused:
                if not because_of_files(refused) or not upload.files:
                    raise
                log.warning("files refused", turn=self._turn_id, code=refused.code)
                posted = await self._place(post, self._content(post, Upload(notes=first.notes)))
                more = [Upload((piece,)) for piece in upload.files]
        self.begun = True
        apart = upload.notes if self._notes_apart(post, upload) else ()
        for number, text in enumerate(split(pictures.notes(apart), CONTENT_CHARS_MAX)):
            await self._follow(Content(text), f"{post.id}:notes:{number}", again=again)
        await self._send_files(post, more, again=again)
        return posted

    async def _send_files(self, post: Post, uploads: Iterable[Upload], *, again: bool) -> None:
        """Files in messages of their own; those that are refused are named, once each."""
        refusals: dict[Artifact, str] = {}
        for number, upload in enumerate(uploads):
            left = tuple(piece for piece in upload.files if piece.artifact not in refusals)
            if not left:
                continue
            upload = Upload(left)
            try:
                content = Content(upload.caption, upload)
                await self._follow(content, f"{post.id}:{number}", again=again)
            except Refused as refused:
                if not because_of_files(refused):
                    raise
                named = not_allowed if refused.code == NO_PERMISSION else too_large
                refusals |= {piece.artifact: named(piece.artifact) for piece in upload.files}
        small = split(pictures.notes(list(refusals.values())), CONTENT_CHARS_MAX)
        for number, text in enumerate(small):
            await self._follow(Content(text), f"{post.id}:refused:{number}", again=again)

    async def _follow(self, content: Content, identity: str, *, again: bool) -> None:
        """A message after the post; one that may be there already is looked for."""
        store, after = self._context.store, self._surface.message_id
        if again and await store.posted(identity) is not None:
            return
        there = await self._desk.find(identity, content.text, after) if again else None
        posted = there or await self._desk.send(content, identity)
        await store.note_post(identity, self._key, posted)

    async def _place(self, post: Post, content: Content) -> Posted:
        """Put content where the surface is, or below it where that can't be changed any more."""
        desk, surface = self._desk, self._surface
        first = post.id == f"{self._turn_id}:0"
        if first and not self.lost and not self.too_old:
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
            await self._desk.delete(self._surface)
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


def because_of_files(refused: Refused) -> bool:
    """Whether a message may well be taken without its files."""
    large = refused.code == _TOO_LARGE_CODE or refused.status == _TOO_LARGE_STATUS
    return large or refused.code == NO_PERMISSION
