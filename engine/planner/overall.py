"""Values over all rows of a table, and the rows with the highest or lowest value."""

from __future__ import annotations

from engine.planner.asks import Ask, label
from engine.planner.checks import check_overall, said_check
from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    literal,
    number,
    number_column,
    section,
    sentence,
    table,
    value,
)
from engine.planner.totals import conditions, describe, notes, prepare
from engine.planner.workbench import Work

_MAX_TOP = 50


async def answer_overall(work: Work, ask: Ask, table_: Table) -> None:
    """Compute and say values over all (kept) rows, without groups."""
    kept = f" ({conditions(ask)})" if ask.filters else ""
    where = f"{escape(table_.source.name)}{kept}"
    shared = ask.share and ask.filters and ask.aggregates == ("sum",)
    whole = [f"whole = df[{literal(ask.measures[0])}].sum()"] if shared else []
    lines = [*prepare(ask, table_, whole), "", 'print("Rows:", len(df))']
    if shared:
        lines.append(f"part = df[{literal(ask.measures[0])}].sum()")
        lines.append('print(f"Part: {100 * part / whole:.1f}% of {whole:.6f}")')
    if ask.aggregates == ("count",) and not ask.measures:
        lines += ["", "# Cross-check: count the rows one by one."]
        lines += ['print("Check:", sum(1 for _ in df.index), "counted one by one")']
        logs = await work.run("\n".join(lines), "count the rows")
        count = value(logs, "Rows")
        await work.say(
            f"**{number(count)}** row{'s' * (count != '1')} in {where}.", said_check(logs)
        )
        await work.say(notes(ask, table_))
        return
    lines += ["result = {", *_entries(ask), "}", 'print("Result")']
    lines += ["print(pd.Series(result).round(6).to_csv(header=False))", ""]
    logs = await work.run("\n".join([*lines, *check_overall(ask)]), f"compute the {describe(ask)}")
    rows = section(logs, "Result")
    count = counted(value(logs, "Rows"), "row")
    if value(logs, "Rows") == "0":
        await work.say(f"No row of {escape(table_.source.name)} fits: {conditions(ask)}.")
        return
    if len(rows) == 1:
        name, amount = rows[0]
        name = f"number of {name}" if name.startswith("different ") else name
        said = f"{sentence(escape(name))}: **{number_column([amount])[0] if amount else 'none'}**"
        await work.say(f"{said}, over {count} of {where}.{_part(logs)}")
    else:
        await work.say(f"Over {count} of {where}:", table(["measure", "value"], rows, [1]))
    await work.say(said_check(logs), notes(ask, table_))


def _part(logs: str) -> str:
    """What part of the whole column that is, where it was asked for."""
    percent, _, whole = value(logs, "Part").partition(" of ")
    return f" That is **{percent}** of all {number_column([whole])[0]}." if whole else ""


def _entries(ask: Ask) -> list[str]:
    return [
        f"    {literal(label(aggregate, measure))}: df[{literal(measure)}].{aggregate}(),"
        for measure in ask.measures
        for aggregate in ask.aggregates
    ]


async def top_rows(work: Work, ask: Ask, table_: Table) -> None:
    """The rows with the highest (or lowest) value of a column."""
    measure, count = literal(ask.measures[0]), min(ask.top or 5, _MAX_TOP)
    pick = "nsmallest" if ask.ascending else "nlargest"
    lines = [*prepare(ask, table_), "", f"result = df.{pick}({count}, {measure})"]
    lines += ['print("Result")', "print(result.to_csv(index=False))", ""]
    lines += ["# Cross-check: sort all rows and take the first ones."]
    lines += [f"in_order = df[{measure}].sort_values(ascending={ask.ascending}).head({count})"]
    lines += [f"same = in_order.tolist() == result[{measure}].tolist()"]
    lines += ['print("Check: sorting all rows gives", "the same" if same else "something else")']
    logs = await work.run("\n".join(lines), f"find the rows by {ask.measures[0]}")
    head, *rows = section(logs, "Result")
    amounts = {column.name for column in table_.numbers}
    numbers = [i for i, name in enumerate(head) if name in amounts]
    word = "lowest" if ask.ascending else "highest"
    kept = f" ({conditions(ask)})" if ask.filters else ""
    name = escape(table_.source.name)
    rows_ = counted(len(rows), "row") if len(rows) > 1 else "row"
    await work.say(
        f"The {rows_} with the {word} {escape(ask.measures[0])} in {name}{kept}:",
        table(head, rows, numbers),
        said_check(logs),
        notes(ask, table_),
    )
