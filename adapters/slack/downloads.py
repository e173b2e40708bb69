"""Files that people sent, streamed from Slack's own hosts with the bot's token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from adapters.slack.api import Refused
from adapters.slack.events import attachment as attachment_of
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import Team
from bot.domain import Attachment
from bot.errors import AttachmentInterrupted, AttachmentUnavailable, PlatformError

log = structlog.get_logger(__name__)

_HOSTS = ("slack.com", "slack-gov.com", "slack-files.com", "slack-files-gov.com")
_REDIRECTS_MAX = 3
_FIRST_BYTES = 64
_HTML = (b"<!doctype html", b"<html")

_UNUSABLE = {
    "tombstone": "“{name}” was deleted.",
    "hidden_by_limit": "“{name}” is hidden by the limits of this workspace's Slack plan.",
    "canvas": "“{name}” is a canvas, which has no file; send it as a PDF, or copy its text here.",
    "list": "“{name}” is a Slack list, which has no file; export it as CSV, and send that.",
    "external": "“{name}” lies outside Slack (in a drive); send the file itself.",
}
LOGIN_PAGE = (
    "In place of “{name}” came Slack's login page: the app lacks the scope files:read. Whoever "
    "manages the app has to add it and install it again."
)
_GONE = "“{name}” can't be had from Slack (any more)."
_BROKEN = "“{name}” could not be fetched from Slack; please send it again."


class Downloads:
    """Reads attachments."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings

    async def read(self, team: Team, attachment: Attachment) -> AsyncIterator[bytes]:
        """A file's bytes, in chunks.

        Raises:
            AttachmentUnavailable: with a sentence that says why; AttachmentInterrupted where
                another try may succeed.
        """
        attachment = await resolved(team, attachment)
        url = self._checked(attachment, attachment.locator.get("url", ""))
        timeout = httpx.Timeout(self._settings.slack_transfer_seconds)
        try:
            async with httpx.AsyncClient(timeout=timeout) as client:
                async for chunk in self._stream(client, team, attachment, url):
                    yield chunk
        except httpx.HTTPError as error:
            log.warning("download failed", file=attachment.id, error=repr(error))
            raise AttachmentInterrupted(_BROKEN.format(name=attachment.name)) from error

    async def _stream(
        self, client: httpx.AsyncClient, team: Team, attachment: Attachment, url: str
    ) -> AsyncIterator[bytes]:
        for _ in range(_REDIRECTS_MAX + 1):
            headers = {"Authorization": f"Bearer {team.api.token}"}
            async with client.stream("GET", url, headers=headers) as response:
                if response.is_redirect:
                    url = self._redirected(attachment, url, response)
                    continue
                _check(attachment, response)
                async for chunk in _no_login_page(attachment, response):
                    yield chunk
                return
        raise AttachmentUnavailable(_GONE.format(name=attachment.name))

    def _redirected(self, attachment: Attachment, url: str, response: httpx.Response) -> str:
        target = urljoin(url, response.headers.get("Location", ""))
        if urlsplit(target).path.startswith(("/signin", "/login")) or "redir=" in target:
            raise AttachmentUnavailable(LOGIN_PAGE.format(name=attachment.name))
        return self._checked(attachment, target)

    def _checked(self, attachment: Attachment, url: str) -> str:
        """The address, where it is one of Slack's: the token goes nowhere else."""
        try:
            parts = urlsplit(url)
            host, secure = parts.hostname or "", parts.scheme == "https"
        except ValueError:
            host, secure, parts = "", False, urlsplit("")
        slacks = secure and any(host == one or host.endswith(f".{one}") for one in _HOSTS)
        same_as_api = bool(host) and url.startswith(self._settings.api_origin + "/")
        if not (slacks or same_as_api):
            log.warning("download refused", file=attachment.id, host=host)
            raise AttachmentUnavailable(_GONE.format(name=attachment.name))
        return url


async def resolved(team: Team, attachment: Attachment) -> Attachment:
    """The file itself, where a message from another organisation brought only its id.

    Raises:
        AttachmentUnavailable: it can't be used, and why.
    """
    mode = attachment.locator.get("mode", "")
    if mode in _UNUSABLE:
        raise AttachmentUnavailable(_UNUSABLE[mode].format(name=attachment.name))
    if mode != "connect":
        return attachment
    try:
        found = await team.api.call("files.info", file=attachment.locator.get("file", ""))
    except Refused as error:
        sentence = LOGIN_PAGE if error.error == "missing_scope" else _GONE
        raise AttachmentUnavailable(sentence.format(name=attachment.name)) from error
    except PlatformError as error:
        raise AttachmentInterrupted(_BROKEN.format(name=attachment.name)) from error
    known = attachment_of({**found["file"], "file_access": "visible"})
    if known.locator["mode"] in _UNUSABLE:
        raise AttachmentUnavailable(_UNUSABLE[known.locator["mode"]].format(name=known.name))
    return known


def _check(attachment: Attachment, response: httpx.Response) -> None:
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise AttachmentUnavailable(LOGIN_PAGE.format(name=attachment.name))
    busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
    if busy or response.is_server_error:
        raise AttachmentInterrupted(_BROKEN.format(name=attachment.name))
    if response.status_code != httpx.codes.OK:
        log.warning("download refused", file=attachment.id, status=response.status_code)
        raise AttachmentUnavailable(_GONE.format(name=attachment.name))


async def _no_login_page(attachment: Attachment, response: httpx.Response) -> AsyncIterator[bytes]:
    """The bytes. A page of HTML that is as long as what was sent is what was sent, whatever its
    name; any other is Slack's login."""
    begun, size_bytes = b"", 0
    async for chunk in response.aiter_bytes():
        begun += chunk[: _FIRST_BYTES - len(begun)]
        size_bytes += len(chunk)
        yield chunk
    named_html = response.headers.get("Content-Type", "").startswith("text/html")
    if named_html or begun.lstrip().lower().startswith(_HTML):
        sent_as_such = attachment.media_type.startswith("text/html")
        known_bytes = attachment.size_bytes
        if not (sent_as_such if known_bytes is None else known_bytes == size_bytes):
            raise AttachmentUnavailable(LOGIN_PAGE.format(name=attachment.name))
