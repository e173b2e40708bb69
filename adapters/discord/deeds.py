"""What a run of code is about, in plain words: the code itself is behind a button."""

from __future__ import annotations

import posixpath
import re

_FILE = r"""\(\s*[rf]?["'](?P<file>[^"'\n]{1,200})["']"""
_WRITES = r"""\s*,\s*(?:mode\s*=\s*)?["'][wax]"""
_DEEDS = (
    ("reading {}", re.compile(rf"\b(?:read_\w+|load\w*|open){_FILE}(?!{_WRITES})")),
    ("drawing {}", re.compile(rf"\b(?:savefig|write_image){_FILE}")),
    ("saving {}", re.compile(rf"\b(?:to_\w+|ExcelWriter|save|savetxt|write_html){_FILE}")),
    ("saving {}", re.compile(rf"\bopen{_FILE}{_WRITES}")),
)
_NAMED_MAX = 2
_DRAWS = re.compile(r"\bplt\.|\.plot\(|\bsns\.")
COMPUTING, DRAWING = "computing", "drawing"


def deed(code: str, limit_chars: int) -> str:
    """The first comment of the code, else what it reads, draws and saves; at most so long."""
    lines = (line.strip() for line in code.splitlines())
    told = next((line.lstrip("# ") for line in lines if line.startswith("# ")), "")
    words = " ".join((told or _done(code)).replace("`", "'").split()) or COMPUTING
    return words if len(words) <= limit_chars else f"{words[: limit_chars - 1].rstrip()}…"


def _done(code: str) -> str:
    deeds = [
        words.format(posixpath.basename(found["file"]) or found["file"])
        for words, pattern in _DEEDS
        for found in pattern.finditer(code)
    ]
    return ", ".join([*dict.fromkeys(deeds)][:_NAMED_MAX]) or (
        DRAWING if _DRAWS.search(code) else COMPUTING
    )
