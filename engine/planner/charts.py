"""Charts: of a grouped result that was written to a file, or of a table's raw columns."""

from __future__ import annotations

from engine.planner.asks import Ask
from engine.planner.chart_style import COLORS, finish
from engine.planner.grids import Totals
from engine.planner.roles import Key
from engine.planner.tables import Table
from engine.planner.text import literal, output_path, sentence, slug, value
from engine.planner.totals import is_ordered
from engine.planner.workbench import Work

_MAX_BARS = 30
_MAX_BARS_IN_ORDER = 366  # a year of days: the time between would be missed
_MAX_TICKS = 15  # where there are more bars than names find room for
_MAX_SLICES = 8  # as many as there are colours
_MAX_NAME = 40
_NAME_END = 15  # of a longer one: names often differ at their ends only
_MANY_LABELS = 7
_MAX_MARKED = 40
_THOUSANDS = 'set_major_formatter("{{x:,.10g}}")'  # braces doubled: it goes through format()


def kind_for(ask: Ask, done: Totals, table: Table) -> tuple[str, str]:
    """The kind of chart for a grouped result, and why it is not the one that was asked for.

    As said, else lines over time and bars otherwise; empty text where it is as said.
    """
    over_time = _axis(ask.keys[0], table) == "time" or any(
        key.period not in {"", "weekday"} for key in ask.keys
    )
    if ask.chart in {"auto", ""}:
        return ("line" if over_time and not ask.by_value else "bar"), ""
    if ask.chart == "pie" and _has_series(done):
        return "bar", "A pie shows one value for each name; here are several, so I drew bars."
    if ask.chart == "pie" and value(done.logs, "Below zero") not in {"", "0"}:
        return "bar", "A pie can't show values below zero, so I drew bars."
    if ask.chart == "stacked" and len(done.keys) < 2:
        return "bar", "There is nothing to stack: these are plain bars."
    if ask.chart not in _PLOTS:
        return "bar", f"I can't draw a {ask.chart} of this, so I drew bars."
    return ask.chart, ""


async def draw_grouped(work: Work, ask: Ask, kind: str, done: Totals, table: Table) -> str:
    """Draw a grouped result from its CSV as one `kind` of chart; returns the chart's path."""
    axis = _axis(ask.keys[0], table)
    path = output_path(f"{slug(done.title)}_{'bar' if kind == 'barh' else kind}_chart.png")
    lines = ["import matplotlib.pyplot as plt", "import pandas as pd", ""]
    lines += ["# The numbers come from the file written above."]
    lines += [f"result = pd.read_csv({literal(done.path)})"]
    lines += [*_shape(done, axis if kind == "line" else ""), *_shortened(ask, table), COLORS, ""]
    if kind == "line" and axis:
        lines += _plot_on_axis(done, axis)
    else:
        in_order = is_ordered(ask.keys[0], table) and not ask.by_value
        lines += _plot(kind, done, _MAX_BARS_IN_ORDER if in_order else _MAX_BARS)
    grid = {"barh": "x", "pie": ""}.get(kind, "y")
    lines += ["", finish(sentence(done.title), path, grid=grid)]
    await work.run("\n".join(lines), f"draw the {kind} chart")
    return path


def _axis(key: Key, table: Table) -> str:
    """What a line's axis measures: `time`, `number`, or nothing where its values are labels."""
    if table.column(key.column).kind == "date":
        return "time" if key.period in {"", "day", "week"} else ""
    return "number" if table.is_ordered(key.column) else ""


def _shape(done: Totals, axis: str) -> list[str]:
    """One row per label, point in time or number, and one column per series."""
    name = literal(done.keys[0])
    kept = {"time": f"pd.to_datetime(result[{name}])", "number": f"result[{name}]"}
    lines = [f"result[{name}] = {kept.get(axis, f'result[{name}].astype(str)')}"]
    if len(done.keys) == 1:
        columns = ", ".join(map(literal, done.values))
        lines.append(f"result = result.set_index({name})[[{columns}]]")
    else:
        series = f"index={name}, columns={literal(done.keys[1])}, values={literal(done.values[0])}"
        lines.append(f"result = result.pivot_table({series}, sort=False)")
    if axis:
        lines.append("result = result[result.index.notna()].sort_index()")
    return lines


def _shortened(ask: Ask, table: Table) -> list[str]:
    """Code that cuts long names: they would leave no room for what is drawn."""
    columns = [table.column(key.column) for key in ask.keys if not key.period]
    texts = [each for each in columns if each.kind == "text"]
    if all(each.values and max(map(len, each.values)) <= _MAX_NAME for each in texts):
        return []
    return [
        "",
        "def short(name):",
        f"    if len(name) <= {_MAX_NAME}:",
        "        return name",
        f'    return name[:{_MAX_NAME - _NAME_END - 1}] + "…" + name[-{_NAME_END}:]',
        "",
        f"result = result.rename(index=short{', columns=short' * (len(ask.keys) > 1)})",
    ]


def _plot_on_axis(done: Totals, axis: str) -> list[str]:
    """Lines over an axis that measures: gaps between its values are as wide as they are."""
    lines = [*_ON_AXIS.strip().splitlines(), f"ax.set_ylabel({literal(_amount(done))})"]
    if _has_series(done):
        lines.append("ax.legend(frameon=False)")
    if axis == "time":
        lines.insert(0, "from matplotlib.dates import ConciseDateFormatter\n")
        ticks = "ConciseDateFormatter(ax.xaxis.get_major_locator())"
        lines.append(f"ax.xaxis.set_major_formatter({ticks})")
    else:
        lines += ['if result.index.dtype.kind == "i":']
        lines += ['    ax.locator_params(axis="x", integer=True)']
        lines += [f"ax.set_xlabel({literal(done.keys[0])})"]
    return lines


def _plot(kind: str, done: Totals, most: int) -> list[str]:
    has_series = _has_series(done)
    template = _PLOTS[kind]
    axis = literal(_amount(done))
    lines = template.format(legend=has_series, axis=axis, most=most).strip().splitlines()
    if kind == "bar" and not has_series:
        lines += [f"if len(bars) <= {_MAX_BARS}:"]
        lines += ["    heights = bars.fillna(0).to_numpy()"]
        lines += ["    whole = (heights == heights.round()).all()"]
        lines += ["    digits = 0 if whole or abs(heights).max() >= 100 else 2"]
        lines += ['    form = f"{{:,.{digits}f}}"']
        lines += ["    ax.bar_label(ax.containers[0], fmt=form, padding=2, fontsize=8)"]
    return lines


def _has_series(done: Totals) -> bool:
    return len(done.keys) > 1 or len(done.values) > 1


def _amount(done: Totals) -> str:
    """What the values are, to stand beside their axis."""
    return done.values[0].replace("_", " ") if len(done.values) == 1 else "value"


_ON_AXIS = f"""
fig, ax = plt.subplots(figsize=(9, 5))
ax.set_prop_cycle(color=colors)
for name, series in result.items():
    series = series.dropna()
    marker = "o" if len(series) <= {_MAX_MARKED} else None
    ax.plot(series.index, series, marker=marker, markersize=5, linewidth=2, label=name)
ax.yaxis.{_THOUSANDS.replace("{{", "{").replace("}}", "}")}
"""
_BARS_AXIS = f"""
step = 1 if len(bars) <= {_MAX_BARS} else -(-len(bars) // {_MAX_TICKS})
ax.set_xticks(range(0, len(bars), step), bars.index[::step])
if len(bars) > {_MANY_LABELS}:
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
else:
    ax.tick_params(axis="x", rotation=0)
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
some = f"the first {{{{len(bars)}}}} of {{{{len(result)}}}}"
ax.set_xlabel(some if len(bars) < len(result) else "")
"""
_PLOTS = {
    "line": f"""
fig, ax = plt.subplots(figsize=(9, 5))
result.plot(ax=ax, marker="o", markersize=5, linewidth=2, color=colors, legend={{legend}})
step = 1 if len(result) <= {_MAX_BARS} else -(-len(result) // {_MAX_TICKS})
ax.set_xticks(range(0, len(result), step), result.index[::step])
if len(result) > {_MANY_LABELS}:
    plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
ax.yaxis.{_THOUSANDS}
ax.set_ylabel({{axis}})
ax.set_xlabel("")
""",
    "bar": """
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({most})
bars.plot.bar(ax=ax, color=colors, legend={legend}, width=0.75)
"""
    + _BARS_AXIS,
    "stacked": """
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({most})
bars.plot.bar(ax=ax, stacked=True, color=colors, width=0.7)
"""
    + _BARS_AXIS,
    "barh": f"""
fig, ax = plt.subplots(figsize=(9, 5))
bars = result.head({_MAX_BARS})
bars[::-1].plot.barh(ax=ax, color=colors, legend={{legend}}, width=0.75)
ax.xaxis.{_THOUSANDS}
ax.set_xlabel({{axis}})
some = f"the first {{{{len(bars)}}}} of {{{{len(result)}}}}"
ax.set_ylabel(some if len(bars) < len(result) else "")
""",
    "pie": f"""
most = {_MAX_SLICES} if len(result) <= {_MAX_SLICES} else {_MAX_SLICES - 1}
shares = result.iloc[:, 0].nlargest(most)
others = result.iloc[:, 0].sum() - shares.sum()
if others > 0.005:
    shares["others"] = others
fig, ax = plt.subplots(figsize=(7, 6))
edge = {{{{"edgecolor": "white", "linewidth": 1.5}}}}
shares.plot.pie(ax=ax, autopct="%1.1f%%", pctdistance=0.75, startangle=90, counterclock=False,
                colors=colors, wedgeprops=edge, ylabel="")
for percent in ax.texts[len(shares):]:  # the names come first
    percent.set(color="white", fontweight="bold", fontsize=9)
""",
}
