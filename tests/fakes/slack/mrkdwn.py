"""Text as Slack shows it: its own mrkdwn, and Markdown, both to HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from markdown_it import MarkdownIt

from tests.fakes.slack.icons import THUMB_DOWN, THUMB_UP

_MARKDOWN = MarkdownIt("gfm-like", {"html": False, "breaks": True})
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.S)
_CODE = re.compile(r"`([^`\n]+)`")
# mrkdwn text has its & < > escaped already, so these stand escaped only where they are markup.
_ANGLE = re.compile(r"<([^<>]+)>")
_STYLES = (
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), "b"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), "i"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), "s"),
)
# Only glyphs that every machine's fonts have: screenshots must not show boxes.
_EMOJI = {
    "eyes": "◉◉",
    "gear": "⚙",
    "hourglass_flowing_sand": "⌛",
    "large_green_circle": '<span style="color:#2bac76">●</span>',
    "large_yellow_circle": '<span style="color:#ecb22e">●</span>',
    "red_circle": '<span style="color:#e01e5a">●</span>',
    "sparkles": "✦",
    "thumbsdown": THUMB_DOWN,
    "thumbsup": THUMB_UP,
    "+1": THUMB_UP,
    "-1": THUMB_DOWN,
    "warning": "⚠",
    "white_circle": "○",
    "white_check_mark": "✔",
    "x": "✘",
}
# A quote ends its own line.
_BLOCK_END = re.compile(r'(<span class="quote">.*?</span>)<br>')
_SHORTCODE = re.compile(r":([a-z0-9_+-]+):")


def markdown(text: str, names: Mapping[str, str]) -> str:
    """A markdown block's or a stream's text as HTML."""
    rendered: str = _MARKDOWN.render(text)
    return _emoji(re.sub(r"&lt;([@#][^&]+)&gt;", lambda m: _angle(m[1], names), rendered))


def mrkdwn(text: str, names: Mapping[str, str]) -> str:
    """A mrkdwn text as HTML."""
    parts = _FENCE.split(text)
    return "".join(
        f"<pre><code>{_plain(part)}</code></pre>"
        if number % 2
        else _inline(part.strip("\n"), names)
        for number, part in enumerate(parts)
    )


def plain(text: str) -> str:
    """A plain_text as HTML."""
    return _emoji(escape(text)).replace("\n", "<br>")


def emoji(name: str) -> str:
    """An emoji by its name."""
    return _EMOJI.get(name, f":{escape(name)}:")


def _inline(text: str, names: Mapping[str, str]) -> str:
    parts = _CODE.split(text)
    return "".join(
        f"<code>{_plain(part)}</code>" if number % 2 else _styled(part, names)
        for number, part in enumerate(parts)
    )


def _styled(text: str, names: Mapping[str, str]) -> str:
    pieces = _ANGLE.split(text)
    html = "".join(
        _angle(piece, names) if number % 2 else _plain(piece) for number, piece in enumerate(pieces)
    )
    for pattern, tag in _STYLES:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    lines = html.split("\n")
    quoted = [
        f'<span class="quote">{line[4:].strip()}</span>' if line.startswith("&gt;") else line
        for line in lines
    ]
    return _emoji(_BLOCK_END.sub(r"\1", "<br>".join(quoted)))


def _angle(inner: str, names: Mapping[str, str]) -> str:
    target, _, shown = inner.partition("|")
    if target.startswith(("@", "#")):
        name = shown or names.get(target[1:], target[1:])
        return f'<span class="mention">{target[0]}{escape(name)}</span>'
    if target.startswith("!"):
        date = target.startswith("!date")
        return escape(shown) if date else f'<span class="mention mass">@{escape(target[1:])}</span>'
    return f'<a href="{escape(target)}">{escape(shown or target)}</a>'


def _plain(text: str) -> str:
    escaped = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(escaped, quote=False)


def _emoji(html: str) -> str:
    return _SHORTCODE.sub(lambda m: _EMOJI.get(m[1], m[0]), html)
