"""Simulated dice and coins, beside their exact chances."""

from __future__ import annotations

import re

from engine.planner.chart_style import COLORS, finish
from engine.planner.text import link, number, output_path, section, table, value
from engine.planner.workbench import Work

_MAX_ROLLS = 20_000_000
_MAX_DICE = 20
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}


async def roll_dice(work: Work, match: re.Match[str]) -> None:
    """Roll `dice` dice `rolls` times; a table and a chart of the sums."""
    spoken = (match["dice"] or "one").lower()
    dice = min(_COUNTS.get(spoken) or max(1, int(spoken)), _MAX_DICE)
    rolls = min(max(1, int(match["rolls"].replace(",", ""))), _MAX_ROLLS)
    path = output_path("dice_rolls.png")
    title = f"{rolls:,} rolls: sums of {dice} dice"
    code = _DICE.format(rolls=rolls, dice=dice, colors=COLORS, finish=finish(title, path))
    logs = await work.run(code, "simulate the dice")
    head, *rows = section(logs, "Result")
    what = "one die" if dice == 1 else f"{dice} dice"
    expected = value(logs, "Expected mean")
    await work.say(
        f"{rolls:,} rolls of {what}: the mean is **{value(logs, 'Mean')}** ({expected} expected).",
        table(head, rows, [1, 2]),
        f"Cross-check against the exact chances: they differ by at most {value(logs, 'Check')}.",
        "Files: " + link(path),
    )


async def flip_coins(work: Work, match: re.Match[str]) -> None:
    """Flip a coin `flips` times."""
    flips = min(max(1, int(match["flips"].replace(",", ""))), _MAX_ROLLS)
    logs = await work.run(_COINS.format(flips=flips), "simulate the coin")
    heads, tails = number(value(logs, "Heads")), number(value(logs, "Tails"))
    await work.say(
        f"{flips:,} flips: **{heads}** heads and {tails} tails.",
        f"Cross-check: that is {value(logs, 'Check')} standard deviations from half.",
    )


_DICE = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(42)
sums = sum(rng.integers(1, 7, size={rolls}) for _ in range({dice}))

# What to expect: the exact probabilities, by convolution.
chances = np.array([1.0])
for _ in range({dice}):
    chances = np.convolve(chances, np.ones(6) / 6)
totals = np.arange({dice}, 6 * {dice} + 1)
counts = np.bincount(sums, minlength=6 * {dice} + 1)[{dice}:]

result = pd.DataFrame({{"sum": totals, "rolls": counts, "expected": (chances * {rolls}).round(1)}})
print("Result")
print(result.to_csv(index=False))
print("Mean:", round(float(sums.mean()), 4))
print("Expected mean:", 3.5 * {dice})
print(f"Check: {{100 * np.abs(counts / {rolls} - chances).max():.2f}} percentage points")

fig, ax = plt.subplots(figsize=(9, 5))
{colors}
ax.bar(totals, counts, color=colors[0], label="simulated")
ax.plot(totals, chances * {rolls}, "o-", color=colors[1], label="expected")
ax.yaxis.set_major_formatter("{{x:,.0f}}")
ax.set_xlabel("sum")
ax.set_ylabel("rolls")
ax.legend(frameon=False)
{finish}
"""

_COINS = """
import numpy as np

rng = np.random.default_rng(42)
heads = int(rng.integers(0, 2, size={flips}).sum())
print("Heads:", heads)
print("Tails:", {flips} - heads)
print("Check:", round((heads - {flips} / 2) / ({flips} / 4) ** 0.5, 2))
"""
