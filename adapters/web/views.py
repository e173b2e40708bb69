"""What the page is told, as JSON-able dictionaries. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from adapters.web import render
from adapters.web.records import Conversation, Message, MessageState, Role
from adapters.web.tracebacks import ends_in_traceback
from bot.domain import (
    Artifact,
    Attachment,
    CodeRun,
    Post,
    Progress,
    RunState,
    WorkspaceFile,
    WorkspaceView,
)
from bot.ports import Choice, CommandResult, CommandSpec

View = dict[str, Any]

# Types a browser draws without running anything; SVG and HTML are not among them.
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_IMPORTS = ("import ", "from ")
_IMAGE_URL = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")


def conversation_view(conversation: Conversation) -> View:
    """A line of the list."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "updated_at": conversation.updated_at.isoformat(),
    }


def message_view(message: Message, live: Progress | None, *, log_limit_chars: int) -> View:
    """A person's message, a note, or an answer; `live` says how a running one stands."""
    view: View = {
        "id": message.id,
        "role": message.role.value,
        "state": message.state.value,
        "created_at": message.created_at.isoformat(),
    }
    if message.role is Role.NOTE:
        return view | {"text": message.text}
    if message.role is Role.PERSON:
        files = [upload_view(message.conversation_id, file) for file in message.attachments]
        return view | {"text": message.text, "files": files}
    view |= {"turn_id": message.turn_id, "good": message.good}
    if message.post is not None:
        return view | _post_view(message.conversation_id, message.post, log_limit_chars)
    return view | progress_view(live or _standing(message.state), log_limit_chars=log_limit_chars)


def progress_view(progress: Progress, *, log_limit_chars: int) -> View:
    """How a running answer stands."""
    return {
        "status": progress.status,
        "html": render.markdown(progress.text),
        "runs": [run_view(run, log_limit_chars) for run in progress.runs],
    }


def run_view(run: CodeRun, log_limit_chars: int) -> View:
    """One run of code. Long logs keep their beginning and end."""
    return {
        "id": run.id,
        "state": _run_state(run),
        "title": _title(run.code),
        "code": run.code,
        "code_html": render.kept_highlighted(run.code),
        "logs": clipped(run.logs, log_limit_chars),
        "images": [url for url in run.images if _IMAGE_URL.fullmatch(url)],
    }


def upload_view(conversation_id: str, file: Attachment) -> View:
    """A file that a person sent."""
    return _file_view(conversation_id, "uploads", file.id, file.name, file.media_type) | {
        "size_bytes": file.size_bytes
    }


def artifact_view(conversation_id: str, artifact: Artifact) -> View:
    """A file that the code made."""
    return _file_view(
        conversation_id, "artifacts", artifact.id, artifact.name, artifact.media_type
    ) | {"size_bytes": artifact.blob.size_bytes}


def workspace_file_view(file: WorkspaceFile) -> View:
    """A line of the files panel."""
    return asdict(file)


def spec_view(spec: CommandSpec) -> View:
    """A command, as menus and the composer offer it."""
    return {
        "name": spec.name,
        "help": spec.help,
        "listed": spec.listed,
        "arguments": [asdict(argument) for argument in spec.arguments],
    }


def choice_view(choice: Choice) -> View:
    """A value for an argument."""
    return asdict(choice)


def result_view(conversation_id: str, result: CommandResult) -> View:
    """What a command said, with its files and next steps."""
    files = [artifact_view(conversation_id, artifact) for artifact in result.files]
    for file, artifact in zip(files, result.files, strict=True):
        # Browsers keep what an address gave; the next archive may have the same id.
        file["url"] += f"?v={artifact.blob.sha256[:12]}"
    urls = {file["id"]: file["url"] for file in files}
    return {
        "ok": result.ok,
        "html": render.markdown(result.text, urls),
        "files": files,
        "actions": [asdict(action) for action in result.actions],
    }


def workspace_view(view: WorkspaceView) -> View:
    """The container; the time left in seconds, as the browser's clock may differ from ours."""
    left = None
    if view.expires_at is not None:
        left = max(0.0, (view.expires_at - datetime.now(UTC)).total_seconds())
    return {
        "state": view.state.value,
        "container_id": view.container_id,
        "memory_limit": view.memory_limit,
        "expires_in_seconds": left,
        "file_count": view.file_count,
    }


def clipped(text: str, limit_chars: int) -> str:
    """The text, its middle left out where it is longer than `limit_chars`."""
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def last_part(name: str) -> str:
    """The last part of a name that may be a path, fit for an address; never empty or dots."""
    last = re.split(r"[/\\]", name)[-1]
    return last if last.strip(". ") else "file"


def _post_view(conversation_id: str, post: Post, log_limit_chars: int) -> View:
    files = [artifact_view(conversation_id, artifact) for artifact in post.artifacts]
    urls = tuple((file["id"], file["url"]) for file in files)
    return {
        "status": "",
        "html": render.kept_markdown(post.text, urls),
        "text": post.text,
        "runs": [run_view(run, log_limit_chars) for run in post.runs],
        "files": files,
        "notes": list(post.notes),
        "actions": [asdict(action) for action in post.actions],
        "failed": post.failed,
    }


def _standing(state: MessageState) -> Progress:
    """The picture of an answer that nobody shows at the moment, such as after a restart."""
    paused = "Interrupted; it goes on as soon as possible…"
    return Progress(status=paused if state is MessageState.PAUSED else "Working…")


def _file_view(conversation_id: str, kind: str, file_id: str, name: str, media_type: str) -> View:
    parts = (conversation_id, kind, file_id, last_part(name))
    path = "/".join(quote(part, safe="") for part in parts)
    return {
        "id": file_id,
        "name": name,
        "media_type": media_type,
        "image": media_type in IMAGE_TYPES,
        "url": f"/api/conversations/{path}",
    }


def _run_state(run: CodeRun) -> str:
    """A run's state; "raised" for code that ran and ended in an exception."""
    raised = run.state is RunState.DONE and ends_in_traceback(run.logs)
    return "raised" if raised else run.state.value


def _title(code: str) -> str:
    """What a run is about: the comment that it begins with, before or after its imports."""
    lines = (line.rstrip() for line in code.splitlines())
    first = next((line for line in lines if line and not line.startswith(_IMPORTS)), "")
    return first.lstrip("# ").strip()[:100] if first.startswith("#") else ""


def changed_runs(before: Sequence[View], after: Sequence[View]) -> list[View]:
    """The runs of `after` that differ from those in `before`."""
    known = {run["id"]: run for run in before}
    return [run for run in after if known.get(run["id"]) != run]
