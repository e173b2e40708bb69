"""Totals, averages, counts … of a table, by groups or over all rows, checked a second way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.planner.asks import Ask, is_rate, label
from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    listing,
    literal,
    number,
    output_path,
    section,
    sentence,
    slug,
    table,
    value,
)
from engine.planner.workbench import Work

MAX_ROWS_SHOWN = 25

_PERIOD_CODE = {
    "month": '.dt.strftime("%Y-%m")',
    "quarter": '.dt.to_period("Q").dt.strftime("%Y-Q%q")',
    "year": '.dt.strftime("%Y")',
    "week": '.dt.to_period("W").dt.start_time.dt.strftime("%Y-%m-%d")',
    "day": '.dt.strftime("%Y-%m-%d")',
    "hour": ".dt.hour",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """A grouped result: where it was written, and its columns."""

    path: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    title: str
    logs: str


def complete(ask: Ask, table: Table) -> Ask:
    """Fill in what was not said: the measure most likely meant, and how to combine it."""
    measures = ask.measures
    counting = set(ask.aggregates) & {"count", "nunique"}
    main = table.main_number
    if not measures and not counting and main is not None:
        measures = (main.name,)
    aggregates = ask.aggregates
    if not measures:
        aggregates = ("count",)
    elif not aggregates:
        aggregates = ("mean" if is_rate(measures[0]) else "sum",)
    return replace(ask, measures=measures, aggregates=aggregates)


def prepare(ask: Ask, table: Table) -> list[str]:
    """Lines that read the table, keep the rows asked for and add the periods to group by."""
    used = [*(f.column for f in ask.filters), *(k.column for k in ask.keys), *ask.measures]
    lines = table.load(*used)
    lines += [f"df = df[{each.code}]" for each in ask.filters]
    for key in ask.keys:
        cell = f"df[{literal(key.column)}]"
        if key.period == "weekday":
            lines.insert(0, "import calendar")
            lines.append(f"weekday = {cell}.dt.day_name()")
            days = "categories=list(calendar.day_name), ordered=True"
            lines.append(f'df["weekday"] = pd.Categorical(weekday, {days})')
        elif key.period:
            lines.append(f"df[{literal(key.period)}] = {cell}{_PERIOD_CODE[key.period]}")
    return lines


async def grouped(work: Work, ask: Ask, table: Table, export: str = "") -> Totals:
    """Compute a complete ask with keys; write the whole result to a CSV when `export` says so."""
    keys = tuple(key.name for key in ask.keys)
    values = _value_names(ask)
    title = describe(ask)
    path = output_path(f"{slug(title)}.csv")
    lines = [*prepare(ask, table), "", *_group_code(ask, keys, values)]
    lines.append(f"result.to_csv({literal(path)}, index=False)" if export else "")
    lines += ["", 'print("Result")', f"print(result.head({MAX_ROWS_SHOWN}).to_csv(index=False))"]
    lines += ['print("Groups:", len(result))', 'print("Rows:", len(df))', ""]
    lines += _check_code(ask, values[0], keys)
    logs = await work.run("\n".join(lines), f"compute the {title}")
    return Totals(path, keys, values, title, logs)


async def answer_grouped(work: Work, ask: Ask, table_: Table, done: Totals) -> None:
    """Say a grouped result: a table, its total, the check, and what to know about the data."""
    head, *rows = section(done.logs, "Result") or [[]]
    if not rows:
        await work.say(f"No rows of {escape(table_.source.name)} fit {_conditions(ask)}.")
        return
    groups, count = value(done.logs, "Groups"), value(done.logs, "Rows")
    intro = f"{sentence(done.title)}, from {number(count)} rows of {escape(table_.source.name)}"
    shown = f" (the first {len(rows)} of {number(groups)})" if int(groups) > len(rows) else ""
    numbers = range(len(done.keys), len(head))
    spoken = [
        *done.keys,
        *(_spoken(name) for name in done.values),
        *head[len(numbers) + len(done.keys) :],
    ]
    spoken = [*done.keys, *(_spoken(name) for name in head[len(done.keys) :])]
    leader = _leader(ask, rows, done)
    await work.say(f"{intro}{shown}:", table(spoken, rows, list(numbers)), leader)
    await work.say(_said_check(done.logs), notes(ask, table_))


async def answer_overall(work: Work, ask: Ask, table_: Table) -> None:
    """Compute and say values over all (kept) rows, without groups."""
    title = describe(ask)
    lines = [*prepare(ask, table_), "", 'print("Rows:", len(df))', 'print("Result")']
    lines.append('print("measure,value")')
    if ask.aggregates == ("count",):
        lines += ['print("rows,", len(df), sep="")', ""]
        condition = " & ".join(f"({f.code})" for f in ask.filters)
        lines += [
            "# Cross-check: count the rows one by one.",
            "one_by_one = sum(1 for _ in df.index)",
        ]
        lines += [
            "print()",
            'print("Check:", one_by_one, "rows counted one by one,", len(df), "by len")',
        ]
        del condition
    else:
        for measure in ask.measures:
            for aggregate in ask.aggregates:
                name = label(aggregate, measure).replace(",", " ").replace('"', "")
                call = "count" if aggregate == "count" else aggregate
                lines.append(
                    f'print({literal(name + ",")}, df[{literal(measure)}].{call}(), sep="")'
                )
        lines += ["print()", "", *_overall_check(ask)]
    logs = await work.run("\n".join(lines), f"compute the {title}")
    rows = section(logs, "Result")[1:]
    count = number(value(logs, "Rows"))
    where = f"{escape(table_.source.name)}"
    kept = f" where {_conditions(ask)}" if ask.filters else ""
    if len(rows) == 1 and ask.aggregates == ("count",):
        await work.say(f"**{number(rows[0][1])}** rows in {where}{kept}.")
    elif len(rows) == 1:
        name, amount = rows[0]
        await work.say(
            f"{sentence(escape(name))}: **{number(amount)}**, over {count} rows of {where}{kept}."
        )
    else:
        await work.say(
            f"Over {count} rows of {where}{kept}:", table(["measure", "value"], rows, [1])
        )
    await work.say(_said_check(logs), notes(ask, table_))


async def top_rows(work: Work, ask: Ask, table_: Table) -> None:
    """The rows with the highest (or lowest) value of a column."""
    measure, count = ask.measures[0], ask.top or 5
    pick = "nsmallest" if ask.ascending else "nlargest"
    lines = [*prepare(ask, table_), "", f"result = df.{pick}({count}, {literal(measure)})"]
    lines += ['print("Result")', "print(result.to_csv(index=False))", ""]
    order = f"df.sort_values({literal(measure)}, ascending={ask.ascending})"
    lines += ["# Cross-check: sort all rows and take the first ones."]
    lines += [f"again = {order}[{literal(measure)}].head({count}).tolist()"]
    lines += [
        f'print("Check: sorting all rows gives the same:", again == result[{literal(measure)}].tolist())'
    ]
    logs = await work.run("\n".join(lines), f"find the rows by {measure}")
    head, *rows = section(logs, "Result")
    numbers = [i for i, name in enumerate(head) if name in {c.name for c in table_.numbers}]
    word = "lowest" if ask.ascending else "highest"
    await work.say(
        f"The {len(rows)} rows with the {word} {escape(measure)} in {escape(table_.source.name)}:"
    )
    await work.say(table(head, rows, numbers), _said_check(logs), notes(ask, table_))


def describe(ask: Ask) -> str:
    """A complete ask in words: `total revenue by region (region North)`."""
    whats = [label(a, m) for m in ask.measures for a in ask.aggregates] or ["number of rows"]
    by = f" by {listing([key.name for key in ask.keys])}" if ask.keys else ""
    return f"{listing(whats)}{by}" + (f" ({_conditions(ask)})" if ask.filters else "")


def notes(ask: Ask, table_: Table) -> str:
    """What to know about the data behind a result: missing values, duplicates, stray spaces."""
    found = []
    for name in dict.fromkeys([*ask.measures, *(key.column for key in ask.keys)]):
        column = table_.column(name)
        if column.missing:
            rows = "1 row has" if column.missing == 1 else f"{column.missing:,} rows have"
            found.append(f"{rows} no {escape(name)}")
        if column.stray_spaces:
            found.append(f"stray spaces in {escape(name)} were ignored")
    if table_.duplicates:
        rows = "1 row repeats" if table_.duplicates == 1 else f"{table_.duplicates:,} rows repeat"
        found.append(
            f"{rows} another exactly and counts as it stands (“clean it” removes such rows)"
        )
    return f"Note: {'; '.join(found)}." if found else ""


def _value_names(ask: Ask) -> tuple[str, ...]:
    names = [slug(label(a, m)) for m in ask.measures for a in ask.aggregates]
    return tuple(names) or ("count",)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _group_code(ask: Ask, keys: Sequence[str], values: Sequence[str]) -> list[str]:
    by = f"[{', '.join(map(literal, keys))}]"
    group = f"df.groupby({by}, as_index=False, dropna=False, observed=True)"
    if ask.measures:
        pairs = [(m, a) for m in ask.measures for a in ask.aggregates]
        named = zip(values, pairs, strict=True)
        inner = ", ".join(f"{v}=({literal(m)}, {literal(a)})" for v, (m, a) in named)
        call = f"{group}.agg({inner})"
    else:
        call = f'{group}.size().rename(columns={{"size": "count"}})'
    lines = [f"result = {call}.round(6)"]
    in_order = any(key.period for key in ask.keys) and not ask.rank
    if in_order:
        lines.append(f"result = result.sort_values({by})")
    else:
        lines.append(
            f"result = result.sort_values({literal(values[0])}, ascending={ask.ascending})"
        )
    if ask.top:
        lines.append(f"result = result.head({ask.top})")
    if ask.share:
        cell = f"result[{literal(values[0])}]"
        lines.append(f'result["share_percent"] = (100 * {cell} / {cell}.sum()).round(1)')
    return lines


def _check_code(ask: Ask, first: str, keys: Sequence[str]) -> list[str]:
    """A second, independent way to the same figures, as far as one line of code goes."""
    aggregate = ask.aggregates[0]
    cell = f"result[{literal(first)}]"
    if ask.top:
        return []
    if aggregate == "count":
        return ['print("Check:", ' + f'{cell}.sum(), "in the groups,", len(df), "rows in all")']
    column = f"df[{literal(ask.measures[0])}]"
    if aggregate == "sum":
        return [
            "# Cross-check: add all rows one by one, without grouping.",
            "import math",
            "",
            f"one_by_one = math.fsum({column}.dropna())",
            f'print(f"Check: {{{cell.replace(chr(34), chr(39))}.sum():,.2f}} in the groups, {{one_by_one:,.2f}} over all rows")',
        ]
    if aggregate in {"max", "min"}:
        return [
            'print("Check:", '
            + f'{cell}.{aggregate}(), "in the groups,", {column}.{aggregate}(), "over all rows")'
        ]
    name = "result.iloc[0]"
    by = " & ".join(f"(df[{literal(k)}] == {name}[{literal(k)}])" for k in keys)
    method = {"mean": "np.mean", "median": "np.median", "std": "np.std", "nunique": "len"}[
        aggregate
    ]
    picked = f"df.loc[{by}, {literal(ask.measures[0])}].dropna()"
    inner = (
        f"set({picked})"
        if aggregate == "nunique"
        else picked + (", ddof=1" if aggregate == "std" else "")
    )
    return [
        "# Cross-check: the first group again, with NumPy and a mask instead of groupby.",
        "import numpy as np",
        "",
        f"again = {method}({inner})",
        f'print(f"Check: {{{name}[{literal(first).replace(chr(34), chr(39))}]:,.4f}} for the first group, {{again:,.4f}} by hand")',
    ]


def _overall_check(ask: Ask) -> list[str]:
    measure, aggregate = ask.measures[0], ask.aggregates[0]
    ways = {
        "sum": ("math.fsum(values)", "added one by one"),
        "mean": ("statistics.fmean(values)", "by the statistics module"),
        "median": ("statistics.median(values)", "by the statistics module"),
        "std": ("statistics.stdev(values)", "by the statistics module"),
        "max": ("sorted(values)[-1]", "last when sorted"),
        "min": ("sorted(values)[0]", "first when sorted"),
        "count": ("len(values)", "counted one by one"),
        "nunique": ("len(set(values))", "in a set"),
    }
    way, said = ways[aggregate]
    imports = [f"import {way.split('.')[0]}", ""] if "." in way else []
    return [
        "# Cross-check: the same without pandas.",
        *imports,
        f"values = df[{literal(measure)}].dropna().tolist()",
        f'print(f"Check: {{{way}:,.2f}} {said}")',
    ]


def _said_check(logs: str) -> str:
    said = value(logs, "Check")
    return f"Cross-check: {escape(said)}." if said else ""


def _conditions(ask: Ask) -> str:
    return " and ".join(escape(each.said) for each in ask.filters)


def _leader(ask: Ask, rows: Sequence[Sequence[str]], done: Totals) -> str:
    if not ask.rank or not rows:
        return ""
    who = escape(", ".join(rows[0][: len(done.keys)]))
    word = "lowest" if ask.ascending else "highest"
    return f"**{who}** has the {word} {_spoken(done.values[0])}: **{number(rows[0][len(done.keys)])}**."


async def to_workbook(work: Work, done: Totals) -> str:
    """Write a result's CSV as an Excel file too; returns its path."""
    path = done.path.removesuffix(".csv") + ".xlsx"
    read = f"pd.read_csv({literal(done.path)})"
    code = f'import pandas as pd\n\n{read}.to_excel({literal(path)}, index=False)\nprint("saved", {literal(path)})'
    await work.run(code, "write an Excel file")
    return path
