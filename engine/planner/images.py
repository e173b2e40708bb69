"""Pictures: measured and edited with Pillow, one line of code for each thing asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.planner.chart_style import finish
from engine.planner.edits import Edit, parse_edits, places_of_edits
from engine.planner.protocol import LabFile
from engine.planner.text import (
    escape,
    link,
    listing,
    literal,
    number,
    output_path,
    shown_name,
    slug,
    suffix,
    value,
)
from engine.planner.unread import note_on, strange_beside
from engine.planner.workbench import IMAGES, TABLES, Work

_KEPT_KINDS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"}
_JPEG = {".jpg", ".jpeg"}
_CHART = re.compile(r"_(histogram|chart|plot|scatter|heatmap|trend|rolls)\.png$")
_HISTOGRAM = re.compile(r"\bhistogram", re.IGNORECASE)
_PICTURE = re.compile(
    r"\b(image|picture|photo|pixels?|size|dimensions?|histogram)\b", re.IGNORECASE
)
_CONVERT = re.compile(
    r"\b(?:convert|save|export|to|as)\b[^.;\n]*?\b(png|jpe?g|webp|bmp|gif)\b", re.IGNORECASE
)
_SPOKEN = re.compile(
    r"\b(?:gr[ae]y\w*|black|white|colou?r\w*|bright\w*|dark\w*|mode|wide|width|tall|height|photo\w*|"
    r"images?|pictures?|pixels?|resolution|png|jpe?g|webp|bmp|gif|degrees?|stands? out)\b",
    re.IGNORECASE,
)
_ABILITIES = (
    "I can't see what it shows, but I can rotate, crop, resize, blur, invert or mirror it, change "
    "contrast and brightness, make it grayscale, or draw its histogram."
)


class Images:
    """Size, histogram, grayscale, rotate, crop, resize, contrast … of a picture."""

    def matches(self, work: Work) -> bool:
        """Whether a picture is attached, or the text speaks of one that is there."""
        images = _pictures(work)
        if not any(image in work.focus for image in images):
            return False
        if parse_edits(work.text) or _CONVERT.search(work.text):
            return True
        if any(file in work.focus for file in work.of(TABLES)):
            return False
        given = bool(work.question.attached or work.named)
        return given or _PICTURE.search(work.text) is not None

    async def answer(self, work: Work) -> None:
        """Measure the picture; apply the edits in order; draw the histogram of the result."""
        work.remark(note_on(_strange(work.text)))
        source = _subject(work)
        name = escape(shown_name(source.path))
        edits, convert = parse_edits(work.text), _CONVERT.search(work.text)
        kind = convert[1].lower() if convert else ""
        logs = await work.run(_MEASURE.format(path=literal(source.path)), f"open {name}")
        about = (
            f"{name} is a {value(logs, 'Format')} picture of **{value(logs, 'Size')}** pixels, "
            f"mode {value(logs, 'Mode')}, {number(str(source.size_bytes))} bytes"
        )
        made = []
        if edits or kind:
            made.append(await _edit(work, source, edits, kind))
            steps = [edit.said for edit in edits] or [f"saved it as {kind}"]
            about += f". I {listing(steps)}."
        else:
            about += f"; its mean brightness is {value(logs, 'Brightness')} of 255."
        if _HISTOGRAM.search(work.text):
            made.append(await _histogram(work, made[0] if made else source.path))
        await work.say(about, "Files: " + " · ".join(map(link, made)) if made else _ABILITIES)


def _strange(text: str) -> list[str]:
    patterns = (_CONVERT, _HISTOGRAM, _PICTURE, _SPOKEN)
    spans = [match.span() for pattern in patterns for match in pattern.finditer(text)]
    return [text[a:b] for a, b in strange_beside(text, [*spans, *places_of_edits(text)])]


async def _edit(work: Work, source: LabFile, edits: Sequence[Edit], kind: str) -> str:
    """Apply edits in order and save; returns the new file's path."""
    old = suffix(source.path)
    new = f".{kind}" if kind else old if old in _KEPT_KINDS else ".png"
    name = slug(_stem(source.path), *dict.fromkeys(edit.name for edit in edits))
    path = output_path(name + new)
    lines = ["from PIL import Image, ImageEnhance, ImageFilter, ImageOps", ""]
    lines += [f"image = ImageOps.exif_transpose(Image.open({literal(source.path)}))"]
    lines += ['if image.mode == "P":', '    image = image.convert("RGBA")  # no palette to edit in']
    lines += [edit.code for edit in edits]
    if new in _JPEG:
        lines += ['if image.mode not in ("L", "RGB"):']
        lines += ['    image = image.convert("RGB")  # JPEG knows no transparency']
    lines += [f"image.save({literal(path)})", "", "# Check: read it back."]
    lines += [f"with Image.open({literal(path)}) as saved:"]
    lines += ['    print(f"Saved: {saved.width}×{saved.height}, mode {saved.mode}")']
    await work.run("\n".join(lines), f"edit {shown_name(source.path)}")
    return path


async def _histogram(work: Work, path: str) -> str:
    """Draw the brightness histogram of a picture; returns the chart's path."""
    out = output_path(f"{slug(_stem(path))}_histogram.png")
    ending = finish(f"Histogram of {shown_name(path)}", out)
    code = _HISTOGRAM_CODE.format(path=literal(path), finish=ending)
    await work.run(code, "draw the histogram")
    return out


def _stem(path: str) -> str:
    return shown_name(path).rpartition(".")[0] or shown_name(path)


def _pictures(work: Work) -> list[LabFile]:
    """People's pictures, and what was made of them (not charts), the likeliest first."""
    images = work.of(IMAGES)
    if not any(file.source == "user" for file in images):
        return []
    return [file for file in images if file.source == "user" or not _CHART.search(file.path)]


def _subject(work: Work) -> LabFile:
    """The picture meant: after an edit, `now rotate it` goes on with the edited one."""
    images = _pictures(work)
    goes_on = re.match(r"\s*(now|then|and|also)\b", work.text, re.IGNORECASE)
    made = [file for file in images if file.source != "user"]
    if goes_on and work.earlier and made and not work.question.attached:
        return made[0]
    return images[0]


_MEASURE = """
from PIL import Image, ImageOps, ImageStat

path = {path}
with Image.open(path) as image:
    print("Format:", image.format)
    print("Mode:", image.mode)
    image = ImageOps.exif_transpose(image)  # as a person sees it
    print(f"Size: {{image.width}}×{{image.height}}")
    print("Brightness:", round(ImageStat.Stat(image.convert("L")).mean[0], 1))
"""

_HISTOGRAM_CODE = """
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageOps

image = ImageOps.exif_transpose(Image.open({path}))
image = image if image.mode == "L" else image.convert("RGB")
pixels = np.asarray(image).reshape(-1, len(image.getbands()))

names = {{"R": ("red", "tab:red"), "G": ("green", "tab:green"), "B": ("blue", "tab:blue")}}
names["L"] = ("brightness", "0.3")
fig, ax = plt.subplots(figsize=(8, 4.5))
for band, name in enumerate(image.getbands()):
    counts = np.bincount(pixels[:, band], minlength=256)
    label, color = names[name]
    ax.fill_between(range(256), counts, alpha=0.4, color=color, label=label)
    print(f"{{label}}: mean {{pixels[:, band].mean():.1f}}, {{counts.sum():,}} pixels counted")
ax.set(xlim=(-2, 257), ylim=(0, None), xlabel="brightness (0–255)", ylabel="pixels")
ax.yaxis.set_major_formatter("{{x:,.0f}}")
ax.legend(frameon=False)
{finish}
"""
