"""Dead `sandbox:` links in an answer, turned into links to the files that were kept."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from bot.events import Citation
from bot.names import name_in_data
from bot.store.files import StoredFile

_SCHEME = "sandbox:"
_BARE = r"""<sandbox:(?P<quoted>/[^<>\n]*)>
    | sandbox:(?P<bare>/(?: [^\s()<>\[\]"'`] | \([^\s()]*\) )++)"""
# Labels and addresses may have brackets in them, one level deep. `*+` is never tried twice.
_LINK = r"""(?P<bang>!?) (?<!\\) \[ (?P<label>(?: \\. | [^\[\]\\\n] | \[[^\[\]\n]*\] )*+) \]
    \( \s{0,9} (?: <sandbox:(?P<angled>[^<>\n]*)>
                 | sandbox:(?P<path>(?: \\. | [^()\\\n] | \([^()\n]*\) )*+) )
    (?: \s{1,9} "[^"\n]*" )? \s{0,9} \)"""
_DEAD = re.compile(f"{_LINK} | {_BARE}", re.VERBOSE)
_DEAD_IN_LABEL = re.compile(_BARE, re.VERBOSE)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_AFTER_ADDRESS = ".,;:!?*_~"  # at an address's end these belong to the sentence


def link(text: str, citations: Sequence[Citation], kept: Sequence[StoredFile]) -> str:
    """The answer with its `sandbox:` links turned into `artifact:` ones.

    A link that leads to no kept file becomes its plain text.
    """
    files = _by_path(kept)
    text = _with_cited(text, citations, kept, files)

    def live(match: re.Match[str]) -> str:
        if match["label"] is None:
            return _named(match, files)
        path = match["angled"] or _without_title(match["path"] or "")
        file = _find(_ESCAPE.sub(r"\1", path), files)
        label = _DEAD_IN_LABEL.sub(_plain, match["label"])
        shown = label or (_label(file) if file else _last(path))
        return f"{match['bang']}[{shown}](artifact:{file.id})" if file else shown

    return _DEAD.sub(live, text)


def _by_path(kept: Sequence[StoredFile]) -> dict[str, StoredFile]:
    """The files by every path that may be meant; a whole path counts for more than a name."""
    files = {posixpath.basename(file.name): file for file in kept}
    files |= {file.name: file for file in kept}
    return files | {name_in_data(file.container_path): file for file in kept if file.container_path}


def _with_cited(
    text: str,
    citations: Sequence[Citation],
    kept: Sequence[StoredFile],
    files: dict[str, StoredFile],
) -> str:
    """The answer with cited addresses made simple, whatever stood in them: a citation says where
    its address begins and ends, and which file it means. Their new paths are added to `files`."""
    by_id = {file.container_file_id: file for file in kept if file.container_file_id}
    end = len(text)
    for citation in sorted(citations, key=lambda c: c.start, reverse=True):
        address = text[max(citation.start, 0) : citation.end]
        if citation.end > end or not address.startswith(_SCHEME):
            continue  # overlapping, or an unlinked image
        end = citation.start
        path = quote(unquote(address.removeprefix(_SCHEME)))
        if file := by_id.get(citation.file_id):
            path = f"/cited/{citation.start}"
            files[name_in_data(path)] = file
        text = f"{text[:end]}{_SCHEME}{path}{text[citation.end :]}"
    return text


def _find(path: str, files: Mapping[str, StoredFile]) -> StoredFile | None:
    names = [name_in_data(path), name_in_data(unquote(path))]
    names += [posixpath.basename(name) for name in names]
    return next((files[name] for name in names if name in files), None)


def _named(match: re.Match[str], files: Mapping[str, StoredFile]) -> str:
    path, after = _split(match)
    file = _find(path, files)
    return (f"[{_label(file)}](artifact:{file.id})" if file else _last(path)) + after


def _plain(match: re.Match[str]) -> str:
    path, after = _split(match)
    return _last(path) + after


def _split(match: re.Match[str]) -> tuple[str, str]:
    """An address without a label: its path, and what of the sentence was caught with it."""
    if match["quoted"] is not None:
        return match["quoted"], ""
    path = match["bare"].rstrip(_AFTER_ADDRESS)
    return path, match["bare"][len(path) :]


def _without_title(path: str) -> str:
    return path.partition(' "')[0].strip()


def _last(path: str) -> str:
    return posixpath.basename(unquote(path))


def _label(file: StoredFile) -> str:
    return re.sub(r"([\[\]\\])", r"\\\1", file.plain_name)
