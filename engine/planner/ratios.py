"""One column per unit of another: `average price per unit` is total revenue over total units."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.planner.asks import Ask, is_rate
from engine.planner.roles import Key
from engine.planner.tables import Table
from engine.planner.text import (
    counted,
    escape,
    link,
    literal,
    number_column,
    output_path,
    section,
    slug,
    table,
    value,
)
from engine.planner.totals import conditions, notes, prepare
from engine.planner.words import mentions, words
from engine.planner.workbench import Work

_PER = re.compile(r"\b(?:per|for each|for every|for one)\s+(?:\w+\s+)?$", re.IGNORECASE)
_QUANTITY = {"unit", "quantity", "qty", "piece", "volume", "item"}
_MAX_GROUPS = 25


@dataclass(frozen=True, slots=True)
class Ratio:
    """`above` divided by `below`, within the groups of `keys`."""

    above: str
    below: str
    keys: tuple[Key, ...]


def find_ratio(text: str, ask: Ask, table_: Table) -> Ratio | None:
    """The ratio that a question asks for; None where it asks for none."""
    parts = words(text)
    named = mentions([word.stem for word in parts], [c.name.strip() for c in table_.columns])
    amounts = [m for m in named if table_.is_amount(m.column)]
    per = [m for m in amounts if _PER.search(text[: parts[m.first].start])]
    if not per or ask.chart in {"scatter", "histogram", "box"}:
        return None
    below = per[0].column
    if any(key.column == below for key in ask.keys) and not _QUANTITY & {
        word.stem for word in words(below)
    }:
        return None  # "average salary per age" is grouped
    above = [m.column for m in amounts if m.column != below]
    main = table_.main_number
    if not above and main is not None and main.name != below:
        above = [main.name]
    if not above or is_rate(above[0]):
        return None
    keys = tuple(key for key in ask.keys if key.column != below)
    return Ratio(above[0], below, keys)


async def answer_ratio(work: Work, ask: Ask, ratio: Ratio, table_: Table) -> None:
    """Compute a ratio over all rows, or by group, and say how it was understood."""
    ask = replace(ask, keys=ratio.keys)
    needed = Ask(measures=(ratio.above, ratio.below), keys=ask.keys, filters=ask.filters)
    above, below = literal(ratio.above), literal(ratio.below)
    path = output_path(f"{slug(ratio.above, 'per', ratio.below, *(k.name for k in ask.keys))}.csv")
    lines = [*prepare(needed, table_), f"df = df.dropna(subset=[{above}, {below}])", ""]
    lines += [f"print('Ratio:', df[{above}].sum() / df[{below}].sum())", 'print("Rows:", len(df))']
    if ask.keys:
        by = ", ".join(literal(key.name) for key in ask.keys)
        lines += [f"result = df.groupby([{by}], observed=True)[[{above}, {below}]].sum()"]
        lines += [f'result["ratio"] = result[{above}] / result[{below}]']
        lines += ['result = result.sort_values("ratio", ascending=False).round(6)']
        lines += [f"result.to_csv({literal(path)})", 'print("Result")']
        lines += [f"print(result.head({_MAX_GROUPS}).to_csv())"]
    lines += ["", "# Cross-check: the ratios of the rows, weighted.", "import numpy as np", ""]
    lines += [f"rows = df[df[{below}] != 0]"]
    lines += [f"again = np.average(rows[{above}] / rows[{below}], weights=rows[{below}])"]
    lines += ["print('Check:', again)"]
    logs = await work.run("\n".join(lines), f"compute {ratio.above} per {ratio.below}")
    found = number_column([value(logs, "Ratio"), value(logs, "Check")])
    kept = f" ({conditions(ask)})" if ask.filters else ""
    name = f"{escape(ratio.above)} per {escape(ratio.below)}"
    head, *rows = section(logs, "Result") or [[]]
    await work.say(
        f"I take this as total {escape(ratio.above)} divided by total {escape(ratio.below)}: "
        f"**{found[0]}**, over {counted(value(logs, 'Rows'), 'row')} of "
        f"{escape(table_.source.name)}{kept}.",
        table([*head[:-1], name], rows, range(len(ask.keys), len(head))) if rows else "",
        f"Cross-check: the weighted average of the rows' own ratios is {found[1]}.",
        notes(needed, table_),
        f"Files: {link(path)}" if rows else "",
    )
