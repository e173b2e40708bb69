"""What the chat's note on its files says: which code made, which came now, which did not come."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.planner.protocol import LabFile

_FILE = re.compile(
    r'^- .* at (?P<path>"(?:[^"\\]|\\.)*") \((?P<about>\d+ bytes, .*)\)\s*$', re.MULTILINE
)
_REFUSED = re.compile(r"^- “(?P<name>[^”\n]+)” was not taken: (?P<why>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChatNote:
    """Paths of all `files`, oldest first, of those that code `made` and those `sent` with the
    question; names of the `refused` ones, each with the reason.

    Where the chat sent no note on files, `sent` is None.
    """

    files: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()
    sent: tuple[str, ...] | None = None
    refused: tuple[tuple[str, str], ...] = ()

    def told_apart(self, files: Sequence[LabFile]) -> list[LabFile]:
        """The files in the note's order, those of `assistant` that it says code made.

        In a container that was built anew every file came by upload, and in any order.
        """
        places = {path: place for place, path in enumerate(self.files)}
        in_order = sorted(files, key=lambda file: places.get(file.path, len(places)))
        return [
            replace(file, source="assistant") if file.path in self.made else file
            for file in in_order
        ]


NO_NOTE = ChatNote()


def read_note(context: str) -> ChatNote:
    """The note in the messages around a question; an empty one where there is none."""
    lines = [(_path_in(line["path"]), line["about"]) for line in _FILE.finditer(context)]
    made = frozenset(path for path, about in lines if "made by earlier code" in about)
    sent = tuple(path for path, about in lines if about.endswith("with this question"))
    refused = tuple((line["name"], line["why"]) for line in _REFUSED.finditer(context))
    return ChatNote(tuple(path for path, _ in lines), made, sent if lines else None, refused)


def _path_in(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except json.JSONDecodeError:
        return quoted.strip('"')
