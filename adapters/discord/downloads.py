"""The bytes of what people attached: from Discord's own hosts alone, links renewed if need be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from urllib.parse import urlsplit

import discord
import httpx
import structlog

from adapters.discord.rest import Rest
from adapters.discord.settings import DiscordSettings
from bot.domain import Attachment
from bot.errors import AttachmentInterrupted, AttachmentUnavailable, PlatformError

log = structlog.get_logger(__name__)

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_CHUNK_BYTES = 1 << 18
_GONE = (403, 404, 410)  # an expired link, or a deleted file


class Downloads:
    """Streams attachments."""

    def __init__(self, settings: DiscordSettings, rest: Rest) -> None:
        self._settings = settings
        self._rest = rest
        own = settings.discord_api_url
        self._own = urlsplit(str(own)) if own is not None else None
        self._timeout = httpx.Timeout(settings.discord_download_idle_seconds)

    async def read(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """The bytes, in chunks.

        Raises:
            AttachmentUnavailable: with a sentence that tells the person why;
                AttachmentInterrupted where another try may succeed.
        """
        url = attachment.locator.get("url", "")
        if not self.trusted(url):
            raise AttachmentUnavailable(f"{attachment.name} does not lie with Discord.")
        try:
            async with aclosing(self._stream(url)) as chunks:
                async for chunk in chunks:
                    yield chunk
                return
        except _Expired:
            log.info("attachment's link has expired", attachment=attachment.id)
        except httpx.HTTPError as error:
            raise _broken(attachment, error) from error
        try:
            async with aclosing(self._stream(await self._renewed(attachment))) as chunks:
                async for chunk in chunks:
                    yield chunk
        except _Expired as error:
            raise _gone(attachment) from error
        except httpx.HTTPError as error:
            raise _broken(attachment, error) from error

    def trusted(self, url: str) -> bool:
        """Whether a link leads to Discord's files, or to the server set in place of its API."""
        try:
            parts = urlsplit(url)
            if parts.scheme == "https" and parts.hostname in HOSTS and parts.port in (None, 443):
                return True
            own = self._own
            return own is not None and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
        except ValueError:  # no address at all
            return False

    async def _stream(self, url: str) -> AsyncGenerator[bytes, None]:
        async with (
            httpx.AsyncClient(timeout=self._timeout, follow_redirects=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code in _GONE:
                raise _Expired
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes(_CHUNK_BYTES):
                yield chunk

    async def _renewed(self, attachment: Attachment) -> str:
        """A fresh link, read from the message that holds the file."""
        channel, message = (attachment.locator.get(name) for name in ("channel", "message"))
        if not channel or not message:
            raise AttachmentUnavailable(
                f"The link to {attachment.name} has expired. Please attach it again."
            )

        async def fetch(client: discord.Client) -> discord.Message:
            place = client.get_partial_messageable(int(channel))
            return await place.fetch_message(int(message))

        try:
            found = await self._rest.call(fetch)
        except PlatformError as error:
            raise _gone(attachment) from error
        files = [*found.attachments, *(f for s in found.message_snapshots for f in s.attachments)]
        url = next((file.url for file in files if str(file.id) == attachment.id), "")
        if not self.trusted(url):
            raise _gone(attachment)
        return url


class _Expired(Exception):
    """The link no longer leads to the file."""


def _gone(attachment: Attachment) -> AttachmentUnavailable:
    return AttachmentUnavailable(f"{attachment.name} is no longer on Discord.")


def _broken(attachment: Attachment, error: httpx.HTTPError) -> AttachmentUnavailable:
    log.warning("attachment not read", attachment=attachment.id, error=repr(error))
    sentence = f"{attachment.name} could not be downloaded from Discord."
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    for_good = status is not None and status < 500 and status != httpx.codes.TOO_MANY_REQUESTS
    return AttachmentUnavailable(sentence) if for_good else AttachmentInterrupted(sentence)
