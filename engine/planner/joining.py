"""Join two tables on the columns they share."""

from __future__ import annotations

import re

from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    link,
    literal,
    output_path,
    section,
    table,
    value,
)
from engine.planner.words import stems
from engine.planner.workbench import Work

PATH = output_path("joined.csv")
_ON = re.compile(
    r"\b(?:on|using|via)\s+(?:the\s+)?(?:column\s+)?(?P<column>[^\W\d]\w*)", re.IGNORECASE
)


async def answer_join(work: Work, left: Table, right: Table) -> bool:
    """Join on columns of the same name, keeping all rows of the first table.

    False where there is no column to join on.
    """
    on = _ON.search(work.text)
    key = _shared(left, right, on["column"] if on else "")
    names = f"{escape(left.source.name)} and {escape(right.source.name)}"
    if key is None:
        column = f"no column {escape(on['column'])}" if on else "no column"
        await work.say(
            f"{names} share {column} to join on. The first has "
            f"{', '.join(escape(c.name) for c in left.columns)}; the second "
            f"{', '.join(escape(c.name) for c in right.columns)}."
        )
        return False
    ours, theirs = key
    name = ours.strip()
    lines = [*dict.fromkeys([*left.source.imports, *right.source.imports])]
    lines += [*_read(left, ours), "left = df", *_read(right, theirs)]
    if theirs.strip() != name:
        lines.append(f"df = df.rename(columns={{{literal(theirs.strip())}: {literal(name)}}})")
    name = literal(name)
    lines += ["right = df", ""]
    lines += [f'joined = left.merge(right, on={name}, how="left", indicator="match")']
    lines += ['alone = joined.pop("match") == "left_only"']
    lines += [f"joined.to_csv({literal(PATH)}, index=False)", ""]
    lines += ['print("Rows:", len(left), len(right), len(joined))']
    lines += ['print("Alone:", alone.sum())']
    lines += [f'print("Left out:", (~right[{name}].isin(left[{name}])).sum())']
    lines += ['print("Result")', "print(joined.head(10).to_csv(index=False))"]
    logs = await work.run("\n".join(lines), f"join {names}")
    head, *rows = section(logs, "Result")
    numbers = [each.name.strip() for each in (*left.numbers, *right.numbers)]
    await work.say(
        f"I joined {names} on {escape(ours.strip())}: {_partners(logs)} The first rows:",
        table(head, rows, right=[i for i, each in enumerate(head) if each in numbers]),
        "Files: " + link(PATH),
    )
    return True


def _partners(logs: str) -> str:
    """How many rows went in and came out, and what became of those without a partner."""
    first, second, both = value(logs, "Rows").split()
    said = f"{counted(first, 'row')} and {counted(second, 'row')} gave {counted(both, 'row')}."
    alone, left_out = value(logs, "Alone"), value(logs, "Left out")
    if alone == left_out == "0":
        said += " Every row found a partner."
    if alone != "0":
        were = "was" if alone == "1" else "were"
        said += f" Of the first, {counted(alone, 'row')} found no partner and {were} kept."
    if left_out != "0":
        were = "was" if left_out == "1" else "were"
        said += f" Of the second, {counted(left_out, 'row')} found no partner and {were} left out."
    if int(both) > int(first):
        said += " A key that is repeated on the right repeats rows on the left."
    return said


def _read(table_: Table, key: str) -> list[str]:
    """Lines that read a table into `df` with its key tidied: `North ` and `North` are the same."""
    return table_.load(key)[len(table_.source.imports) :]


def _shared(left: Table, right: Table, wanted: str) -> tuple[str, str] | None:
    """Two columns with the same name: the one `wanted`, else an id; None where there are none."""
    pairs = [
        (a.name, b.name)
        for a in left.columns
        for b in right.columns
        if stems(a.name) == stems(b.name) and a.kind == b.kind
    ]
    if wanted:
        return next((pair for pair in pairs if stems(wanted) == stems(pair[0])), None)
    ids = [pair for pair in pairs if "id" in stems(pair[0]) or "key" in stems(pair[0])]
    return next(iter([*ids, *pairs]), None)
