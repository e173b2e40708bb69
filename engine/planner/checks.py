"""A second, independent way to the same figure: the code of the cross-checks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner.asks import Ask
from engine.planner.text import escape, literal, number_column, value

_BY_NUMPY = {"mean": "np.mean({})", "median": "np.median({})", "std": "np.std({}, ddof=1)"}
_WITHOUT_PANDAS = {
    "sum": ("math.fsum(values)", "added one by one"),
    "mean": ("statistics.fmean(values)", "by the statistics module"),
    "median": ("statistics.median(values)", "by the statistics module"),
    "std": ("statistics.stdev(values)", "by the statistics module"),
    "max": ("sorted(values)[-1]", "last when sorted"),
    "min": ("sorted(values)[0]", "first when sorted"),
    "count": ("len(values)", "counted one by one"),
    "nunique": ("len(set(values))", "in a set"),
}


def check_groups(ask: Ask, first: str, keys: Sequence[str]) -> list[str]:
    """Code that compares a grouped result with the ungrouped rows.

    Sums, counts and extremes are compared over all groups, other values for the first group.
    """
    aggregate = ask.aggregates[0]
    groups = f"result[{literal(first)}]"
    if aggregate == "count":
        return [f'print("Check:", {groups}.sum(), "in the groups,", len(df), "rows in all")']
    column = f"df[{literal(ask.measures[0])}]"
    if aggregate == "sum":
        return [
            "# Cross-check: add all rows one by one, without grouping.",
            "import math",
            "",
            f"in_groups = {groups}.sum()",
            f"one_by_one = math.fsum({column}.dropna())",
            'print(f"Check: {in_groups:,.2f} in the groups, {one_by_one:,.2f} over all rows")',
        ]
    if aggregate in {"max", "min"}:
        return [
            f"in_groups, over_all = {groups}.{aggregate}(), {column}.{aggregate}()",
            'print(f"Check: {in_groups:,.2f} in the groups, {over_all:,.2f} over all rows")',
        ]
    return _check_first_group(ask, first, keys)


def _check_first_group(ask: Ask, first: str, keys: Sequence[str]) -> list[str]:
    mask = " & ".join(f"(df[{literal(k)}] == first[{literal(k)}])" for k in keys)
    way = _BY_NUMPY.get(ask.aggregates[0], "len(set({}))").format("values")
    return [
        "# Cross-check: the first group again, with NumPy and a mask instead of groupby.",
        "import numpy as np",
        "",
        "first = result.iloc[0]",
        f"values = df.loc[{mask}, {literal(ask.measures[0])}].dropna().to_numpy()",
        f"grouped, again = first[{literal(first)}], {way}",
        'print(f"Check: {grouped:,.4f} for the first group, {again:,.4f} by hand")',
    ]


def check_overall(ask: Ask) -> list[str]:
    """Code that computes the first value over all rows again, without pandas."""
    way, said = _WITHOUT_PANDAS[ask.aggregates[0]]
    imports = [f"import {way.split('.')[0]}", ""] if "." in way else []
    return [
        "# Cross-check: the same without pandas.",
        *imports,
        f"values = df[{literal(ask.measures[0])}].dropna().tolist()",
        f'print(f"Check: {{{way}:,.2f}} {said}")',
    ]


def said_check(logs: str) -> str:
    """The check's outcome as a sentence, its numbers as in tables; empty where there is none."""
    said = value(logs, "Check")
    figures = re.findall(r"-?[\d,]*\d\.\d+", said)
    for figure, shown in zip(
        figures, number_column([f.replace(",", "") for f in figures]), strict=True
    ):
        said = said.replace(figure, shown, 1)
    return f"Cross-check: {escape(said)}." if said else ""
