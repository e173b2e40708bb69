"""What the planner writes: Python literals, Markdown tables, numbers people can read, links."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

DATA = "/mnt/data"
_UPLOAD_PREFIX = re.compile(r"^file-[A-Za-z0-9]{6,64}-(?=.)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MAX_NAME_LETTERS = 60


def literal(text: str) -> str:
    """A Python string literal in double quotes that evaluates to `text`."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() else repr(text)


def shown_name(path: str) -> str:
    """A file's name for people: without folder and without the upload's `file-…-` prefix."""
    return _UPLOAD_PREFIX.sub("", PurePosixPath(path).name)


def suffix(path: str) -> str:
    """A file's extension in lower case, with its dot."""
    return PurePosixPath(path).suffix.lower()


def slug(*parts: str) -> str:
    """A name for files and Python identifiers alike: `Unit Price` → `unit_price`."""
    letters = unicodedata.normalize("NFKD", "_".join(parts)).casefold()
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\u0300-\u036f]", "", letters)).strip("_")
    plain = re.sub(r"_+", "_", plain)[:_MAX_NAME_LETTERS].strip("_")
    return plain if plain and not plain[0].isdigit() else f"n_{plain}".rstrip("_")


def output_path(name: str) -> str:
    """Where code writes a file called `name`."""
    return f"{DATA}/{name}"


def link(path: str) -> str:
    """A Markdown link to a file in the container, as the service writes it."""
    label = re.sub(r"([\\`*\[\]<>])", r"\\\1", PurePosixPath(path).name)
    target = path if re.fullmatch(r"[\w./-]+", path) else quote(path)
    return f"[{label}](sandbox:{target})"


def escape(text: str) -> str:
    """Untrusted text as one plain line of Markdown, safe in a table cell."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*\[\]<>|]|(?<!\w)_|_(?!\w))", r"\\\1", line)


def number(text: str, decimals: int | None = None) -> str:
    """A number as people write it: `1234.5` → `1,234.5`; other text comes back as it is."""
    if not _NUMBER.fullmatch(text):
        return text
    if re.fullmatch(r"-?\d+", text) and not decimals:
        return f"{int(text):,}"
    value = float(text)
    if value == int(value) and decimals is None and abs(value) < 1e15:
        return f"{int(value):,}"
    if value and (abs(value) < 0.01 or abs(value) >= 1e15):
        return f"{value:.4g}"
    shown = f"{value:,.{2 if decimals is None else decimals}f}"
    return shown.rstrip("0").rstrip(".") if decimals is None else shown


def number_column(values: Sequence[str]) -> list[str]:
    """Numbers of one column with the same decimals: none where all are whole, otherwise two."""
    filled = [value for value in values if _NUMBER.fullmatch(value)]
    whole = all(float(value) == int(float(value)) for value in filled)
    small = any(0 < abs(float(value)) < 0.01 for value in filled)
    decimals = 0 if whole else (None if small else 2)
    return [number(value, decimals) if value else "–" for value in values]


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int] = (),
    right: Sequence[int] = (),
) -> str:
    """A Markdown table; the columns in `numbers` are formatted as numbers and set to the right,
    those in `right` only set to the right."""
    columns = [[row[i] if i < len(row) else "" for row in rows] for i in range(len(head))]
    columns = [
        number_column(column) if i in numbers else [escape(cell) or "–" for cell in column]
        for i, column in enumerate(columns)
    ]
    rule = ["---:" if i in numbers or i in right else "---" for i in range(len(head))]
    lines = [
        [escape(cell) for cell in head],
        rule,
        *(list(row) for row in zip(*columns, strict=True)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(logs: str, title: str) -> list[list[str]]:
    """The CSV that code printed under a line that says `title`, up to the next empty line."""
    _, found, rest = f"\n{logs}".partition(f"\n{title}\n")
    if not found:
        return []
    rows = []
    for row in csv.reader(io.StringIO(rest)):
        if not row:
            break
        rows.append(row)
    return rows


def value(logs: str, name: str) -> str:
    """What code printed behind the last `name: `; empty where it printed none."""
    found = re.findall(rf"^{re.escape(name)}: (.*)$", logs, re.MULTILINE)
    return found[-1].strip() if found else ""


def listing(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def quoted(words: Sequence[str]) -> str:
    """`“a”, “b” and “c”`, as Markdown."""
    return listing([f"“{escape(word)}”" for word in words])


def counted(count: str | int, what: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number(str(count))} {what}{'s' * (str(count) != '1')}"


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
