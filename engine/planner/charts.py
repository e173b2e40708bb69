"""Charts: of a grouped result that was written to a file, or of a table's raw columns."""

from __future__ import annotations

from engine.planner.asks import Ask
from engine.planner.tables import Table
from engine.planner.text import literal, output_path, sentence, slug
from engine.planner.totals import Totals, prepare
from engine.planner.workbench import Work

_MAX_BARS = 30
_MAX_SLICES = 8
_MANY_LABELS = 7

_HEAD = """
import matplotlib.pyplot as plt
import pandas as pd
"""

_FOOT = """
ax.set_title({title})
ax.spines[["top", "right"]].set_visible(False)
fig.tight_layout()
fig.savefig({path}, dpi=150)
plt.close(fig)
print("saved", {path})
"""


def kind_for(ask: Ask) -> str:
    """The kind of chart for a grouped result: as said, else lines over time and bars otherwise."""
    if ask.chart not in {"auto", ""}:
        return ask.chart
    over_time = any(key.period and key.period != "weekday" for key in ask.keys)
    return "line" if over_time else "bar"


async def draw_grouped(work: Work, ask: Ask, done: Totals, is_date: bool) -> str:
    """Draw a grouped result from its CSV; returns the chart's path."""
    kind = kind_for(ask)
    if kind == "bar" and is_date and ask.chart == "auto":
        kind = "line"
    path = output_path(f"{slug(done.title)}_{'bar' if kind == 'barh' else kind}_chart.png")
    keys = [literal(key) for key in done.keys]
    lines = [
        _HEAD,
        f"# The numbers come from the file written above.\nresult = pd.read_csv({literal(done.path)})",
    ]
    if len(keys) > 1:
        lines.append(
            f"result = result.pivot_table(index={keys[0]}, columns={keys[1]}, "
            f"values={literal(done.values[0])}, sort=False)"
        )
    else:
        columns = ", ".join(map(literal, done.values))
        lines.append(
            f"result = result.astype({{{keys[0]}: str}}).set_index({keys[0]})[[{columns}]]"
        )
    lines += ["", *_plot(kind, done)]
    lines.append(_FOOT.format(title=literal(sentence(done.title)), path=literal(path)))
    await work.run("\n".join(lines), f"draw the {kind} chart")
    return path


def _plot(kind: str, done: Totals) -> list[str]:
    axis = done.values[0].replace("_", " ") if len(done.values) == 1 else "value"
    legend = len(done.keys) > 1 or len(done.values) > 1
    if kind == "pie":
        return [
            f"shares = result.iloc[:, 0].nlargest({_MAX_SLICES})",
            "others = result.iloc[:, 0].sum() - shares.sum()",
            "if others > 0:",
            '    shares["others"] = others',
            "fig, ax = plt.subplots(figsize=(7, 6))",
            'shares.plot.pie(ax=ax, autopct="%1.1f%%", startangle=90, counterclock=False, ylabel="")',
        ]
    size = "fig, ax = plt.subplots(figsize=(9, 5))"
    ticks = '.set_major_formatter("{x:,.0f}")'
    if kind == "line":
        draw = f'result.plot(ax=ax, marker="o", legend={legend})'
        turn = 'ax.tick_params(axis="x", rotation=45)' if True else ""
        return [
            size,
            draw,
            turn,
            f"ax.yaxis{ticks}",
            f"ax.set_ylabel({literal(axis)})",
            'ax.grid(axis="y", alpha=0.3)',
        ]
    if kind == "barh":
        return [
            size,
            f"result.head({_MAX_BARS})[::-1].plot.barh(ax=ax, legend={legend})",
            f"ax.xaxis{ticks}",
            f"ax.set_xlabel({literal(axis)})",
        ]
    lines = [
        size,
        f"bars = result.head({_MAX_BARS})",
        f"bars.plot.bar(ax=ax, legend={legend}, width=0.75)",
    ]
    lines += [
        f'ax.tick_params(axis="x", rotation=45 if len(bars) > {_MANY_LABELS} else 0)',
        f"ax.yaxis{ticks}",
    ]
    if not legend:
        lines.append('ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=2, fontsize=8)')
    return [*lines, f"ax.set_ylabel({literal(axis)})"]


async def draw_raw(work: Work, ask: Ask, table: Table) -> str | None:
    """Draw a histogram, box plot or scatter of raw columns; None when it has no such columns."""
    numbers = list(ask.measures) or ([table.main_number.name] if table.main_number else [])
    if ask.chart == "scatter":
        numbers = (
            numbers
            if len(numbers) > 1
            else list(dict.fromkeys([*numbers, *(c.name for c in table.numbers)]))
        )
        return await _scatter(work, ask, table, numbers) if len(numbers) > 1 else None
    if not numbers:
        return None
    column = numbers[0]
    title = f"distribution of {column}" if ask.chart == "histogram" else f"box plot of {column}"
    path = output_path(
        f"{slug(column)}_{'histogram' if ask.chart == 'histogram' else 'box_plot'}.png"
    )
    lines = [*_prepared(ask, table, [column]), "", "fig, ax = plt.subplots(figsize=(8, 5))"]
    if ask.chart == "histogram":
        lines += [
            f"values = df[{literal(column)}].dropna()",
            'ax.hist(values, bins="auto", edgecolor="white")',
        ]
        lines += [
            'ax.axvline(values.median(), color="black", linestyle="--", label=f"median {values.median():,.2f}")'
        ]
        lines += [
            "ax.legend()",
            'ax.set_ylabel("rows")',
            f"ax.set_xlabel({literal(column)})",
            "print(values.describe().round(2).to_string())",
        ]
    else:
        by = f", by={literal(ask.keys[0].name)}" if ask.keys else ""
        lines += [
            f"df.boxplot(column={literal(column)}{by}, ax=ax)",
            'fig.suptitle("")',
            f"ax.set_ylabel({literal(column)})",
        ]
    lines.append(_FOOT.format(title=literal(sentence(title)), path=literal(path)))
    await work.run("\n".join(lines), f"draw the {title}")
    return path


async def _scatter(work: Work, ask: Ask, table: Table, numbers: list[str]) -> str:
    y, x = numbers[0], numbers[1]
    path = output_path(f"{slug(y, 'vs', x)}_scatter.png")
    lines = [*_prepared(ask, table, [x, y]), "", "fig, ax = plt.subplots(figsize=(8, 5))"]
    lines += [f"ax.scatter(df[{literal(x)}], df[{literal(y)}], alpha=0.6)"]
    lines += [f"ax.set_xlabel({literal(x)})", f"ax.set_ylabel({literal(y)})"]
    lines += [f'print("Correlation:", round(df[{literal(x)}].corr(df[{literal(y)}]), 3))']
    lines.append(_FOOT.format(title=literal(f"{y} against {x}"), path=literal(path)))
    await work.run("\n".join(lines), f"draw {y} against {x}")
    return path


def _prepared(ask: Ask, table: Table, columns: list[str]) -> list[str]:
    asked = Ask(measures=tuple(columns), keys=ask.keys, filters=ask.filters)
    return ["import matplotlib.pyplot as plt", *prepare(asked, table)]
