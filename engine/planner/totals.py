"""Totals, averages, counts … of a table by groups, written to a file and checked a second way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.planner.asks import Ask, is_rate, label
from engine.planner.checks import check_groups, said_check
from engine.planner.grids import (
    Totals,
    comparison_code,
    cut,
    result_table,
    said_best,
    said_comparison,
)
from engine.planner.roles import Key
from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    listing,
    literal,
    number_column,
    output_path,
    section,
    sentence,
    slug,
    value,
)
from engine.planner.workbench import Work

MAX_ROWS_SHOWN = 25

_COUNT = "count as they stand; “clean it” removes them"
_PERIOD_CODE = {
    "month": '.dt.strftime("%Y-%m")',
    "quarter": '.dt.to_period("Q").dt.strftime("%Y-Q%q")',
    "year": '.dt.strftime("%Y")',
    "week": '.dt.to_period("W").dt.start_time.dt.strftime("%Y-%m-%d")',
    "day": '.dt.strftime("%Y-%m-%d")',
    "hour": ".dt.hour",
}


def complete(ask: Ask, table: Table) -> Ask:
    """Fill in what was not said: the measure most likely meant, and how to combine it."""
    measures, aggregates = ask.measures, ask.aggregates
    main = table.main_number
    if not measures and not set(aggregates) & {"count", "nunique"} and main is not None:
        measures = (main.name,)
    if not measures:
        aggregates = ("count",)
    elif not aggregates:
        aggregates = ("mean" if is_rate(measures[0]) else "sum",)
    return replace(ask, measures=measures, aggregates=aggregates)


def prepare(ask: Ask, table: Table, before_filters: Sequence[str] = ()) -> list[str]:
    """Lines that read the table, keep the rows asked for and add the periods to group by."""
    used = [*(f.column for f in ask.filters), *(k.column for k in ask.keys), *ask.measures]
    lines = table.load(*used)
    lines += before_filters
    lines += [f"df = df[{each.code}]" for each in ask.filters]
    for key in ask.keys:
        cell = f"df[{literal(key.column)}]"
        if key.period == "weekday":
            lines.insert(0, "import calendar")
            lines.append("weekdays = list(calendar.day_name)")
            names = f"pd.Categorical({cell}.dt.day_name(), categories=weekdays, ordered=True)"
            lines.append(f'df["weekday"] = {names}')
        elif key.period:
            lines.append(f"df[{literal(key.period)}] = {cell}{_PERIOD_CODE[key.period]}")
    return lines


def is_ordered(key: Key, table: Table) -> bool:
    """Whether a key's values have an order of their own: periods, dates, numbers but ids."""
    return bool(key.period) or table.is_ordered(key.column)


async def grouped(work: Work, ask: Ask, table: Table) -> Totals:
    """Compute a complete ask that has keys, and write the whole result to a CSV."""
    keys = tuple(key.name for key in ask.keys)
    values = _value_names(ask)
    title = describe(ask)
    path = output_path(f"{slug(title)}.csv")
    order = _order_code(ask, table, keys, values)
    lines = [*prepare(ask, table), "", *_group_code(ask, keys, values, order)]
    lines += [f"result.to_csv({literal(path)}, index=False)", "", 'print("Result")']
    lines += [f"print(result.head({MAX_ROWS_SHOWN}).to_csv(index=False))"]
    lines += ['print("Groups:", len(result))', 'print("Rows:", len(df))']
    if ask.chart == "pie":
        lines += [f'print("Below zero:", (result[{literal(values[0])}] < 0).sum())']
    in_order = is_ordered(ask.keys[0], table)
    lines += comparison_code(ask, keys, values, in_order=in_order)
    if not (ask.top or ask.having):  # some groups are not the whole: nothing to compare
        check = check_groups(ask, values[0], keys)
        lines += ["", "if len(df):", *(f"    {line}" if line else "" for line in check)]
    logs = await work.run("\n".join(lines), f"compute the {title}")
    return Totals(path, keys, values, title, logs)


async def answer_grouped(work: Work, ask: Ask, table_: Table, done: Totals) -> bool:
    """Say a grouped result: a table, who leads, the check, and what to know about the data.

    False where nothing fits the conditions.
    """
    head, *rows = section(done.logs, "Result") or [[]]
    name = escape(table_.source.name)
    if not rows:
        await work.say(f"Nothing in {name} fits: {escape(done.title)}.")
        return False
    count, part = counted(value(done.logs, "Rows"), "row"), cut(done.logs, len(rows))
    await work.say(
        f"{sentence(escape(done.title))}, from {count} of {name}{part}:",
        result_table(done, head, rows),
        _leader(ask, rows, done),
        said_comparison(done.logs),
        said_best(done),
        said_check(done.logs),
        notes(ask, table_),
    )
    return True


async def to_workbook(work: Work, done: Totals) -> str:
    """Write a result's CSV as an Excel file too; returns its path."""
    path = done.path.removesuffix(".csv") + ".xlsx"
    lines = ["import pandas as pd", "", f"result = pd.read_csv({literal(done.path)})"]
    lines += [f"result.to_excel({literal(path)}, index=False)", f'print("saved", {literal(path)})']
    await work.run("\n".join(lines), "write an Excel file")
    return path


def describe(ask: Ask) -> str:
    """A complete ask in words: `total revenue by region (region North)`."""
    whats = [label(a, m) for m in ask.measures for a in ask.aggregates] or ["number of rows"]
    by = f" by {listing([key.name for key in ask.keys])}" if ask.keys else ""
    said = [each.said for each in ask.filters]
    said += [f"{whats[0]} {each.said.removeprefix(each.column).strip()}" for each in ask.having]
    kept = " and ".join(said)
    return f"{listing(whats)}{by}" + (f" ({kept})" if kept else "")


def conditions(ask: Ask) -> str:
    """The filters in words, as Markdown."""
    return " and ".join(escape(each.said) for each in ask.filters)


def notes(ask: Ask, table_: Table) -> str:
    """What to know about the data behind a result: missing values, duplicates, stray spaces."""
    columns = [table_.column(name) for name in [*ask.measures, *(key.column for key in ask.keys)]]
    columns = list(dict.fromkeys(columns))
    found = []
    for column in (each for each in columns if each.missing):
        rows = "1 row has" if column.missing == 1 else f"{column.missing:,} rows have"
        found.append(f"{rows} no {escape(column.name)}")
    stray = [escape(column.name) for column in columns if column.stray_spaces]
    if stray:
        found.append(f"stray spaces in {listing(stray)} were ignored")
    if table_.duplicates:
        one = table_.duplicates == 1
        rows = "1 row repeats" if one else f"{table_.duplicates:,} rows repeat"
        rest = "counts as it stands; “clean it” removes it" if one else _COUNT
        found.append(f"{rows} another exactly and {rest}")
    return f"Note: in the whole file {'; '.join(found)}." if found else ""


def _value_names(ask: Ask) -> tuple[str, ...]:
    names = [slug(label(a, m)) for m in ask.measures for a in ask.aggregates]
    return tuple(names) or ("count",)


def _order_code(ask: Ask, table: Table, keys: Sequence[str], values: Sequence[str]) -> str:
    """Sort by keys that have an order of their own, unless a ranking is asked; else by value."""
    ordered = any(is_ordered(key, table) for key in ask.keys)
    if (ordered or ask.chart == "line") and not ask.by_value:
        return f"result = result.sort_values([{', '.join(map(literal, keys))}])"
    return f"result = result.sort_values({literal(values[0])}, ascending={ask.ascending})"


def _group_code(ask: Ask, keys: Sequence[str], values: Sequence[str], order: str) -> list[str]:
    by = f"[{', '.join(map(literal, keys))}]"
    lines = [f"groups = df.groupby({by}, as_index=False, dropna=False, observed=True)"]
    if ask.measures:
        pairs = [(m, a) for m in ask.measures for a in ask.aggregates]
        named = zip(values, pairs, strict=True)
        inner = ", ".join(f"{v}=({literal(m)}, {literal(a)})" for v, (m, a) in named)
        digits = ", ".join(f"{literal(v)}: 6" for v in values)
        lines.append(f"result = groups.agg({inner}).round({{{digits}}})")
    else:
        lines.append('result = groups.size().rename(columns={"size": "count"})')
    first = literal(values[0])
    lines.append(order)
    if ask.share:
        share = f"(100 * result[{first}] / result[{first}].sum()).round(1)"
        lines.append(f'result["share_percent"] = {share}')
    for each in ask.having:
        condition = each.code.removeprefix(f"df[{literal(each.column)}]")
        lines.append(f"result = result[result[{first}]{condition}]")
    if ask.change and any(key.period for key in ask.keys) and len(ask.keys) == 1:
        lines.append(f'result["change_percent"] = (100 * result[{first}].pct_change()).round(1)')
    if ask.running and len(ask.keys) == 1:
        lines.append(f'result["running_total"] = result[{first}].cumsum().round(6)')
    if ask.top:
        lines.append(f"result = result.head({ask.top})")
    return lines


def _leader(ask: Ask, rows: Sequence[Sequence[str]], done: Totals) -> str:
    if not ask.rank or value(done.logs, "Best"):
        return ""
    at = len(done.keys)
    who = escape(", ".join(rows[0][:at]))
    word = "lowest" if ask.ascending else "highest"
    amount = number_column([row[at] for row in rows])[0]
    return f"**{who}** has the {word} {done.values[0].replace('_', ' ')}: **{amount}**."
