"""Printing figures with their goals beside them."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure below which that share of all lies."""
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))]


def row(what: str, value: float, unit: str, goal: str = "") -> None:
    """One line of a Markdown table."""
    print(f"| {what} | {value:,.1f} {unit} | {goal} |")


def head(title: str) -> None:
    """The title and head of a table."""
    print(f"\n### {title}\n\n| what | measured | goal |\n|---|---|---|")
