"""Names of threads: what the question is about, at a glance."""

from __future__ import annotations

import re
from collections.abc import Sequence

NAME_CHARS_MAX = 100  # [facts: discord]
_SHOWN_CHARS_MAX = 80  # more is cut off in the list of channels anyway
_CODE, _NOTHING = "Python code", "Threadlab"
_CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTE = re.compile(r"^>.*$", re.MULTILINE)
_MARKS = re.compile(r"[*_`~|#]{1,3}(?=\S)|(?<=\S)[*_`~|]{1,3}")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)|https?://\S+")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")


def title_of(text: str, file_names: Sequence[str] = ()) -> str:
    """A name of 1 to 100 characters: the question's words, else the names of its files, else
    what it is."""
    words = _LINK.sub(lambda link: link[1] or "", _CODE_BLOCK.sub(" ", _QUOTE.sub(" ", text)))
    words = " ".join(_UNSEEN.sub(" ", _MARKS.sub("", words)).split())
    named = words or _UNSEEN.sub(" ", ", ".join(file_names)).strip()
    title = named or (_CODE if _CODE_BLOCK.search(text) else _NOTHING)
    if len(title) <= _SHOWN_CHARS_MAX:
        return title
    cut = title[: _SHOWN_CHARS_MAX - 1]
    at = cut.rfind(" ")
    return f"{cut[:at] if at > _SHOWN_CHARS_MAX // 2 else cut}…"
