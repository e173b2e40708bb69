"""Join two tables on the columns they share."""

from __future__ import annotations

from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    link,
    literal,
    number,
    output_path,
    section,
    table,
    value,
)
from engine.planner.words import stems
from engine.planner.workbench import Work


async def answer_join(work: Work, left: Table, right: Table) -> None:
    """Join on columns of the same name, keeping all rows of the first table."""
    key = _shared(left, right)
    names = f"{escape(left.source.name)} and {escape(right.source.name)}"
    if key is None:
        await work.say(
            f"{names} share no column to join on. The first has "
            f"{', '.join(escape(c.name) for c in left.columns)}; the second "
            f"{', '.join(escape(c.name) for c in right.columns)}."
        )
        return
    path = output_path("joined.csv")
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
    lines += [f"joined.to_csv({literal(path)}, index=False)", ""]
    lines += ['print("Rows:", len(left), len(right), len(joined))']
    lines += ['print("Alone:", alone.sum())']
    lines += [f'print("Left out:", (~right[{name}].isin(left[{name}])).sum())']
    lines += ['print("Result")', "print(joined.head(10).to_csv(index=False))"]
    logs = await work.run("\n".join(lines), f"join {names}")
    first, second, both = value(logs, "Rows").split()
    head, *rows = section(logs, "Result")
    grown = (
        " A key that is repeated on the right repeats rows on the left." if both != first else ""
    )
    alone, left_out = number(value(logs, "Alone")), number(value(logs, "Left out"))
    await work.say(
        f"I joined {names} on {escape(ours.strip())}: {number(first)} and {number(second)} rows "
        f"gave {number(both)}. Of the first, {alone} found no partner and were kept; of the "
        f"second, {left_out} found none and were left out.{grown} The first rows:",
        table(head, rows),
        "Files: " + link(path),
    )


def _read(table_: Table, key: str) -> list[str]:
    """Lines that read a table into `df` with its key tidied: `North ` and `North` are the same."""
    return table_.load(key)[len(table_.source.imports) :]


def _shared(left: Table, right: Table) -> tuple[str, str] | None:
    """Two columns with the same name, an id where there is one; None where there are none."""
    pairs = [
        (a.name, b.name)
        for a in left.columns
        for b in right.columns
        if stems(a.name) == stems(b.name) and a.kind == b.kind
    ]
    ids = [pair for pair in pairs if "id" in stems(pair[0]) or "key" in stems(pair[0])]
    return next(iter([*ids, *pairs]), None)
