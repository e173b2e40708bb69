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
    """Paths of the files that code `made` and of those `sent` with the question, in their order;
    names of the `refused` ones, each with the reason.

    Where the chat sent no note on files, `sent` is None.
    """

    made: frozenset[str] = frozenset()
    sent: tuple[str, ...] | None = None
    refused: tuple[tuple[str, str], ...] = ()

    def told_apart(self, files: Sequence[LabFile]) -> list[LabFile]:
        """The files, those of `assistant` that the note says code made: in a container that was
        built anew every file came by upload."""
        return [
            replace(file, source="assistant") if file.path in self.made else file for file in files
        ]


NO_NOTE = ChatNote()


def read_note(context: str) -> ChatNote:
    """The note in the messages around a question; an empty one where there is none."""
    lines = [(_path_in(line["path"]), line["about"]) for line in _FILE.finditer(context)]
    made = frozenset(path for path, about in lines if "made by earlier code" in about)
    sent = tuple(path for path, about in lines if about.endswith("with this question"))
    refused = tuple((line["name"], line["why"]) for line in _REFUSED.finditer(context))
    return ChatNote(made, sent if lines else None, refused)


def _path_in(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except json.JSONDecodeError:
        return quoted.strip('"')
