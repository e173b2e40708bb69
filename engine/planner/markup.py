"""Formulas as people mark them up in a message: back quotes, dollars, LaTeX → plain text; and
emoji, as signs or by their names."""

from __future__ import annotations

import re

_QUOTED = re.compile(r"(?<!`)`([^`\n]{1,500})`(?!`)")
_DOLLARS = re.compile(r"\$\$([^$]{1,500})\$\$|\$([^$\n]{0,500}[=\\^][^$\n]{0,500})\$")
_BRACKETS = re.compile(r"\\[(\[]|\\[)\]]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_EXPONENT = re.compile(r"\^\s*\{([^{}]*)\}")
# `:smile:`, Discord's `<:own:123>`, and signs, but for those that calculate: ✕ ✖ ➕ ➖ ➗.
_EMOJI = re.compile(
    r"<a?:\w{1,40}:\d{1,24}>|(?<![\w:]):(?:[a-z+-][\w+'-]{0,60}|100):(?![\w:])|"
    r"[\u2600-\u2712\u2719-\u2794\u2798-\u27bf\u2b50\u2b55\U0001f000-\U0001faff][\ufe0f\u200d]*",
    re.IGNORECASE,
)
_COMMANDS = (
    (r"\\(?:cdot|times)\b", "*"),
    (r"\\div\b", "/"),
    (r"\\(?:left|right|displaystyle)\b", ""),
    (r"\\[,;:! ]", " "),
    (r"\\(pi|sin|cos|tan|ln|log|exp)\b", r"\1"),
    (r"\\%", "%"),
)
_DEPTH_MAX = 8


def without_emoji(text: str) -> str:
    """The text without the emoji among its words; one of emoji alone stays as it is."""
    return _EMOJI.sub(" ", text).strip() or text


def without_markup(text: str) -> str:
    """The text with its formulas in plain signs; prices like `$5` stay. Never raises."""
    text = _QUOTED.sub(r" \1 ", text)
    text = _DOLLARS.sub(lambda match: f" {match[1] or match[2]} ", text)
    if "\\" not in text and "{" not in text:
        return text
    text = _BRACKETS.sub(" ", text)
    for _ in range(_DEPTH_MAX):  # from the inside out
        before = text
        text = _FRACTION.sub(r"((\1)/(\2))", text)
        text = _EXPONENT.sub(r"^(\1)", _ROOT.sub(r"sqrt(\1)", text))
        if text == before:
            break
    for pattern, plain in _COMMANDS:
        text = re.sub(pattern, plain, text)
    return text
