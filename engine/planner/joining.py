"""Join two tables on the columns they share."""

from __future__ import annotations

from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    link,
    listing,
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
    shared = _shared(left, right)
    names = f"{escape(left.source.name)} and {escape(right.source.name)}"
    if not shared:
        await work.say(
            f"{names} share no column to join on. The first has "
            f"{', '.join(escape(c.name) for c in left.columns)}; the second "
            f"{', '.join(escape(c.name) for c in right.columns)}."
        )
        return
    path = output_path("joined.csv")
    rename = {theirs: ours for ours, theirs in shared if ours != theirs}
    keys = [ours for ours, _ in shared]
    lines = [*dict.fromkeys([*left.source.imports, *right.source.imports]), ""]
    lines += [f"left = {left.source.read}", f"right = {right.source.read}"]
    if rename:
        pairs = ", ".join(f"{literal(old)}: {literal(new)}" for old, new in rename.items())
        lines.append(f"right = right.rename(columns={{{pairs}}})")
    on = f"[{', '.join(map(literal, keys))}]"
    lines += [f'joined = left.merge(right, on={on}, how="left", indicator="match")', ""]
    lines += [f'joined.drop(columns="match").to_csv({literal(path)}, index=False)']
    lines += ['print("Rows:", len(left), len(right), len(joined))']
    lines += ['print("Unmatched:", (joined["match"] == "left_only").sum())']
    lines += ['print("Result")', 'print(joined.drop(columns="match").head(10).to_csv(index=False))']
    logs = await work.run("\n".join(lines), f"join {names}")
    first, second, both = value(logs, "Rows").split()
    head, *rows = section(logs, "Result")
    grown = (
        " A key that is repeated on the right repeats rows on the left." if both != first else ""
    )
    await work.say(
        f"I joined {names} on {listing([escape(key) for key in keys])}: {number(first)} and "
        f"{number(second)} rows gave {number(both)}; {number(value(logs, 'Unmatched'))} rows found "
        f"no partner and were kept.{grown} The first rows:",
        table(head, rows),
        "Files: " + link(path),
    )


def _shared(left: Table, right: Table) -> list[tuple[str, str]]:
    """Pairs of columns with the same name; an id alone where there is one."""
    pairs = [
        (a.name, b.name)
        for a in left.columns
        for b in right.columns
        if stems(a.name) == stems(b.name) and a.kind == b.kind
    ]
    ids = [pair for pair in pairs if "id" in stems(pair[0]) or "key" in stems(pair[0])]
    return ids[:1] or pairs[:1]
