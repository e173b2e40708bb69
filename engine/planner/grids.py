"""How a grouped result is shown: as a list, as a grid where it has two keys, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.planner.asks import Ask
from engine.planner.text import escape, literal, number_column, section, table, value

_MAX_COLUMNS = 8
_MAX_ROWS = 25
_PERCENTS = ("share_percent", "change_percent")


@dataclass(frozen=True, slots=True)
class Totals:
    """A grouped result: where it was written, its columns, what it is, and the code's logs."""

    path: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    title: str
    logs: str


def comparison_code(
    ask: Ask, keys: Sequence[str], values: Sequence[str], *, in_order: bool
) -> list[str]:
    """Code that prints a result of two keys as a grid, and the difference of two groups.

    The grid's lines keep the order of the first key if that is `in_order`; else they are ranked.
    """
    first = literal(values[0])
    lines = []
    if len(keys) == 2 and len(values) == 1 and not ask.top:
        row, column = map(literal, keys)
        lines += ["", "# The same as a grid: one row per line, one column per value."]
        lines += [f"grid = result.pivot(index={row}, columns={column}, values={first})"]
        if not in_order:
            lines += ["grid = grid.loc[grid.sum(axis=1).sort_values(ascending=False).index]"]
        lines += [f"if grid.shape[1] <= {_MAX_COLUMNS}:"]
        lines += [
            '    print("Lines:", len(grid))',
            '    print("Grid")',
            f"    print(grid.head({_MAX_ROWS}).to_csv())",
        ]
        if ask.rank:
            pick = "idxmin" if ask.ascending else "idxmax"
            lines += [f"best = grid.{pick}(axis=1).astype(str)"]
            lines += ['print("Best:", "; ".join(f"{row}: {name}" for row, name in best.items()))']
    if ask.compare and len(keys) == 1 and not ask.having:
        lines += ["", "if len(result) == 2:", f"    one, other = result[{first}]"]
        lines += [f"    names = result[{literal(keys[0])}].astype(str).tolist()"]
        lines += ["    print('Ahead:', names[one < other])"]
        lines += ["    print('Behind:', names[one >= other])"]
        lines += ["    print('Difference:', abs(one - other))"]
        lines += ["    print('Percent:', round(100 * abs(one - other) / min(one, other), 1))"]
    return lines


def cut(logs: str, shown: int) -> str:
    """` (the first 25 of 43 groups)` where a result is longer than what is shown of it."""
    lines = value(logs, "Lines")
    count, what = (int(lines), "lines") if lines else (int(value(logs, "Groups")), "groups")
    shown = min(count, _MAX_ROWS) if lines else shown
    return f" (the first {shown} of {count:,} {what})" if count > shown else ""


def said_comparison(logs: str) -> str:
    """`North is 5,659.45 (59.7%) above South.`; empty where no two groups are compared."""
    ahead, behind = value(logs, "Ahead"), value(logs, "Behind")
    if not ahead:
        return ""
    difference = number_column([value(logs, "Difference")])[0]
    percent = value(logs, "Percent")
    return f"**{escape(ahead)}** is **{difference}** ({escape(percent)}%) above {escape(behind)}."


def said_best(done: Totals) -> str:
    """Which column is first in each line of a grid; empty where that is not asked."""
    best = value(done.logs, "Best")
    return f"First in each {escape(done.keys[0])}: {escape(best)}." if best else ""


def result_table(done: Totals, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The result as a Markdown table; percentages with one decimal and their sign."""
    grid = section(done.logs, "Grid")
    if grid:
        return _grid(grid[0], grid[1:])
    percents = [i for i, name in enumerate(head) if name in _PERCENTS]
    cells = [
        [_percent(cell, head[i]) if i in percents else cell for i, cell in enumerate(row)]
        for row in rows
    ]
    first = len(done.keys)
    spoken = [name.removesuffix("_percent").replace("_", " ") for name in head[first:]]
    numbers = [i for i in range(first, len(head)) if i not in percents]
    return table([*done.keys, *spoken], cells, numbers, right=percents)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """All its numbers with the same decimals."""
    width = len(head) - 1
    cells = number_column([cell for row in rows for cell in row[1:]])
    lines = [[row[0], *cells[i * width : (i + 1) * width]] for i, row in enumerate(rows)]
    return table(head, lines, right=range(1, len(head)))


def _percent(cell: str, name: str) -> str:
    if not cell:
        return ""
    sign = "+" if name == "change_percent" and not cell.startswith("-") else ""
    return f"{sign}{float(cell):,.1f}%"
