"""Charts: of a grouped result that was written to a file, or of a table's raw columns."""

from __future__ import annotations

from engine.planner.asks import Ask
from engine.planner.chart_style import COLORS, finish
from engine.planner.grids import Totals
from engine.planner.text import literal, output_path, sentence, slug
from engine.planner.workbench import Work

_MAX_BARS = 30
_MAX_SLICES = 8
_MANY_LABELS = 7
_THOUSANDS = 'set_major_formatter("{{x:,.10g}}")'  # braces doubled: it goes through format()


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
    kind = "bar" if kind == "stacked" and len(done.keys) < 2 else kind
    path = output_path(f"{slug(done.title)}_{'bar' if kind == 'barh' else kind}_chart.png")
    lines = ["import matplotlib.pyplot as plt", "import pandas as pd", ""]
    lines += ["# The numbers come from the file written above."]
    lines += [f"result = pd.read_csv({literal(done.path)})", *_shape(done), COLORS, ""]
    lines += _plot(kind, done)
    grid = {"barh": "x", "pie": ""}.get(kind, "y")
    lines += ["", finish(sentence(done.title), path, grid=grid)]
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
result.plot(ax=ax, marker="o", markersize=5, linewidth=2, color=colors, legend={{legend}})
ax.tick_params(axis="x", rotation=45 if len(result) > {_MANY_LABELS} else 0)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
ax.set_xlabel("")
""",
    "bar": f"""
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({_MAX_BARS})
bars.plot.bar(ax=ax, color=colors, legend={{legend}}, width=0.75)
ax.tick_params(axis="x", rotation=45 if len(bars) > {_MANY_LABELS} else 0)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
ax.set_xlabel("")
""",
    "stacked": f"""
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({_MAX_BARS})
bars.plot.bar(ax=ax, stacked=True, color=colors, width=0.7)
ax.tick_params(axis="x", rotation=45 if len(bars) > {_MANY_LABELS} else 0)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
ax.set_xlabel("")
""",
    "barh": f"""
fig, ax = plt.subplots(figsize=(9, 5))
result.head({_MAX_BARS})[::-1].plot.barh(ax=ax, color=colors, legend={{legend}}, width=0.75)
ax.xaxis.{_THOUSANDS}
ax.set_xlabel({{axis}})
ax.set_ylabel("")
""",
    "pie": f"""
shares = result.iloc[:, 0].nlargest({_MAX_SLICES})
others = result.iloc[:, 0].sum() - shares.sum()
if others > 0.005:
    shares["others"] = others
fig, ax = plt.subplots(figsize=(7, 6))
edge = {{{{"edgecolor": "white", "linewidth": 1.5}}}}
shares.plot.pie(ax=ax, autopct="%1.1f%%", pctdistance=0.75, startangle=90, counterclock=False,
                colors=colors, wedgeprops=edge, ylabel="")
for percent in ax.texts[1::2]:
    percent.set(color="white", fontweight="bold", fontsize=9)
""",
}
