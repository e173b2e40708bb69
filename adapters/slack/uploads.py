"""Files into a thread: sent as streams, shared together and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import structlog

from adapters.slack.api import Refused
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import Team
from bot.domain import Artifact, ThreadKey
from bot.errors import AmbiguousSend, BlobMissing, PlatformError
from bot.ports import Blobs

log = structlog.get_logger(__name__)

NOT_UPLOADED = "{names} could not be shown here: {why} It is kept: `files get` tries again."
_WHY = {
    "missing_scope": "the app lacks the scope files:write, which whoever manages it has to add.",
    "storage_limit_reached": "this workspace's storage in Slack is full.",
    "file_uploads_disabled": "this workspace allows no uploads.",
}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that Slack has, and that is not shared yet; of which artifact."""

    id: str
    name: str
    artifact: str


class Uploads:
    """Brings files of a thread into Slack."""

    def __init__(self, settings: SlackSettings, blobs: Blobs) -> None:
        self._settings = settings
        self._blobs = blobs

    async def send(
        self, team: Team, key: ThreadKey, artifacts: Sequence[Artifact]
    ) -> tuple[list[Uploaded], list[str]]:
        """Send the bytes; nothing is shared yet, so a repeat does no harm.

        Returns:
            What Slack has, and sentences about what it would not take.
        """
        uploaded, problems = [], []
        for artifact in artifacts:
            try:
                uploaded.append(await self._send(team, key, artifact))
            except (PlatformError, BlobMissing) as error:
                log.warning("upload failed", thread=str(key), file=artifact.id, error=str(error))
                problems.append(NOT_UPLOADED.format(names=f"`{artifact.name}`", why=why(error)))
        return uploaded, problems

    async def share(self, team: Team, key: ThreadKey, files: Sequence[Uploaded]) -> None:
        """Show the files in the thread, all at once.

        Raises:
            AmbiguousSend: they may be there.
            PlatformError: they are not.
        """
        await team.api.call(
            "files.completeUploadExternal",
            files=[{"id": file.id, "title": file.name} for file in files],
            channel_id=key.channel,
            thread_ts=key.thread,
        )

    async def _send(self, team: Team, key: ThreadKey, artifact: Artifact) -> Uploaded:
        attempts = self._settings.slack_upload_attempts
        for attempt in range(1, attempts + 1):
            try:
                return await self._send_once(team, key, artifact)
            except Refused:
                raise
            except PlatformError as error:
                log.info("upload to be repeated", file=artifact.id, error=str(error))
                if attempt == attempts:
                    raise
                wait_ms = self._settings.slack_upload_wait_ms * 2 ** (attempt - 1)
                await asyncio.sleep(wait_ms / 1000)
        raise AssertionError("there is at least one attempt")

    async def _send_once(self, team: Team, key: ThreadKey, artifact: Artifact) -> Uploaded:
        # No alt_txt: with it the share has been seen to be dropped [facts: slack].
        granted = await team.api.call(
            "files.getUploadURLExternal",
            filename=artifact.name,
            length=artifact.blob.size_bytes,
        )
        try:
            async with httpx.AsyncClient(timeout=self._settings.slack_transfer_seconds) as client:
                answer = await client.post(
                    str(granted["upload_url"]),
                    content=self._blobs.open(key, artifact.blob.sha256),
                    headers={
                        "Content-Type": "application/octet-stream",
                        "Content-Length": str(artifact.blob.size_bytes),
                    },
                )
        except httpx.HTTPError as error:
            raise AmbiguousSend(f"The upload broke off: {error!r}") from error
        if answer.status_code != httpx.codes.OK:
            raise PlatformError(f"Slack answered an upload with {answer.status_code}.")
        return Uploaded(str(granted["file_id"]), artifact.name, artifact.id)


def why(error: Exception) -> str:
    """Why Slack has not taken files, for people; its own words are in the log."""
    known = _WHY.get(error.error) if isinstance(error, Refused) else None
    return known or "Slack did not take it."
