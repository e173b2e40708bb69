"""A data_visualization block as a small SVG."""

from __future__ import annotations

import math
from html import escape

from tests.fakes.slack.records import Json

_COLOURS = ("#1264a3", "#2bac76", "#e8912d", "#cd2553", "#6b4fbb", "#0b8a8a")
_WIDTH, _HEIGHT = 460, 200


def chart(block: Json) -> str:
    """The chart with its title and legend."""
    drawn = block["chart"]
    if drawn["type"] == "pie":
        names = [one["label"] for one in drawn["segments"]]
        inner = _pie([float(one["value"]) for one in drawn["segments"]])
    else:
        names = [one["name"] for one in drawn["series"]]
        inner = _series(drawn)
    legend = "".join(
        f'<span><i style="background:{_colour(at)}"></i>{escape(str(name))}</span>'
        for at, name in enumerate(names)
    )
    picture = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 24}" width="{_WIDTH}">{inner}</svg>'
    title = f"<b>{escape(block['title'])}</b>"
    return f'<div class="chart">{title}{picture}<div class="legend">{legend}</div></div>'


def _colour(at: int) -> str:
    return _COLOURS[at % len(_COLOURS)]


def _pie(values: list[float]) -> str:
    total, angle, slices = sum(values) or 1, -math.pi / 2, []
    middle, radius = (_WIDTH / 2, _HEIGHT / 2), _HEIGHT / 2
    for at, value in enumerate(values):
        turn = 2 * math.pi * min(value / total, 0.9999)
        start, end = _point(middle, radius, angle), _point(middle, radius, angle + turn)
        large = int(turn > math.pi)
        slices.append(
            f'<path fill="{_colour(at)}" d="M{middle[0]},{middle[1]} L{start} '
            f'A{radius},{radius} 0 {large} 1 {end} Z"/>'
        )
        angle += turn
    return "".join(slices)


def _point(middle: tuple[float, float], radius: float, angle: float) -> str:
    x, y = middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle)
    return f"{x:.1f},{y:.1f}"


def _series(drawn: Json) -> str:
    rows = [[float(one["value"]) for one in line["data"]] for line in drawn["series"]]
    labels = [str(one["label"]) for one in drawn["series"][0]["data"]]
    top = max((value for row in rows for value in row), default=1) or 1
    step = _WIDTH / max(1, len(labels))
    parts = [
        f'<text x="{(at + 0.5) * step:.1f}" y="{_HEIGHT + 16}" text-anchor="middle" '
        f'font-size="11" fill="#616061">{escape(label)}</text>'
        for at, label in enumerate(labels)
    ]
    for number, row in enumerate(rows):
        heights = [max(0.0, value / top) * (_HEIGHT - 10) for value in row]
        if drawn["type"] == "bar":
            width = step * 0.7 / len(rows)
            parts += [
                f'<rect x="{at * step + step * 0.15 + number * width:.1f}" width="{width:.1f}" '
                f'y="{_HEIGHT - height:.1f}" height="{height:.1f}" fill="{_colour(number)}"/>'
                for at, height in enumerate(heights)
            ]
        else:
            dots = " ".join(
                f"{(at + 0.5) * step:.1f},{_HEIGHT - height:.1f}"
                for at, height in enumerate(heights)
            )
            stroke = f'stroke="{_colour(number)}" stroke-width="2" fill="none"'
            parts.append(f'<polyline points="{dots}" {stroke}/>')
    return "".join(parts)
