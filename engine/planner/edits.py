"""Edits of a picture that a question asks for: each is a pattern and the Pillow code for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_LESS = re.compile(r"\b(less|lower|reduce|decrease|darken|darker|soft\w*|weak\w*)\b", re.IGNORECASE)
_TO_CLAUSE_END = r"[^.;\n]*?(?=\b(?:and|then)\b|[.;\n]|$)"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: the word for the file's name, the line of code, and how to say it."""

    name: str
    code: str
    said: str


def parse_edits(text: str) -> list[Edit]:
    """The changes that a text asks for, in the order of the text. Never raises."""
    found = [
        (match.start(), edit(match.group().lower()))
        for pattern, edit in _EDITS
        for match in pattern.finditer(text)
    ]
    edits = [edit for _, edit in sorted(found, key=lambda pair: pair[0])]
    return list({edit.code: edit for edit in edits}.values())


def places_of_edits(text: str) -> list[tuple[int, int]]:
    """Where a text asks for changes."""
    return [match.span() for pattern, _ in _EDITS for match in pattern.finditer(text)]


def _rotate(said: str) -> Edit:
    found = re.search(r"\d+(?:\.\d+)?", said)
    degrees = f"{float(found.group()):g}" if found else "90"
    left = re.search(r"counter|anti|left|ccw|-\s*\d", said) is not None
    turn = degrees if left else f"-{degrees}"
    way = "counter-clockwise" if left else "clockwise"
    code = f"image = image.rotate({turn}, expand=True)  # Pillow turns counter-clockwise"
    return Edit(f"rotated_{degrees}", code, f"rotated it {degrees}° {way}")


def _crop(said: str) -> Edit:
    numbers = [str(int(n)) for n in re.findall(r"\d{1,6}", said)]
    if len(numbers) >= 4:
        box = ", ".join(numbers[:4])
        return Edit("cropped", f"image = image.crop(({box}))", f"cropped it to the box ({box})")
    if len(numbers) >= 2 and "%" not in said:
        size, spoken = f"{numbers[0]}, {numbers[1]}", f"{numbers[0]}×{numbers[1]} pixels"
    elif numbers and "%" in said:
        share = int(numbers[0]) / 100
        size = f"round(image.width * {share}), round(image.height * {share})"
        spoken = f"{numbers[0]}% of its width and height"
    elif "square" in said:
        size, spoken = "min(image.size), min(image.size)", "a square"
    else:
        size, spoken = "image.width // 2, image.height // 2", "half its width and height"
    code = f"width, height = {size}\n"
    code += "left, top = (image.width - width) // 2, (image.height - height) // 2\n"
    code += "image = image.crop((left, top, left + width, top + height))"
    return Edit("cropped", code, f"cropped it around the centre to {spoken}")


def _resize(said: str) -> Edit:
    numbers = [str(int(n)) for n in re.findall(r"\d{1,6}", said)]
    if numbers and "%" in said:
        code = f"image = ImageOps.scale(image, {int(numbers[0]) / 100})"
        return Edit("resized", code, f"scaled it to {numbers[0]}%")
    if len(numbers) >= 2:
        code = f"image = image.resize(({numbers[0]}, {numbers[1]}))"
        return Edit("resized", code, f"resized it to {numbers[0]}×{numbers[1]} pixels")
    if numbers and "height" in said:
        code = f"image = ImageOps.scale(image, {numbers[0]} / image.height)"
        return Edit("resized", code, f"resized it to {numbers[0]} pixels of height")
    if numbers:
        code = f"image = ImageOps.scale(image, {numbers[0]} / image.width)"
        return Edit("resized", code, f"resized it to {numbers[0]} pixels of width")
    factor = 2 if re.search(r"double|twice|enlarge|bigger", said) else 0.5
    return Edit("resized", f"image = ImageOps.scale(image, {factor})", f"scaled it by {factor}")


def _enhance(kind: str) -> Callable[[str], Edit]:
    def edit(said: str) -> Edit:
        less = _LESS.search(said) is not None
        percent = re.search(r"(\d{1,4})\s*%", said)
        factor = re.search(r"\d{1,3}(?:\.\d+)?", said)
        amount = 0.7 if less else 1.5
        if percent:
            amount = max(0.0, 1 + (-1 if less else 1) * int(percent[1]) / 100)
        elif factor:
            amount = float(factor.group())
        code = f"image = ImageEnhance.{kind}(image).enhance({amount:g})"
        return Edit(kind.lower(), code, f"changed the {kind.lower()} by the factor {amount:g}")

    return edit


def _fixed(name: str, code: str, said: str) -> Callable[[str], Edit]:
    return lambda _: Edit(name, code, said)


_GRAY = r"\bgr[ae]y ?-?scale\b|\bblack and white\b|\bb&w\b|\bgr[ae]y\b|\bmonochrome\b"
_SIZE = r"\b(?:half|halve|double) the size\b|\b(?:smaller|bigger)\b"
_AMOUNT = r"(?: by)?(?: \d+(?:\.\d+)?\s*%?)?"
_INVERT = 'image = ImageOps.invert(image if image.mode == "L" else image.convert("RGB"))'

# A new edit is one line here.
_EDITS: tuple[tuple[re.Pattern[str], Callable[[str], Edit]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), edit)
    for pattern, edit in (
        (_GRAY, _fixed("grayscale", "image = ImageOps.grayscale(image)", "made it grayscale")),
        (rf"\b(?:rotat\w*|turn(?:ed)? (?:it|the|this)){_TO_CLAUSE_END}", _rotate),
        (rf"\bcrop\w*{_TO_CLAUSE_END}", _crop),
        (rf"\b(?:resize|scale|shrink|enlarge)\b(?! ?to gr[ae]y){_TO_CLAUSE_END}|{_SIZE}", _resize),
        (
            r"\bthumbnail\b",
            _fixed("thumbnail", "image.thumbnail((256, 256))", "made a thumbnail (256 pixels)"),
        ),
        (
            r"\bflip\w*\b[^.;,\n]*\b(?:vertical\w*|upside)|\bupside down\b",
            _fixed("flipped", "image = ImageOps.flip(image)", "flipped it upside down"),
        ),
        (
            r"\bmirror\w*|\bflip\w*\b(?![^.;,\n]*(?:vertical|upside))",
            _fixed("mirrored", "image = ImageOps.mirror(image)", "mirrored it left to right"),
        ),
        (r"\binvert\w*|\bnegative\b", _fixed("inverted", _INVERT, "inverted it")),
        (
            r"\bblur\w*",
            _fixed("blurred", "image = image.filter(ImageFilter.GaussianBlur(4))", "blurred it"),
        ),
        (
            r"\bsharpen\w*|\bsharper\b",
            _fixed("sharpened", "image = image.filter(ImageFilter.SHARPEN)", "sharpened it"),
        ),
        (rf"(?:\w+ )?(?:the )?\bcontrast\b{_AMOUNT}", _enhance("Contrast")),
        (
            rf"(?:\w+ )?(?:the )?\b(?:brightness|brighter|brighten|darker|darken)\b{_AMOUNT}",
            _enhance("Brightness"),
        ),
    )
)
