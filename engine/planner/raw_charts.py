"""Charts of a table's rows themselves: histogram, box plot, scatter; said in words as well."""

from __future__ import annotations

from engine.planner.asks import Ask
from engine.planner.chart_style import COLORS, finish
from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    link,
    literal,
    number_column,
    output_path,
    section,
    sentence,
    slug,
    table,
    value,
)
from engine.planner.totals import conditions, notes, prepare
from engine.planner.workbench import Work

KINDS = ("histogram", "scatter", "box")
_SUMMARY = """
names = {"50%": "median", "25%": "lower quarter", "75%": "upper quarter"}
columns = ["count", "mean", "min", "lower quarter", "median", "upper quarter", "max"]
print("Summary")
"""
_SCATTER = """
df = df[[x, y]].dropna()
print("Rows:", len(df))
print(f"Correlation: {df[x].corr(df[y]):.3f}")

# Cross-check: the same coefficient by NumPy.
import numpy as np

print(f"Check: NumPy gives {np.corrcoef(df[x], df[y])[0, 1]:.3f}")

fig, ax = plt.subplots(figsize=(8, 5))
ax.scatter(df[x], df[y], s=36, alpha=0.65, color=colors[0], edgecolors="white")
ax.set_xlabel(x)
ax.set_ylabel(y)
"""
_HISTOGRAM = """
values = df[y].dropna()
print(values.describe().rename(names)[columns].to_frame().T.to_csv(index=False))

fig, ax = plt.subplots(figsize=(8, 5))
ax.hist(values, bins="auto", color=colors[0], edgecolor="white")
ax.axvline(values.median(), color="#333333", linestyle="--", label=f"median {values.median():,.2f}")
ax.legend(frameon=False)
ax.set_xlabel(y)
ax.set_ylabel("rows")
"""
_BOX = """
values = df[y].dropna()
print(values.describe().rename(names)[columns].to_frame().T.to_csv(index=False))
boxes = {y: values}
"""
_BOXES = """
groups = df.dropna(subset=[y]).groupby(by, observed=True)[y]
print(groups.describe().rename(columns=names)[columns].to_csv())
boxes = {str(name): values for name, values in groups}
"""
_DRAW_BOXES = """
fig, ax = plt.subplots(figsize=(8, 5))
drawn = ax.boxplot(list(boxes.values()), patch_artist=True, widths=0.55,
                   medianprops={"color": "#333333"})
for box in drawn["boxes"]:
    box.set(facecolor=colors[0], alpha=0.55)
ax.set_xticks(range(1, len(boxes) + 1), list(boxes))
ax.set_ylabel(y)
"""


async def answer_raw(work: Work, ask: Ask, table_: Table) -> bool:
    """Draw the chart and say what it shows; False where the table has no such columns."""
    columns = _columns(ask, table_)
    if len(columns) < (2 if ask.chart == "scatter" else 1):
        return False
    y, x = columns[0], columns[1] if ask.chart == "scatter" else ""
    title, name = {
        "scatter": (f"{y} against {x}", f"{slug(y, 'vs', x)}_scatter.png"),
        "histogram": (f"distribution of {y}", f"{slug(y)}_histogram.png"),
        "box": (f"box plot of {y}", f"{slug(y)}_box_plot.png"),
    }[ask.chart]
    path = output_path(name)
    asked = Ask(measures=tuple(filter(None, (y, x))), keys=ask.keys, filters=ask.filters)
    lines = ["import matplotlib.pyplot as plt", *prepare(asked, table_), ""]
    lines += [f"y = {literal(y)}", *([f"x = {literal(x)}"] if x else []), COLORS]
    lines += _body(ask)
    lines += [finish(sentence(title), path, grid="both" if ask.chart == "scatter" else "y")]
    logs = await work.run("\n".join(lines), f"draw the {title}")
    kept = f" ({conditions(ask)})" if ask.filters else ""
    by = f" by {escape(ask.keys[0].name)}" if ask.keys and ask.chart == "box" else ""
    await work.say(
        f"{sentence(escape(title))}{by}, from {escape(table_.source.name)}{kept}:",
        _in_words(ask, logs),
        notes(asked, table_),
        f"Files: {link(path)}",
    )
    return True


def _columns(ask: Ask, table_: Table) -> list[str]:
    """The columns to draw: those that were named, then the most likely ones."""
    main = table_.main_number
    likely = [main.name] if main is not None and not ask.measures else []
    return list(dict.fromkeys([*likely, *ask.measures, *(c.name for c in table_.numbers)]))


def _body(ask: Ask) -> list[str]:
    match ask.chart:
        case "scatter":
            return [_SCATTER]
        case "histogram":
            return [_SUMMARY.rstrip(), _HISTOGRAM.lstrip()]
    if not ask.keys:
        return [_SUMMARY.rstrip(), _BOX.strip(), _DRAW_BOXES]
    by = f"by = {literal(ask.keys[0].name)}"
    return [by, _SUMMARY.rstrip(), _BOXES.strip(), _DRAW_BOXES]


def _in_words(ask: Ask, logs: str) -> str:
    if ask.chart == "scatter":
        found, rows = value(logs, "Correlation"), counted(value(logs, "Rows"), "row")
        check = f"Cross-check: {value(logs, 'Check')}."
        return f"Their correlation (Pearson) is **{found}**, over {rows}. {check}"
    head, *rows_ = section(logs, "Summary") or [[]]
    if ask.chart == "box" and ask.keys:
        return table(head, rows_, range(1, len(head)))
    texts = dict(zip(head, number_column(rows_[0]), strict=True))
    count = f"{float(rows_[0][0]):,.0f}"
    return (
        f"The median is **{texts['median']}** and the mean {texts['mean']}; the middle half of the "
        f"{count} values lies between {texts['lower quarter']} and {texts['upper quarter']}, all "
        f"of them between {texts['min']} and {texts['max']}."
    )
