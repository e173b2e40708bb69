"""The command about a thread's files: list, get, delete, zip."""

from __future__ import annotations

import difflib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.archive import Entry, archive_names, zipped
from bot.commands.registry import CHOICES_MAX, Call, Command
from bot.domain import Action, Artifact, ThreadKey
from bot.errors import BadArguments, TooLarge
from bot.markup import plain
from bot.ports import Argument, Choice, CommandResult, CommandSpec
from bot.store.files import Origin, StoredFile, versions_by_name

if TYPE_CHECKING:
    from bot.blobs import BlobStore
    from bot.settings import Settings
    from bot.store.files import Files
    from bot.workspace import Workspace

LISTED_MAX = 40
BUTTONS_MAX = 4
LABEL_NAME_MAX = 30
ACTION_CHARACTERS_MAX = 80  # of a button's command and arguments [bot/domain.py]
BYTES_PER_MB = 1_000_000
ENTRY_BYTES_MAX = 4_096  # what a zip adds to a file

_NUMBERED = re.compile(r"(?P<name>.+)@(?P<number>[0-9]{1,6})", re.DOTALL)

Versions = Mapping[str, Sequence[StoredFile]]


class FilesCommands:
    """What a person does about single files."""

    def __init__(
        self, settings: Settings, *, files: Files, blobs: BlobStore, workspace: Workspace
    ) -> None:
        self._zip_max_bytes = settings.zip_max_mb * BYTES_PER_MB
        self._files = files
        self._blobs = blobs
        self._workspace = workspace

    @property
    def commands(self) -> tuple[Command, ...]:
        """The group's commands."""
        choices = ("get", "delete", "zip")
        what = Argument(
            "what", "what to do; without it they are listed", False, choices, loose=True
        )
        name = Argument("name", "a file's name", completes=True)
        help_ = "the files in the workspace: get one, delete one, or all as a zip"
        return (Command(CommandSpec("files", help_, (what, name)), self._run, self._names),)

    async def _run(self, call: Call) -> CommandResult:
        what, name = call.values.get("what"), call.values.get("name")
        what = "get" if what is None and name else what  # `files sales.csv`
        if what in ("get", "delete") and not name:
            raise BadArguments(f"`files {what}` needs a file's name. Write `files {what} <name>`.")
        if what == "zip" and name:
            raise BadArguments("`files zip` takes no name: it has all of them.")
        by_name = versions_by_name(await self._files.of_thread(call.key))
        if not by_name:
            return CommandResult("No files yet: drop some into the thread.")
        if what == "get":
            return await self._get(call.key, by_name, name or "")
        if what == "delete":
            return await self._delete(call.key, by_name, name or "")
        return await self._zip(call.key, by_name) if what == "zip" else _listing(by_name)

    async def _get(self, key: ThreadKey, by_name: Versions, name: str) -> CommandResult:
        file = version_of(by_name, name)
        if file is None:
            return CommandResult(_unknown(by_name, name), ok=False)
        if not await self._blobs.has(key, file.sha256):
            return CommandResult(f"The bytes of {code(name)} are lost.", ok=False)
        text = f"{code(name)}, {_size(file.size_bytes)}."
        return CommandResult(text, files=(file.as_artifact(),))

    async def _delete(self, key: ThreadKey, by_name: Versions, name: str) -> CommandResult:
        found = find(by_name, name)
        if found is None:
            return CommandResult(_unknown(by_name, name), ok=False)
        versions = by_name[found]
        await self._workspace.delete(key, versions)
        also = f", with its {len(versions)} versions" if len(versions) > 1 else ""
        return CommandResult(f"{code(found)} was deleted{also}.", public=True)

    async def _zip(self, key: ThreadKey, by_name: Versions) -> CommandResult:
        newest = [versions[-1] for versions in by_name.values()]
        files = [file for file in newest if await self._blobs.has(key, file.sha256)]
        size_bytes = sum(file.size_bytes for file in files)
        too_large = (
            f"All files together are larger than one zip may be ({_size(self._zip_max_bytes)}): "
            "get them one by one."
        )
        if size_bytes > self._zip_max_bytes:
            return CommandResult(too_large, ok=False)
        names = archive_names([file.name for file in files])
        entries = (
            Entry(name, self._blobs.open(key, file.sha256), file.created_at)
            for name, file in zip(names, files, strict=True)
        )
        chunks: AsyncIterator[bytes] = zipped(entries)
        try:
            limit_bytes = self._zip_max_bytes + ENTRY_BYTES_MAX * len(files)
            blob = await self._blobs.put(key, chunks, limit_bytes=limit_bytes)
        except TooLarge:
            return CommandResult(too_large, ok=False)
        archive = Artifact(f"zip_{blob.sha256[:16]}", "workspace.zip", "application/zip", blob)
        lost = ", ".join(code(file.name) for file in newest if file not in files)
        text = f"{_count(len(files))} in one zip." + (
            f" The bytes of {lost} are lost." if lost else ""
        )
        return CommandResult(text, files=(archive,))

    async def _names(self, call: Call, argument: str, typed: str) -> Iterable[Choice]:
        if argument != "name":
            return []
        by_name = versions_by_name(await self._files.of_thread(call.key))
        wanted = typed.casefold()
        names = [name for name in reversed(by_name) if wanted in name.casefold()]
        return [Choice(name, name) for name in names[:CHOICES_MAX]]


def find(by_name: Versions, name: str) -> str | None:
    """The name of a file as a person may write it: also without folders, and in any case."""
    if name in by_name:
        return name
    like = [
        known
        for known, versions in by_name.items()
        if name.casefold() in (known.casefold(), versions[-1].plain_name.casefold())
    ]
    return like[0] if len(like) == 1 else None


def version_of(by_name: Versions, wanted: str) -> StoredFile | None:
    """The newest version of a file, or the one that `name@2` asks for; 1 is the oldest."""
    if wanted in by_name:
        return by_name[wanted][-1]
    numbered = _NUMBERED.fullmatch(wanted)
    found = find(by_name, numbered["name"]) if numbered else None
    if numbered and found is not None and 1 <= int(numbered["number"]) <= len(by_name[found]):
        return by_name[found][int(numbered["number"]) - 1]
    found = find(by_name, wanted)
    return by_name[found][-1] if found is not None else None


def _unknown(by_name: Versions, name: str) -> str:
    near = difflib.get_close_matches(name, list(by_name), n=3)
    known = ", ".join(code(known) for known in near or list(by_name)[: -LISTED_MAX - 1 : -1][:5])
    return f"There is no file {code(name)} here. There is: {known}."


def _listing(by_name: Versions) -> CommandResult:
    newest_first = list(by_name.items())[::-1]
    lines = [_line(name, versions) for name, versions in newest_first[:LISTED_MAX]]
    if len(newest_first) > LISTED_MAX:
        lines.append(f"- and {len(newest_first) - LISTED_MAX} older ones; the zip has all.")
    size_bytes = sum(versions[-1].size_bytes for _, versions in newest_first)
    head = f"{_count(len(newest_first))} in the workspace, {_size(size_bytes)} together:"
    some = max(by_name.items(), key=lambda item: len(item[1]))
    if len(some[1]) > 1:
        lines.append(f"\nAn older version: `files get {_ticked(some[0])}@1`.")
    gets = [Action("files", _label(name), f"get {name}") for name, _ in newest_first]
    buttons = [action for action in gets if _fits(action)][:BUTTONS_MAX]
    return CommandResult(
        "\n".join([head, "", *lines]), actions=(Action("files", "All as a zip", "zip"), *buttons)
    )


def _line(name: str, versions: Sequence[StoredFile]) -> str:
    file = versions[-1]
    if file.origin is Origin.CODE:
        brought = "made by code"
    else:
        brought = f"from {plain(file.author_name)}" if file.author_name else "sent by a person"
    several = f", {len(versions)} versions" if len(versions) > 1 else ""
    return f"- {code(name)}: {_size(file.size_bytes)}, {brought}{several}"


def _label(name: str) -> str:
    """What stands on a button: names are cut, what it does is not."""
    cut = name if len(name) <= LABEL_NAME_MAX else f"{name[: LABEL_NAME_MAX - 1]}…"
    return f"Get {cut}"


def _fits(action: Action) -> bool:
    return len(f"{action.command} {action.arguments}") < ACTION_CHARACTERS_MAX


def _count(files: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}"


def code(name: str) -> str:
    """A name, in which nothing is markup."""
    return f"`{_ticked(name)}`"


def _ticked(name: str) -> str:
    return name.replace("`", "'")


def _size(size_bytes: int) -> str:
    if size_bytes < 1_000:
        return f"{size_bytes} byte{'' if size_bytes == 1 else 's'}"
    if size_bytes < BYTES_PER_MB:
        return f"{size_bytes / 1_000:.0f} kB"
    return f"{size_bytes / BYTES_PER_MB:.1f} MB"
