"""files.*, the raw upload and the download: files in and out of the workspace."""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import StreamReader

from tests.fakes.slack import events
from tests.fakes.slack.methods import ApiError, Call, method
from tests.fakes.slack.records import Channel, File, Json, Message

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

_IN_MEMORY_BYTES = 8 * 2**20
_PIECE_BYTES = 2**20
_DOCUMENTS = {"quip": "application/vnd.slack-docs", "list": "application/vnd.slack-list"}
MODES = (
    "quip",
    "list",
    "hosted",
    "snippet",
    "tombstone",
    "hidden_by_limit",
    "external",
    "check_file_info",
)


class Files:
    """All files, and the uploads that wait for their bytes (by ticket)."""

    def __init__(self, slack: FakeSlack) -> None:
        self.all: dict[str, File] = {}
        self.awaited: dict[str, tuple[File, int]] = {}
        self._slack = slack
        self._folder = tempfile.TemporaryDirectory(prefix="fake-slack-")

    def close(self) -> None:
        """Delete what was kept on disk."""
        self._folder.cleanup()

    def new(
        self, name: str, content: bytes | Path, user: str, team: str, mode: str = "hosted"
    ) -> File:
        """A file on the server; `mode` is one of MODES."""
        assert mode in MODES, mode
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kind = _DOCUMENTS.get(mode, guessed)
        now = int(self._slack.clock.now())
        file = File(f"F{len(self.all):08d}", name, name, kind, content, user, team, now, mode)
        file.url = f"{self._slack.url}/files-pri/{team}-{file.id}/download/{quote(name)}"
        self.all[file.id] = file
        return file

    def as_json(self, file: File, channel: str | None = None) -> Json:
        """The file object; the stub of Slack Connect where that is its mode."""
        if file.mode == "check_file_info" and channel is not None:
            return {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}
        if file.mode in ("tombstone", "hidden_by_limit"):
            return {"id": file.id, "mode": file.mode}
        suffix = Path(file.name).suffix.removeprefix(".")
        shown: Json = {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.title,
            "mimetype": file.mimetype,
            "filetype": suffix or "binary",
            "pretty_type": suffix.upper() or "Binary",
            "user": file.user,
            "user_team": file.team,
            "editable": False,
            "size": file.size_bytes,
            "mode": "hosted" if file.mode == "check_file_info" else file.mode,
            "is_external": False,
            "external_type": "",
            "is_public": False,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": file.url.replace("/download/", "/"),
            "url_private_download": file.url,
            "permalink": f"{self._slack.url}/files/{file.user}/{file.id}/{quote(file.name)}",
            "is_starred": False,
            "has_rich_preview": False,
            "file_access": "visible",
        }
        if file.mode == "external":
            shown |= {"is_external": True, "external_type": "gdrive"}
            shown["url_private"] = f"https://docs.example.com/{file.id}"
            del shown["url_private_download"]
        return shown

    async def read(self, body: StreamReader) -> tuple[bytes | Path, int]:
        """An upload's bytes, in a temporary file if they are many, and their number."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spool:
            async for piece in body.iter_chunked(_PIECE_BYTES):
                spool.write(piece)
            size_bytes = spool.tell()
            spool.seek(0)
            if size_bytes <= _IN_MEMORY_BYTES:
                return spool.read(), size_bytes
            path = Path(self._folder.name) / secrets.token_hex(8)
            with path.open("wb") as kept:
                shutil.copyfileobj(spool, kept)
            return path, size_bytes

    def receive(self, ticket: str, content: bytes | Path, size_bytes: int) -> str | None:
        """Take an upload's bytes; why they are refused, else None."""
        if ticket not in self.awaited:
            return "unknown upload ticket"
        file, length = self.awaited[ticket]
        if size_bytes != length:
            return f"{length} bytes were announced, {size_bytes} came"
        file.content = content
        file.completed = False
        del self.awaited[ticket]
        return None


@method(
    "files.getUploadURLExternal",
    scope="files:write",
    optional={"filename": str, "length": int, "alt_txt": str, "snippet_type": str},
    changes=False,
)
async def get_upload_url(call: Call) -> Json:
    # [facts: slack] an empty file is refused with missing_argument
    if not call.get("filename") or not call.get("length"):
        raise ApiError("missing_argument")
    files = call.slack.files
    file = files.new(call.get("filename"), b"", call.team.bot_user_id, call.team.id)
    file.completed, file.alt_text = False, call.get("alt_txt")
    ticket = secrets.token_urlsafe(12)
    files.awaited[ticket] = (file, call.get("length"))
    return {"upload_url": f"{call.slack.url}/upload/v1/{ticket}", "file_id": file.id}


@method(
    "files.completeUploadExternal",
    scope="files:write",
    required={"files": list},
    optional={
        "channel_id": str,
        "channels": str,
        "thread_ts": str,
        "initial_comment": str,
        "blocks": list,
    },
)
async def complete_upload(call: Call) -> Json:
    uploaded = [_uploaded(call, given) for given in call.get("files")]
    shared_in = call.get("channel_id") or call.get("channels")
    if shared_in:
        call.arguments["channel_id"] = shared_in
        channel = call.channel("channel_id")
        thread_ts = call.thread(channel)
        # [facts: slack] a file with alt_txt has been seen to lose its share silently
        shown = [file for file in uploaded if file.alt_text is None]
        if shown:
            call.slack.spawn(_share(call, channel, thread_ts, shown))
    for file, given in zip(uploaded, call.get("files"), strict=True):
        file.completed, file.title = True, given.get("title") or file.name
    return {"files": [{"id": file.id, "title": file.title} for file in uploaded]}


@method(
    "files.info",
    scope="files:read",
    required={"file": str},
    optional={"count": int, "cursor": str, "limit": int, "page": int},
    changes=False,
)
async def info(call: Call) -> Json:
    file = call.slack.files.all.get(call.get("file"))
    if file is None or file.team != call.team.id:
        raise ApiError("file_not_found")
    if file.mode == "tombstone":
        raise ApiError("file_deleted")
    shares = {channel: [{"ts": ts} for ts in found] for channel, found in file.shares.items()}
    return {"file": call.slack.files.as_json(file) | {"shares": {"public": shares}}}


def _uploaded(call: Call, given: Json) -> File:
    file = call.slack.files.all.get(given.get("id", ""))
    waiting = [one for one, _ in call.slack.files.awaited.values()]
    if file is None or file.completed or file in waiting:
        raise ApiError("file_not_found")
    return file


async def _share(call: Call, channel: Channel, thread_ts: str | None, files: list[File]) -> None:
    # Sharing is asynchronous: the answer comes before the message.
    await asyncio.sleep(call.slack.share_delay_seconds)
    message = Message(
        channel.id,
        call.slack.clock.ts(),
        call.team.bot_user_id,
        plain=call.get("initial_comment", ""),
        files=files,
        thread_ts=thread_ts,
        subtype="file_share",
        bot_id=call.team.bot_id,
    )
    channel.messages[message.ts] = message
    call.slack.sessions_of(channel.id, thread_ts).typing = ""
    for file in files:
        file.shares.setdefault(channel.id, []).append(message.ts)
    call.slack.tell(events.message(call.slack, channel, message))
