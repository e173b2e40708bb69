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
_THOUSANDS = 'set_major_formatter("{{x:,.10g}}")'  # braces doubled: it goes through format()

_FINISH = """
ax.set_title({title})
ax.spines[["top", "right"]].set_visible(False)
fig.tight_layout()
fig.savefig({path}, dpi=150)
plt.close(fig)
print("saved", {path})
"""


def kind_for(ask: Ask, by_date: bool) -> str:
    """The kind of chart for a grouped result: as said, else lines over time and bars otherwise."""
    if ask.chart not in {"auto", ""}:
        return ask.chart
    over_time = any(key.period and key.period != "weekday" for key in ask.keys)
    return "line" if over_time or by_date else "bar"


async def draw_grouped(work: Work, ask: Ask, done: Totals, by_date: bool) -> str:
    """Draw a grouped result from its CSV; returns the chart's path."""
    kind = kind_for(ask, by_date)
    kind = kind if kind in _PLOTS else "bar"
    path = output_path(f"{slug(done.title)}_{'bar' if kind == 'barh' else kind}_chart.png")
    lines = ["import matplotlib.pyplot as plt", "import pandas as pd", ""]
    lines += ["# The numbers come from the file written above."]
    lines += [f"result = pd.read_csv({literal(done.path)})", *_shape(done), "", *_plot(kind, done)]
    lines += [_FINISH.format(title=literal(sentence(done.title)), path=literal(path))]
    await work.run("\n".join(lines), f"draw the {kind} chart")
    return path


def _shape(done: Totals) -> list[str]:
    """One row per label and one column per series."""
    index = literal(done.keys[0])
    if len(done.keys) == 1:
        columns = ", ".join(map(literal, done.values))
        return [f"result = result.astype({{{index}: str}}).set_index({index})[[{columns}]]"]
    series = f"index={index}, columns={literal(done.keys[1])}, values={literal(done.values[0])}"
    return [f"result = result.pivot_table({series}, sort=False)"]


def _plot(kind: str, done: Totals) -> list[str]:
    axis = done.values[0].replace("_", " ") if len(done.values) == 1 else "value"
    has_series = len(done.keys) > 1 or len(done.values) > 1
    template = _PLOTS[kind]
    lines = template.format(legend=has_series, axis=literal(axis)).strip().splitlines()
    if kind == "bar" and not has_series:
        lines += ["digits = 0 if bars.abs().to_numpy().max() >= 100 else 2"]
        lines += ['ax.bar_label(ax.containers[0], fmt=f"{{:,.{digits}f}}", padding=2, fontsize=8)']
    return lines


_PLOTS = {
    "line": f"""
fig, ax = plt.subplots(figsize=(9, 5))
result.plot(ax=ax, marker="o", legend={{legend}})
ax.tick_params(axis="x", rotation=45)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
ax.grid(axis="y", alpha=0.3)
""",
    "bar": f"""
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({_MAX_BARS})
bars.plot.bar(ax=ax, legend={{legend}}, width=0.75)
ax.tick_params(axis="x", rotation=45 if len(bars) > {_MANY_LABELS} else 0)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
""",
    "barh": f"""
fig, ax = plt.subplots(figsize=(9, 5))
result.head({_MAX_BARS})[::-1].plot.barh(ax=ax, legend={{legend}})
ax.xaxis.{_THOUSANDS}
ax.set_xlabel({{axis}})
""",
    "pie": f"""
shares = result.iloc[:, 0].nlargest({_MAX_SLICES})
others = result.iloc[:, 0].sum() - shares.sum()
if others > 0.005:
    shares["others"] = others
fig, ax = plt.subplots(figsize=(7, 6))
shares.plot.pie(ax=ax, autopct="%1.1f%%", startangle=90, counterclock=False, ylabel="")
""",
}


async def draw_raw(work: Work, ask: Ask, table: Table) -> str | None:
    """Draw a histogram, box plot or scatter of raw columns; None when it has no such columns."""
    numbers = [*ask.measures, *(column.name for column in table.numbers)]
    main = table.main_number
    if not ask.measures and main is not None:
        numbers.insert(0, main.name)
    numbers = list(dict.fromkeys(numbers))
    if len(numbers) < (2 if ask.chart == "scatter" else 1):
        return None
    y, x = numbers[0], numbers[1] if len(numbers) > 1 else ""
    by = f", by={literal(ask.keys[0].name)}" if ask.keys else ""
    title, name = {
        "scatter": (f"{y} against {x}", f"{slug(y, 'vs', x)}_scatter.png"),
        "histogram": (f"distribution of {y}", f"{slug(y)}_histogram.png"),
        "box": (f"box plot of {y}", f"{slug(y)}_box_plot.png"),
    }[ask.chart]
    path = output_path(name)
    measures = (y, x) if ask.chart == "scatter" else (y,)
    asked = Ask(measures=measures, keys=ask.keys, filters=ask.filters)
    lines = ["import matplotlib.pyplot as plt", *prepare(asked, table), ""]
    lines += [_RAW[ask.chart].format(x=literal(x), y=literal(y), by=by).strip()]
    lines += [_FINISH.format(title=literal(sentence(title)), path=literal(path))]
    await work.run("\n".join(lines), f"draw the {title}")
    return path


_RAW = {
    "scatter": """
fig, ax = plt.subplots(figsize=(8, 5))
ax.scatter(df[{x}], df[{y}], alpha=0.6)
ax.set_xlabel({x})
ax.set_ylabel({y})
print("Correlation:", round(df[{x}].corr(df[{y}]), 3))
""",
    "histogram": """
values = df[{y}].dropna()
print(values.describe().round(2).to_string())

fig, ax = plt.subplots(figsize=(8, 5))
ax.hist(values, bins="auto", edgecolor="white")
median = values.median()
ax.axvline(median, color="black", linestyle="--", label=f"median {{median:,.2f}}")
ax.legend()
ax.set_xlabel({y})
ax.set_ylabel("rows")
""",
    "box": """
fig, ax = plt.subplots(figsize=(8, 5))
df.boxplot(column={y}{by}, ax=ax)
fig.suptitle("")
ax.set_ylabel({y})
print(df[{y}].describe().round(2).to_string())
""",
}
