"""What is in a file: a table of its columns, and questions to ask next."""

from __future__ import annotations

from collections.abc import Sequence

from engine.planner.asks import is_rate
from engine.planner.tables import Column, Table
from engine.planner.text import counted, escape, number, table
from engine.planner.workbench import Work

_MAX_COLUMNS = 40
_MAX_COMMON = 4


async def answer_profile(work: Work, tables: Sequence[Table]) -> None:
    """Say what each table holds, in the order given."""
    for each in tables:
        size = f"{counted(each.rows, 'row')}, {counted(len(each.columns), 'column')}"
        head = f"**{escape(each.source.name)}**: {size}"
        repeats = f", {each.duplicates:,} of the rows repeated exactly" if each.duplicates else ""
        rows = [_row(column) for column in each.columns[:_MAX_COLUMNS]]
        await work.say(
            f"{head}{repeats}.",
            table(["column", "type", "missing", "distinct", "range or most common"], rows, [2, 3]),
        )
        if len(each.columns) > _MAX_COLUMNS:
            await work.say(f"… and {len(each.columns) - _MAX_COLUMNS} more columns.")
    await work.say(suggestions(tables[-1]))


def _row(column: Column) -> list[str]:
    kind = f"{column.kind} ({column.hint})" if column.hint else column.kind
    if column.low:
        content = f"{_bound(column, column.low)} … {_bound(column, column.high)}"
    else:
        content = ", ".join(column.values[:_MAX_COMMON])
        content += " …" if len(column.values) > _MAX_COMMON else ""
    return [column.name, kind, str(column.missing), str(column.distinct), content]


def _bound(column: Column, text: str) -> str:
    return text if column.kind == "date" or "year" in column.name.casefold() else number(text)


def suggestions(table_: Table) -> str:
    """Examples of questions, built from the table's own columns."""
    amount = table_.main_number
    examples = []
    if amount and table_.category:
        what = "average" if is_rate(amount.name) else "total"
        examples.append(f"{what} {amount.name} by {table_.category.name} and a bar chart")
    if amount and table_.date:
        examples.append(f"{amount.name} by month as a line chart")
    if len(table_.numbers) > 1:
        examples.append("correlation")
    elif amount:
        examples.append(f"histogram of {amount.name}")
    if table_.category and not amount:
        examples.append(f"how many rows by {table_.category.name} and a pie chart")
    examples.append("clean it and tell me what you changed")
    columns = ", ".join(escape(column.name) for column in table_.columns[:_MAX_COLUMNS])
    lines = "\n".join(f"- “{escape(example)}”" for example in examples)
    name = escape(table_.source.name)
    return f"The columns of {name} are {columns}. You can ask, for example:\n\n{lines}"
