"""How to read a tabular file: look at it first, then know the pandas call for each table in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.planner.text import literal, section, shown_name, suffix, value
from engine.planner.workbench import CodeFailed, Work

_SEPARATORS = (",", ";", "\t", "|")
_COMMA_DECIMAL = re.compile(r"-?\d{1,3}(\.\d{3})*,\d+|-?\d+,\d+")
_DOT_DECIMAL = re.compile(r"-?[\d,]*\.\d+")
_COMMA_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_DOT_THOUSANDS = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d+)?")
_PLAIN_NUMBER = re.compile(r"-?\d+([.,]\d+)*")
_DOT_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}")
_NO_WORKBOOK = {
    "an old Office file": "It is password-protected, or in the old .xls format: save it as .xlsx "
    "without a password.",
    "markup": "It is a page of HTML or XML, not a workbook: save it as .xlsx or .csv.",
}
_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Source:
    """One table of a file: `read` is the pandas expression for it, `imports` what that needs."""

    path: str
    read: str
    sheet: str = ""
    imports: tuple[str, ...] = ("import pandas as pd",)

    @property
    def name(self) -> str:
        """What to call it to people."""
        file = shown_name(self.path)
        return f"{self.sheet} in {file}" if self.sheet else file


async def look(work: Work, path: str) -> list[Source]:
    """Find the tables of a file by a first run of code that looks at it. Raises CodeFailed."""
    kind, doing = suffix(path), f"look into {shown_name(path)}"
    if kind == ".parquet":
        return [Source(path, f"pd.read_parquet({literal(path)})")]
    if kind in {".xlsx", ".xlsm", ".xls"}:
        logs = await work.run(_LOOK_INTO_WORKBOOK.format(path=literal(path)), doing)
        if unreadable := _NO_WORKBOOK.get(value(logs, "is")):
            raise CodeFailed(doing, unreadable, unreadable)
        return _sheets(path, logs)
    if kind in {".json", ".jsonl", ".ndjson"}:
        return _records(path, await work.run(_LOOK_INTO_JSON.format(path=literal(path)), doing))
    logs = await work.run(_LOOK_INTO_TEXT.format(path=literal(path)), doing)
    _, _, lines = logs.partition("first lines:\n")
    arguments = csv_arguments(lines.splitlines(), value(logs, "encoding"))
    return [Source(path, f"pd.read_csv({', '.join([literal(path), *arguments])})")]


def csv_arguments(lines: Sequence[str], encoding: str) -> list[str]:
    """The arguments that `pd.read_csv` needs beyond the path, judged by a file's first lines."""
    lines = [" ".join(line.splitlines()) for line in lines]
    filled = [line for line in lines if line.strip()]
    separator = sniff_separator(filled)
    rows = list(csv.reader(filled, delimiter=separator, skipinitialspace=True))
    skipped = _preamble(rows)
    arguments = [f"sep={literal(separator)}"] if separator != "," else []
    arguments += [f"encoding={literal(encoding)}"] if encoding not in {"", "utf-8-sig"} else []
    arguments += [f"skiprows={lines.index(filled[skipped])}"] if skipped else []
    if any(separator + " " in line for line in filled):
        arguments.append("skipinitialspace=True")
    if rows and _has_no_header(rows[skipped]):
        names = ", ".join(literal(f"column {i + 1}") for i in range(len(rows[skipped])))
        arguments.append(f"names=[{names}]")
    cells = [cell.strip() for row in rows[skipped + 1 :] for cell in row]
    return arguments + _number_style(cells, separator)


def sniff_separator(lines: Sequence[str]) -> str:
    """The separator that cuts most lines into the same number (more than one) of fields."""

    rows = [" ".join(line.splitlines()) for line in lines]

    def consistency(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(rows, delimiter=separator)]
        usual = max(set(widths), key=widths.count, default=1)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 1)

    return max(_SEPARATORS, key=consistency) if lines else ","


def _preamble(rows: Sequence[Sequence[str]]) -> int:
    """How many lines of one field stand above the table."""
    width = max((len(row) for row in rows), default=1)
    count = next((i for i, row in enumerate(rows) if len(row) > 1), 0)
    return count if width > 1 else 0


def _has_no_header(row: Sequence[str]) -> bool:
    numbers = [cell for cell in row if _PLAIN_NUMBER.fullmatch(cell.strip())]
    return bool(numbers) and 2 * len(numbers) >= len(row) and not all(map(_YEAR.fullmatch, numbers))


def _number_style(cells: Sequence[str], separator: str) -> list[str]:
    def count(pattern: re.Pattern[str]) -> int:
        return sum(1 for cell in cells if pattern.fullmatch(cell))

    if separator != "," and count(_COMMA_DECIMAL) > count(_DOT_DECIMAL):
        dots = count(_DOT_THOUSANDS) and not count(_DOT_DATE)  # 01.02.2025 is no 1022025
        return ['decimal=","', *(['thousands="."'] if dots else [])]
    return ['thousands=","'] if count(_COMMA_THOUSANDS) else []


def _sheets(path: str, logs: str) -> list[Source]:
    sources = []
    for name, header, columns in section(logs, "Sheets")[1:]:
        place = f", header={header}" if header != "0" else ""
        read = f"pd.read_excel({literal(path)}, sheet_name={literal(name)}{place})"
        if columns != "0":
            sources.append(Source(path, read, sheet=name))
    return [Source(path, sources[0].read)] if len(sources) == 1 else sources


def _records(path: str, logs: str) -> list[Source]:
    imports = ("import json", "from pathlib import Path", "import pandas as pd")
    content = f'json.loads(Path({literal(path)}).read_text(encoding="utf-8-sig"))'
    match value(logs, "holds"):
        case "a record per line":
            return [Source(path, f"pd.read_json({literal(path)}, lines=True)")]
        case "lists of records":
            keys = [row[0] for row in section(logs, "Keys")]
            return [
                Source(path, f"pd.json_normalize({content}[{literal(key)}])", key, imports)
                for key in keys
            ]
        case "a list of records":
            return [Source(path, f"pd.json_normalize({content})", imports=imports)]
        case "columns":
            return [Source(path, f"pd.DataFrame({content})", imports=imports)]
    return []


_LOOK_INTO_TEXT = """
# Look before reading: which encoding fits the whole file, and what do the first lines show?
from itertools import islice

path = {path}
for encoding in ("utf-8-sig", "utf-16", "cp1252", "latin-1"):
    try:
        with open(path, encoding=encoding) as file:
            lines = [line[:2_000] for line in islice(file, 20)]
            for _ in file:
                pass
        break
    except UnicodeError:
        print("not", encoding)

print("encoding:", encoding)
print("first lines:")
print("".join(lines))
"""

_LOOK_INTO_WORKBOOK = """
# Look before reading: which sheets are there, and in which row does each table begin?
import pandas as pd

path = {path}
with open(path, "rb") as file:
    head = file.read(100)

sheets = []
if head.startswith(b"\\xd0\\xcf\\x11\\xe0"):
    print("is: an old Office file")  # also what Excel wraps a workbook with a password in
elif head.lstrip(b"\\xef\\xbb\\xbf \\t\\r\\n").startswith(b"<"):
    print("is: markup")
else:
    with pd.ExcelFile(path) as book:
        for name in book.sheet_names:
            cells = pd.read_excel(book, sheet_name=name, header=None, nrows=20)
            filled = cells.notna().sum(axis=1)
            header = int((filled >= 0.8 * filled.max()).idxmax()) if len(filled) else 0
            sheets.append({{"sheet": name, "header row": header, "columns": cells.shape[1]}})

print("Sheets")
print(pd.DataFrame(sheets).to_csv(index=False))
"""

_LOOK_INTO_JSON = """
# Look before reading: how are the records laid out?
import json
from pathlib import Path

text = Path({path}).read_text(encoding="utf-8-sig")
try:
    data = json.loads(text)
except json.JSONDecodeError:
    data = [json.loads(line) for line in text.splitlines() if line.strip()]
    print("holds: a record per line")
else:
    is_records = lambda x: isinstance(x, list) and x and all(isinstance(r, dict) for r in x)
    if is_records(data):
        print("holds: a list of records")
    elif isinstance(data, dict) and any(map(is_records, data.values())):
        print("holds: lists of records")
        print("Keys")
        print(*(json.dumps(key) for key, part in data.items() if is_records(part)), sep="\\n")
    elif isinstance(data, dict) and all(isinstance(part, list) for part in data.values()):
        print("holds: columns")
    else:
        print("holds: one", type(data).__name__)

print(text[:500])
"""
