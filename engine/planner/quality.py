"""Missing values and repeated rows of a table, counted and shown."""

from __future__ import annotations

import re

from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    link,
    literal,
    number,
    output_path,
    section,
    shown_name,
    slug,
    table,
    value,
)
from engine.planner.workbench import Work

MISSING = re.compile(r"\b(missing|nulls?|nans?|empty|blanks?|incomplete)\b", re.IGNORECASE)
DROP = re.compile(r"\b(drop|delete|remove|discard|without|ignor\w+|leave out)\b", re.IGNORECASE)
DUPLICATES = re.compile(r"\b(duplicat\w*|(?:repeated|identical) (?:rows?|lines?))\b", re.IGNORECASE)


async def answer_missing(work: Work, table_: Table) -> None:
    """How many rows miss a value, in which columns, and the rows themselves."""
    lines = [*table_.load(), _BLANKS, _MISSING]
    logs = await work.run("\n".join(lines), "look for missing values")
    count, rows = value(logs, "Count"), counted(value(logs, "Rows"), "row")
    name = escape(table_.source.name)
    if count == "0":
        said = f"No value is missing in the {rows} of {name}."
        await work.say(said, f"Cross-check: {value(logs, 'Check')}.")
        return
    have = "has" if count == "1" else "have"
    columns, (head, *found) = section(logs, "Columns")[1:], section(logs, "Result")
    await work.say(
        f"**{number(count)}** of {rows} {have} a missing value in {name}:",
        table(["column", "missing"], columns, [1]),
        "The rows" + (" (the first 10):" if int(count) > len(found) else ":"),
        table(["data row", *head[1:]], found),
        f"Cross-check: {value(logs, 'Check')}.",
    )


async def answer_duplicates(work: Work, table_: Table) -> None:
    """How many rows repeat another exactly, and which."""
    logs = await work.run("\n".join([*table_.load(), _DUPLICATES]), "look for repeated rows")
    count, rows = value(logs, "Count"), counted(value(logs, "Rows"), "row")
    name = escape(table_.source.name)
    if count == "0":
        await work.say(f"No row of {name} repeats another; I compared {rows}.")
        return
    head, *found = section(logs, "Result")
    repeats = "repeats" if count == "1" else "repeat"
    await work.say(
        f"**{number(count)}** of {rows} {repeats} an earlier one exactly in {name}:",
        table(["data row", *head[1:]], found),
        f"Cross-check: {value(logs, 'Check')}. “Remove duplicates” writes a file without them.",
    )


async def drop_missing(work: Work, table_: Table) -> None:
    """Write a file without the rows that miss a value; the upload stays as it is."""
    name = shown_name(table_.source.path)
    path = output_path(f"{slug(name.rpartition('.')[0] or name)}_complete.csv")
    code = _DROP.format(path=literal(path))
    logs = await work.run("\n".join([*table_.load(), _BLANKS, code]), "drop incomplete rows")
    before, after = number(value(logs, "Before")), number(value(logs, "After"))
    await work.say(
        f"I left out the rows with a missing value: **{after}** of {before} rows remain. "
        "The uploaded file is unchanged.",
        f"Files: {link(path)}",
    )


_DROP = """complete = df.dropna()
complete.to_csv({path}, index=False)
print("Before:", len(df))
print("After:", len(pd.read_csv({path})))
"""
_BLANKS = """
df = df.replace(r"^\\s*$", float("nan"), regex=True)  # blank text is missing as well"""

_MISSING = """missing = df.isna()
rows = df[missing.any(axis=1)]
rows.index += 1  # counted from 1 below the heading
print("Rows:", len(df))
print("Count:", len(rows))
print("Columns")
print(missing.sum()[lambda count: count > 0].to_csv())
print("Result")
print(rows.head(10).to_csv())

# Cross-check: cell by cell.
cells = sum(1 for row in df.to_numpy().tolist() for cell in row if cell is None or cell != cell)
by_column = missing.to_numpy().sum()
print("Check: counted one by one, empty cells are", cells, "and by column", by_column)
"""

_DUPLICATES = """
repeats = df[df.astype(str).duplicated()]
repeats.index += 1  # counted from 1 below the heading
print("Rows:", len(df))
print("Count:", len(repeats))
print("Result")
print(repeats.head(10).to_csv())

# Cross-check: a set holds every row once.
different = len(set(map(tuple, df.astype(str).to_numpy().tolist())))
print("Check:", len(df), "rows,", different, "of them different")
"""
