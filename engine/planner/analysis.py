"""Correlation, outliers and linear trends of a table's number columns."""

from __future__ import annotations

from engine.planner.asks import Ask
from engine.planner.chart_style import COLORS, finish
from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    link,
    literal,
    number,
    output_path,
    section,
    slug,
    table,
    value,
)
from engine.planner.totals import conditions, prepare
from engine.planner.workbench import Work

_MAX_COLUMNS = 20


def _listed(names: list[str]) -> str:
    return f"[{', '.join(map(literal, names))}]"


async def answer_correlation(work: Work, ask: Ask, table_: Table) -> None:
    """The correlation matrix of the number columns, with a heatmap."""
    names = [column.name for column in table_.numbers][:_MAX_COLUMNS]
    if len(names) < 2:
        name = escape(table_.source.name)
        await work.say(f"A correlation needs two number columns; {name} has {len(names)}.")
        return
    path = output_path("correlation_heatmap.png")
    code = _CORRELATION.format(
        load="\n".join(prepare(Ask(measures=tuple(names), filters=ask.filters), table_)),
        columns=_listed(names),
        first=literal(names[0]),
        second=literal(names[1]),
        finish=finish("Correlation", path, grid=""),
    )
    logs = await work.run(code, "compute the correlation matrix")
    head, *rows = section(logs, "Result")
    strongest = value(logs, "Strongest")
    kept = f" ({conditions(ask)})" if ask.filters else ""
    await work.say(
        f"Correlation (Pearson) of the number columns of {escape(table_.source.name)}{kept}:",
        table(["", *head[1:]], rows, right=range(1, len(head))),
        f"Strongest: {escape(strongest)}. Cross-check: {escape(value(logs, 'Check'))}.",
        "Files: " + link(path),
    )


async def answer_outliers(work: Work, ask: Ask, table_: Table) -> None:
    """Values beyond 1.5 interquartile ranges from the quartiles, per number column."""
    names = list(ask.measures) or [column.name for column in table_.numbers][:_MAX_COLUMNS]
    if not names:
        await work.say(f"{escape(table_.source.name)} has no numbers to find outliers in.")
        return
    path = output_path("outliers.csv")
    code = _OUTLIERS.format(
        load="\n".join(prepare(Ask(measures=tuple(names), filters=ask.filters), table_)),
        columns=_listed(names),
        path=literal(path),
    )
    logs = await work.run(code, "look for outliers")
    head, *rows = section(logs, "Result")
    found, *examples = section(logs, "Rows") or [[]]
    kept = f" ({conditions(ask)})" if ask.filters else ""
    await work.say(
        f"Values further than 1.5 interquartile ranges from the quartiles{kept}:",
        table(head, rows, range(1, len(head))),
    )
    if examples:
        await work.say("The rows furthest out:", table(found, examples), "Files: " + link(path))


async def answer_trend(work: Work, ask: Ask, table_: Table) -> None:
    """A straight line through a column's totals by month, and the next three months on it."""
    measure = ask.measures[0] if ask.measures else table_.numbers[-1].name
    date = table_.date
    if date is None:
        return
    path = output_path(f"{slug(measure)}_trend.png")
    loaded = prepare(Ask(measures=(measure, date.name), filters=ask.filters), table_)
    code = _TREND.format(
        load="\n".join(loaded),
        measure=literal(measure),
        date=literal(date.name),
        colors=COLORS,
        finish=finish(f"Trend of {measure} by month", path),
    )
    logs = await work.run(code, f"fit a line through {measure} by month")
    kept = f" ({conditions(ask)})" if ask.filters else ""
    head, *rows = section(logs, "Result")
    await work.say(
        f"A straight line through {escape(measure)} by month{kept} changes by "
        f"**{number(value(logs, 'Slope'))}** a month (R² {value(logs, 'R2')}). Going on like that:",
        table(head, rows, [1]),
        f"Cross-check: {escape(value(logs, 'Check'))}. A line through {value(logs, 'Months')} "
        "months is a rough guide: it knows nothing of seasons.",
        "Files: " + link(path),
    )


_CORRELATION = """
{load}
import matplotlib.pyplot as plt
import numpy as np

numbers = df[{columns}]
result = numbers.corr().round(3)
print("Result")
print(result.to_csv())

pairs = result.where(np.triu(np.ones(result.shape, dtype=bool), k=1)).stack()
for one, other in pairs.abs().nlargest(1).index:
    print(f"Strongest: {{one}} and {{other}}, {{pairs[one, other]:.3f}}")

# Cross-check: one coefficient again, by NumPy.
both = numbers[[{first}, {second}]].dropna()
print(f"Check: NumPy gives {{np.corrcoef(both.T)[0, 1]:.3f}} for", {first}, "and", {second})

fig, ax = plt.subplots(figsize=(1.2 * len(result) + 3, 1.0 * len(result) + 2))
image = ax.imshow(result, vmin=-1, vmax=1, cmap="RdBu_r")
ax.set_xticks(range(len(result)), result.columns, rotation=45, ha="right")
ax.set_yticks(range(len(result)), result.index)
for row, column in np.ndindex(result.shape):
    r = result.iat[row, column]
    color = "white" if abs(r) > 0.6 else "black"
    ax.text(column, row, f"{{r:.2f}}", ha="center", va="center", color=color)
fig.colorbar(image)
ax.tick_params(length=0)
{finish}
"""

_OUTLIERS = """
{load}

limits = []
strength = pd.Series(0.0, index=df.index)
for name in {columns}:
    low, high = df[name].quantile([0.25, 0.75])
    spread = 1.5 * (high - low)
    outside = (df[name] < low - spread) | (df[name] > high + spread)
    limits.append([name, low - spread, high + spread, outside.sum()])
    if spread:
        strength = strength.mask(outside, (df[name] - df[name].median()).abs() / spread)

print("Result")
limits = pd.DataFrame(limits, columns=["column", "low limit", "high limit", "outliers"])
print(limits.round(4).to_csv(index=False))
rows = df.loc[strength[strength > 0].sort_values(ascending=False).index]
if len(rows):
    rows.to_csv({path}, index=False)
    print("Rows")
    print(rows.head(10).to_csv(index=False))
"""

_TREND = """
{load}
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

monthly = df.set_index({date})[{measure}].resample("MS").sum()
month = np.arange(len(monthly))
slope, intercept = np.polyfit(month, monthly, 1)
print("Months:", len(monthly))
print("Slope:", round(slope, 4))

# Cross-check: the same line by another library.
fit = stats.linregress(month, monthly)
print(f"R2: {{fit.rvalue ** 2:.3f}}")
print(f"Check: SciPy finds a slope of {{fit.slope:,.4f}}, NumPy one of {{slope:,.4f}}")

ahead = pd.date_range(monthly.index[-1], periods=4, freq="MS")[1:]
forecast = intercept + slope * np.arange(len(monthly), len(monthly) + 3)
result = pd.DataFrame({{"month": ahead.strftime("%Y-%m"), "expected": forecast.round(2)}})
print("Result")
print(result.to_csv(index=False))

fig, ax = plt.subplots(figsize=(9, 5))
{colors}
ax.plot(monthly.index, monthly, marker="o", markersize=5, color=colors[0], label="actual")
line = intercept + slope * np.arange(len(monthly) + 3)
ax.plot(monthly.index.append(ahead), line, "--", color=colors[1], label="linear trend")
ax.yaxis.set_major_formatter("{{x:,.0f}}")
ax.set_ylabel({measure})
ax.legend(frameon=False)
{finish}
"""
