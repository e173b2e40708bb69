"""An answer as messages that Discord takes: text in pieces, files in portions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.discord import pictures
from adapters.discord.markdown import as_discord
from adapters.discord.pictures import CONTENT_CHARS_MAX
from adapters.discord.splitting import split
from bot.domain import Answer, Artifact, Post

_LEAST_ROOM = 400  # characters beside long small print


@dataclass(frozen=True, slots=True)
class Portions:
    """How many files, and how many bytes of them, one message takes."""

    files: int
    total_bytes: int


def plan(answer: Answer, portions: Portions, *, room_chars: int = 0) -> Sequence[Post]:
    """Split an answer into posts: text first, files and buttons with the last of it.

    Each text leaves so many characters of room for something else in its message.
    Files that one message does not take follow in messages of their own, which are numbered.
    """
    frame, limit = _frame_chars(answer), CONTENT_CHARS_MAX - room_chars
    pieces = _pieces(_warned(as_discord(answer.text), failed=answer.failed), frame, limit)
    groups = portioned(answer.artifacts, portions)
    count = max(len(pieces), 1) + max(len(groups) - 1, 0)
    last_text = max(len(pieces), 1) - 1
    posts = []
    for number in range(count):
        group = number - last_text
        posts.append(
            Post(
                id=f"{answer.turn_id}:{number}",
                text=pieces[number] if number < len(pieces) else _numbered(groups, group),
                artifacts=groups[group] if 0 <= group < len(groups) else (),
                runs=answer.runs if number == last_text else (),
                notes=answer.notes if number == last_text else (),
                actions=answer.actions if number == count - 1 else (),
                failed=answer.failed,
            )
        )
    return tuple(posts)


def content_of(post: Post, more_notes: Sequence[str] = ()) -> str:
    """A post's text with its small print, within the limit."""
    small = [pictures.run_summary(post.runs), pictures.notes([*post.notes, *more_notes])]
    content = "\n".join(part for part in (post.text, *small) if part)
    if len(content) <= CONTENT_CHARS_MAX:
        return content
    return f"{content[: CONTENT_CHARS_MAX - 1]}…"  # small print beyond all measure


def portioned(artifacts: Sequence[Artifact], portions: Portions) -> list[tuple[Artifact, ...]]:
    """Files in groups that one message takes each."""
    groups: list[tuple[Artifact, ...]] = []
    taken_bytes = 0
    for artifact in artifacts:
        size = artifact.blob.size_bytes
        full = bool(groups) and (
            len(groups[-1]) >= portions.files or taken_bytes + size > portions.total_bytes
        )
        if full or not groups:
            groups.append(())
            taken_bytes = 0
        groups[-1] += (artifact,)
        taken_bytes += size
    return groups


def _numbered(groups: Sequence[Sequence[Artifact]], group: int) -> str:
    """Which of all files a further message brings: it is known again by that."""
    if not 0 < group < len(groups):
        return ""
    first = sum(len(each) for each in groups[:group]) + 1
    last, count = first + len(groups[group]) - 1, sum(len(each) for each in groups)
    named = f"File {first}" if first == last else f"Files {first} to {last}"
    return f"-# {named} of {count}"


def _frame_chars(answer: Answer) -> int:
    small = pictures.run_summary(answer.runs), pictures.notes(answer.notes)
    return sum(len(part) + 1 for part in small if part)


def _warned(text: str, *, failed: bool) -> str:
    return f"⚠️ {text}" if failed and text else text


def _pieces(text: str, frame_chars: int, limit_chars: int) -> list[str]:
    """Pieces of which the last leaves room for the small print."""
    pieces = split(text, limit_chars)
    room = max(limit_chars - frame_chars, _LEAST_ROOM)
    if pieces and len(pieces[-1]) > room:
        pieces[-1:] = split(pieces[-1], room)
    return pieces
