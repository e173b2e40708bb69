"""Pictures: measured and edited with Pillow, one line of code for each thing asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.planner.protocol import LabFile
from engine.planner.text import (
    escape,
    link,
    literal,
    number,
    output_path,
    shown_name,
    slug,
    suffix,
    value,
)
from engine.planner.workbench import IMAGES, TABLES, Work

_KEEPS_TRANSPARENCY = {".png", ".webp", ".gif", ".bmp"}
_STRONGER = re.compile(
    r"\b(less|lower|reduce|decrease|darken|darker|soft\w*|weak\w*)\b", re.IGNORECASE
)
_CHART = re.compile(r"_(histogram|chart|plot|scatter|heatmap|trend|rolls)\.png$")
_PICTURE = re.compile(
    r"\b(image|picture|photo|pixels?|size|dimensions?|histogram)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: the word for the file's name, the line of code, and how to say it."""

    name: str
    code: str
    said: str


def _grayscale(match: re.Match[str]) -> Edit:
    return Edit("grayscale", "image = ImageOps.grayscale(image)", "made it grayscale")


def _rotate(match: re.Match[str]) -> Edit:
    text = match.group().lower()
    found = re.search(r"-?\d+(?:\.\d+)?", text)
    degrees = found.group() if found else "90"
    left = re.search(r"counter|anti|left|ccw", text) is not None
    turn = degrees if left else f"-{degrees}".replace("--", "")
    way = "counter-clockwise" if left else "clockwise"
    return Edit(
        f"rotated_{degrees.strip('-')}",
        f"image = image.rotate({turn}, expand=True)",
        f"rotated it {degrees}° {way}",
    )


def _crop(match: re.Match[str]) -> Edit:
    text = match.group()
    numbers = re.findall(r"\d+", text)
    if len(numbers) >= 4:
        box = ", ".join(numbers[:4])
        return Edit("cropped", f"image = image.crop(({box}))", f"cropped the box ({box})")
    if re.search(r"\d+\s*%", text):
        share = int(numbers[0]) / 100
        size = f"(round(image.width * {share}), round(image.height * {share}))"
        return Edit(
            "cropped", f"image = ImageOps.fit(image, {size})", f"cropped the middle {numbers[0]}%"
        )
    if len(numbers) >= 2:
        size = f"({numbers[0]}, {numbers[1]})"
        code = (
            f"left, top = (image.width - {numbers[0]}) // 2, (image.height - {numbers[1]}) // 2\n"
        )
        code += f"image = image.crop((left, top, left + {numbers[0]}, top + {numbers[1]}))"
        return Edit(
            "cropped", code, f"cropped {size[1:-1].replace(', ', '×')} pixels from the middle"
        )
    if re.search(r"square", text, re.IGNORECASE):
        return Edit(
            "square",
            "image = ImageOps.fit(image, (min(image.size),) * 2)",
            "cropped the middle square",
        )
    size = "(image.width // 2, image.height // 2)"
    code = f"width, height = {size}\nleft, top = width // 2, height // 2\n"
    code += "image = image.crop((left, top, left + width, top + height))"
    return Edit("cropped", code, "cropped the middle (half the width and height)")


def _resize(match: re.Match[str]) -> Edit:
    text = match.group().lower()
    numbers = re.findall(r"\d+", text)
    if "%" in text and numbers:
        code = f"image = ImageOps.scale(image, {int(numbers[0]) / 100})"
        return Edit("resized", code, f"scaled it to {numbers[0]}%")
    if len(numbers) >= 2:
        return Edit(
            "resized",
            f"image = image.resize(({numbers[0]}, {numbers[1]}))",
            f"resized it to {numbers[0]}×{numbers[1]}",
        )
    if numbers and "height" in text:
        code = f"image = image.resize((round(image.width * {numbers[0]} / image.height), {numbers[0]}))"
        return Edit("resized", code, f"resized it to {numbers[0]} pixels of height")
    factor = "2" if re.search(r"double|twice|enlarge|bigger", text) else "0.5"
    if numbers:
        code = f"image = image.resize(({numbers[0]}, round(image.height * {numbers[0]} / image.width)))"
        return Edit("resized", code, f"resized it to {numbers[0]} pixels of width")
    return Edit("resized", f"image = ImageOps.scale(image, {factor})", f"scaled it by {factor}")


def _enhance(kind: str, word: str) -> Callable[[re.Match[str]], Edit]:
    def edit(match: re.Match[str]) -> Edit:
        factor = re.search(r"\d+(?:\.\d+)?(?=\s*(?:x|times|$|\b(?!%)))", match.group())
        percent = re.search(r"(\d+)\s*%", match.group())
        less = _STRONGER.search(match.group()) is not None
        amount = 0.7 if less else 1.5
        if percent:
            amount = 1 + (-1 if less else 1) * int(percent[1]) / 100
        elif factor:
            amount = float(factor.group())
        code = f'image = ImageEnhance.{kind}(image.convert("RGB") if image.mode in "PI" else image).enhance({amount:g})'
        return Edit(word, code, f"changed the {word} by the factor {amount:g}")

    return edit


def _simple(name: str, code: str, said: str) -> Callable[[re.Match[str]], Edit]:
    def edit(match: re.Match[str]) -> Edit:
        return Edit(name, code, said)

    return edit


_EDITS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Edit]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), edit)
    for pattern, edit in (
        (r"\bgr[ae]y ?-?scale\b|\bblack and white\b|\bb&w\b|\bgr[ae]y\b|\bmonochrome\b", _grayscale),
        (r"\b(?:rotate|turn)\w*\b[^.;\n]*?(?:-?\d+(?:\.\d+)?\s*(?:degrees?|°|deg)?(?:\s*(?:to the )?(?:counter|anti)?-?\s?(?:clockwise|left|right|ccw))?|(?:left|right|(?:counter|anti)?-?\s?clockwise)|$|(?=\band\b))", _rotate),
        (r"\bcrop\w*\b[^.;\n]*?(?=\b(?:and|then)\b|[.;\n]|$)", _crop),
        (r"\b(?:resize|scale|shrink|enlarge)\b(?! ?to gr[ae]y)[^.;\n]*?(?=\b(?:and|then)\b|[.;\n]|$)|\b(?:half|double) the size\b|\b(?:make it )?(?:smaller|bigger)\b", _resize),
        (r"\bthumbnail\b", _simple("thumbnail", "image.thumbnail((256, 256))", "made a thumbnail of at most 256 pixels")),
        (r"\bflip\w*\b[^.;,\n]*\b(?:vertical\w*|upside)|\bupside down\b", _simple("flipped", "image = ImageOps.flip(image)", "flipped it upside down")),
        (r"\bmirror\w*|\bflip\w*\b(?![^.;,\n]*vertical)", _simple("mirrored", "image = ImageOps.mirror(image)", "mirrored it left to right")),
        (r"\binvert\w*|\bnegative\b", _simple("inverted", 'image = ImageOps.invert(image.convert("L" if image.mode == "L" else "RGB"))', "inverted it")),
        (r"\bblur\w*", _simple("blurred", 'image = image.convert("RGB") if image.mode == "P" else image\nimage = image.filter(ImageFilter.GaussianBlur(4))', "blurred it")),
        (r"\bsharpen\w*|\bsharper\b", _simple("sharpened", 'image = image.convert("RGB") if image.mode == "P" else image\nimage = image.filter(ImageFilter.SHARPEN)', "sharpened it")),
        (r"(?:\w+ )?(?:the )?\bcontrast\b(?: by)?(?: \d+(?:\.\d+)?\s*%?)?", _enhance("Contrast", "contrast")),
        (r"(?:\w+ )?(?:the )?\b(?:brightness|brighter|brighten|darker|darken)\b(?: by)?(?: \d+(?:\.\d+)?\s*%?)?", _enhance("Brightness", "brightness")),
    )
)  # fmt: skip
_CONVERT = re.compile(
    r"\b(?:convert|save|export|to|as)\b[^.;\n]*?\b(png|jpe?g|webp|bmp|gif)\b", re.IGNORECASE
)
_HISTOGRAM = re.compile(r"\bhistogram", re.IGNORECASE)


def parse_edits(text: str) -> list[Edit]:
    """The changes that a text asks for, in the order of the text. Never raises."""
    found = [
        (match.start(), edit(match)) for pattern, edit in _EDITS for match in pattern.finditer(text)
    ]
    edits = [edit for _, edit in sorted(found, key=lambda pair: pair[0])]
    return list({edit.code: edit for edit in edits}.values())


class Images:
    """Size, histogram, grayscale, rotate, crop, resize, contrast … of a picture."""

    def matches(self, work: Work) -> bool:
        """Whether the newest or attached file is a picture, or the text speaks of editing one."""
        images = _sources(work)
        if not images:
            return False
        if work.question.attached:
            return images[0] == work.files[0]
        return bool(parse_edits(work.text)) or (
            not work.of(TABLES) and _PICTURE.search(work.text) is not None
        )

    async def answer(self, work: Work) -> None:
        """Measure the picture; apply the edits in order; draw the histogram of the result."""
        source = _subject(work)
        edits = parse_edits(work.text)
        kind = _CONVERT.search(work.text)
        name = escape(shown_name(source.path))
        logs = await work.run(_MEASURE.format(path=literal(source.path)), f"open {name}")
        about = (
            f"{name} is a {value(logs, 'Format')} picture of **{value(logs, 'Size')}** pixels, mode "
            f"{value(logs, 'Mode')}, {number(str(source.size_bytes))} bytes"
        )
        made = (
            await self._edit(work, source, edits, kind[1].lower() if kind else "")
            if edits or kind
            else ""
        )
        if _HISTOGRAM.search(work.text):
            histogram = await self._histogram(work, made or source.path)
        else:
            histogram = ""
        if edits or kind:
            steps = (
                ", ".join(edit.said for edit in edits) or f"saved it as {kind[1]}"
                if kind or edits
                else ""
            )
            await work.say(f"{about}. I {steps}.")
        else:
            await work.say(
                f"{about}; its mean brightness is {value(logs, 'Brightness')} of 255. I can't see what "
                "it shows, but I can rotate, crop, resize, blur, invert or mirror it, change contrast "
                "and brightness, make it grayscale, or draw its histogram."
            )
        await work.say(
            "Files: " + " · ".join(map(link, filter(None, (made, histogram))))
            if made or histogram
            else ""
        )

    async def _edit(self, work: Work, source: LabFile, edits: Sequence[Edit], kind: str) -> str:
        old = suffix(source.path)
        new = (
            f".{kind}"
            if kind
            else (old if old in {".jpg", ".jpeg"} | _KEEPS_TRANSPARENCY else ".png")
        )
        words = [edit.name for edit in edits]
        path = output_path(slug(_stem(source.path), *dict.fromkeys(words)) + new)
        flat = 'if image.mode not in ("L", "RGB"):\n    image = image.convert("RGB")  # JPEG knows no transparency\n'
        lines = ["from PIL import Image, ImageEnhance, ImageFilter, ImageOps", ""]
        lines += [f"image = ImageOps.exif_transpose(Image.open({literal(source.path)}))"]
        lines += [edit.code for edit in edits]
        lines += [(flat if new in {".jpg", ".jpeg"} else "") + f"image.save({literal(path)})", ""]
        lines += ["# Check: read it back.", f"with Image.open({literal(path)}) as saved:"]
        lines += ['    print(f"Saved: {saved.width}×{saved.height}, mode {saved.mode}")']
        await work.run("\n".join(lines), f"edit {shown_name(source.path)}")
        return path

    async def _histogram(self, work: Work, path: str) -> str:
        out = output_path(f"{slug(_stem(path))}_histogram.png")
        await work.run(
            _HISTOGRAM_CODE.format(
                path=literal(path),
                out=literal(out),
                title=literal(f"Histogram of {shown_name(path)}"),
            ),
            "draw the histogram",
        )
        return out


def _stem(path: str) -> str:
    return shown_name(path).rpartition(".")[0] or shown_name(path)


def _sources(work: Work) -> list[LabFile]:
    """People's pictures, and what was made of them (not charts), the likeliest first."""
    images = work.of(IMAGES)
    if not any(file.source == "user" for file in images):
        return []
    return [file for file in images if file.source == "user" or not _CHART.search(file.path)]


def _subject(work: Work) -> LabFile:
    """The picture meant: after an edit, `now rotate it` goes on with the edited one."""
    images = _sources(work)
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
    image = ImageOps.exif_transpose(image)
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

fig, ax = plt.subplots(figsize=(8, 4.5))
for band, name in enumerate(image.getbands()):
    counts = np.bincount(pixels[:, band], minlength=256)
    color = {{"R": "tab:red", "G": "tab:green", "B": "tab:blue", "L": "0.3"}}[name]
    ax.fill_between(range(256), counts, alpha=0.4, color=color, label=name)
    print(f"{{name}}: mean {{pixels[:, band].mean():.1f}}, {{counts.sum():,}} pixels counted")
ax.set_title({title})
ax.set_xlabel("brightness (0–255)")
ax.set_ylabel("pixels")
ax.yaxis.set_major_formatter("{{x:,.0f}}")
ax.legend()
fig.tight_layout()
fig.savefig({out}, dpi=150)
plt.close(fig)
"""
