"""How all charts look: one calm palette, few lines, sharp enough to print."""

from __future__ import annotations

from engine.planner.text import literal

_PALETTE = ("#3b6ea5", "#e08e45", "#5a9e8f", "#c05b62", "#8a7bb0", "#b59a57", "#7f8c99", "#d08fb0")

# Set in the code of each chart, not for the whole kernel: people's own figures stay theirs.
COLORS = f"colors = [{', '.join(map(literal, _PALETTE))}]"


def finish(title: str, path: str, *, grid: str = "y") -> str:
    """Code that gives `fig` and `ax` their title and lines, and saves the figure.

    Arguments:
        title, path: text of anybody's, made literals here.
        grid: the axis whose grid lines are shown: `x`, `y`, `both`, or empty for none.
    """
    lines = [f'ax.set_title({literal(title)}, loc="left", fontweight="bold", pad=12)']
    lines += ['ax.spines[["top", "right"]].set_visible(False)']
    if grid:
        lines += [f'ax.grid(axis={literal(grid)}, color="#dddddd", linewidth=0.8)']
        lines += ["ax.set_axisbelow(True)", 'ax.tick_params(length=0, colors="#444444")']
    # The picture grows with its labels: none is cut off, and none takes room from what is drawn.
    saved = f'fig.savefig({literal(path)}, dpi=150, bbox_inches="tight")'
    lines += [saved, "plt.close(fig)"]
    return "\n".join([*lines, f'print("saved", {literal(path)})'])
