"""Files that are neither tables nor pictures: text, documents, archives, anything."""

from __future__ import annotations

from engine.planner.protocol import LabFile
from engine.planner.text import (
    counted,
    escape,
    literal,
    number,
    section,
    shown_name,
    suffix,
    table,
    value,
)
from engine.planner.workbench import Work

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")
_BOMB_RATIO = 100


class Archives:
    """Lists what a zip or tar holds, unpacking nothing."""

    def matches(self, work: Work) -> bool:
        """Whether the file meant is an archive."""
        return bool(work.files) and suffix(work.files[0].path) in _ARCHIVES

    async def answer(self, work: Work) -> None:
        """List names and sizes; warn where it would unpack to very much."""
        file = work.files[0]
        name = escape(shown_name(file.path))
        logs = await work.run(_LIST_ARCHIVE.format(path=literal(file.path)), f"list {name}")
        count, total = value(logs, "Entries"), value(logs, "Unpacked")
        if not count:
            await work.say(
                f"{name} is no archive I can list (zip or tar); it has {file.size_bytes:,} bytes."
            )
            return
        ratio = int(total) / max(1, file.size_bytes)
        head, *rows = section(logs, "Result") or [[]]
        await work.say(
            f"{name} holds {_entries(count)}; {number(str(file.size_bytes))} bytes packed, "
            f"{number(total)} unpacked. I unpacked nothing.",
            f"**Careful:** it would unpack to {ratio:,.0f} times its size."
            if ratio > _BOMB_RATIO
            else "",
            table(head, rows, [1]) if rows else "",
        )


class Documents:
    """Tells type and size of any other file, and for text its lines, words and beginning."""

    def matches(self, work: Work) -> bool:
        """Whether there is any file, attached now or asked about."""
        return bool(work.files) and (bool(work.question.attached) or _asks_about_files(work))

    async def answer(self, work: Work) -> None:
        """Look at the file; say what it is."""
        file = work.files[0]
        name = escape(shown_name(file.path))
        if file.size_bytes == 0:
            await work.run(_SIZE.format(path=literal(file.path)), f"look at {name}")
            await work.say(f"{name} is empty (0 bytes), so there is nothing to compute.")
            return
        logs = await work.run(_READ.format(path=literal(file.path)), f"read {name}")
        if not value(logs, "Words"):
            await work.say(
                f"{name} is {_size(file)}, type: {escape(value(logs, 'Type'))}. {_pages(logs)}"
            )
            return
        _, _, beginning = logs.partition("Beginning\n")
        quoted = "\n".join(f"> {escape(line)}  " for line in beginning.strip().splitlines()[:10])
        await work.say(
            f"{name} is {_size(file)} of text: {counted(value(logs, 'Lines'), 'line')}, "
            f"{_bold(counted(value(logs, 'Words'), 'word'))}, "
            f"{counted(value(logs, 'Characters'), 'character')}.",
            f"Most frequent words: {escape(value(logs, 'Frequent'))}.",
            f"It begins:\n\n{quoted}" if quoted else "",
        )


def _asks_about_files(work: Work) -> bool:
    text = work.text.casefold()
    names = (shown_name(file.path).casefold() for file in work.files)
    words = ("file", "document", "text", "word", "line", "summar", "what is in", "describe", "read")
    return any(word in text for word in words) or any(name in text for name in names)


def _size(file: LabFile) -> str:
    return f"{file.size_bytes:,} byte{'s' * (file.size_bytes != 1)}"


def _bold(counted: str) -> str:
    """The figure of `1,200 words` in bold."""
    figure, _, what = counted.partition(" ")
    return f"**{figure}** {what}"


def _entries(count: str) -> str:
    return "1 entry" if count == "1" else f"{number(count)} entries"


def _pages(logs: str) -> str:
    pages = value(logs, "Pages")
    return f"It has about {counted(pages, 'page')}." if pages not in {"", "0"} else ""


_SIZE = """
from pathlib import Path

print(Path({path}).stat().st_size, "bytes")
"""

_LIST_ARCHIVE = """
# List the archive without unpacking it.
import csv
import io
import tarfile
import zipfile

path = {path}
if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, entry.file_size) for entry in archive.infolist()]
elif tarfile.is_tarfile(path):
    with tarfile.open(path) as archive:
        entries = [(entry.name, entry.size) for _, entry in zip(range(10_000), archive)]
else:
    entries = None

if entries is None:
    print("not an archive")
else:
    print("Entries:", len(entries))
    print("Unpacked:", sum(size for _, size in entries))
    rows = io.StringIO()
    csv.writer(rows, lineterminator="\\n").writerows([("name", "bytes"), *entries[:30]])
    print("Result")
    print(rows.getvalue())
"""

_READ = """
import re
import zipfile
from collections import Counter
from pathlib import Path

path = Path({path})
head = path.open("rb").read(8)
kinds = {{
    b"%PDF": "PDF",
    b"PK\\x03\\x04": "zip container",
    b"\\x7fELF": "program",
    b"SQLi": "SQLite database",
    b"\\xd0\\xcf\\x11\\xe0": "old Office document",
}}
kind = kinds.get(head[:4], "unknown")
text = None

if path.suffix.lower() == ".docx" and zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as parts:
        body = parts.getinfo("word/document.xml")
        if body.file_size < 50_000_000:  # a guard against zip bombs
            xml = parts.read(body).decode("utf-8")
            text = re.sub(r"<[^>]+>", "", xml.replace("</w:p>", "\\n"))
elif kind == "PDF":
    print("Pages:", len(re.findall(rb"/Type\\s*/Page\\b(?!s)", path.read_bytes())))
elif kind == "unknown":
    with path.open("rb") as file:
        start = file.read(4_096)
    if b"\\0" not in start or start[:2] in (b"\\xff\\xfe", b"\\xfe\\xff"):
        raw = path.read_bytes()
        for encoding in ("utf-8-sig", "utf-16", "cp1252", "latin-1"):
            try:
                text = raw.decode(encoding)
                break
            except UnicodeError:
                print("not", encoding)

if text is None:
    print("Type:", kind)
else:
    words = re.findall(r"[^\\W_]+", text.lower())
    print("Lines:", len(text.splitlines()))
    print("Words:", len(words))
    print("Characters:", len(text))
    frequent = Counter(word for word in words if len(word) > 3).most_common(10)
    print("Frequent:", ", ".join(f"{{word}} ({{count}})" for word, count in frequent))
    print("Beginning")
    print("\\n".join(line[:200] for line in text.splitlines()[:10]))
"""
