"""Discord's Markdown as HTML: its marks, mentions and code, without what it does not know."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

UNKNOWN_TO_DISCORD = ["image", "lheading", "hr", "code", "reference", "entity"]
NAMED = re.compile(r"&lt;(@!?|@&amp;|#|t:|/)([^&<>]+?)&gt;")
SUBTEXT = re.compile(r"<p>-# (.*?)</p>", re.DOTALL)
Name = Callable[[str, int], str]


def markdown(text: str, name: Name) -> str:
    """The text as HTML. `name` gives what to show for a mention: its sign and id."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    parser.enable(["strikethrough", "linkify"]).disable(UNKNOWN_TO_DISCORD)
    parser.add_render_rule("text", _text_rule(name))
    parser.add_render_rule("fence", _fence)
    for rule, tag in (("strong_open", "<{}>"), ("strong_close", "</{}>")):
        parser.add_render_rule(rule, _strong_rule(tag))
    return SUBTEXT.sub(r'<p class="subtext">\1</p>', parser.render(_parted(text)))


def _parted(text: str) -> str:
    """Small print stands in a paragraph of its own, wherever its line is."""
    lines, in_code = [], False
    for line in text.split("\n"):
        in_code ^= line.startswith("```") and line.count("```") % 2 == 1
        small = line.startswith("-# ") and not in_code
        lines += ["", line, ""] if small else [line]
    return "\n".join(lines)


def _text_rule(name: Name) -> Callable[..., str]:
    def rule(self: RendererHTML, tokens: Sequence[Token], index: int, *rest: Any) -> str:
        return NAMED.sub(lambda found: _mention(found, name), escape(tokens[index].content))

    return rule


def _mention(found: re.Match[str], name: Name) -> str:
    sign, value = found[1].replace("&amp;", "&"), found[2]
    if sign == "t:":
        moment = datetime.datetime.fromtimestamp(int(value.split(":")[0]), datetime.UTC)
        return f'<span class="time">{moment:%d %B %Y %H:%M}</span>'
    if sign == "/":
        return f'<span class="mention">/{value.rsplit(":", 1)[0]}</span>'
    if not value.isdigit():
        return found[0]
    return f'<span class="mention">{escape(name(sign, int(value)))}</span>'


def _strong_rule(tag: str) -> Callable[..., str]:
    def rule(self: RendererHTML, tokens: Sequence[Token], index: int, *rest: Any) -> str:
        # Two underscores underline in Discord.
        return tag.format("u" if tokens[index].markup == "__" else "strong")

    return rule


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    token = tokens[index]
    code = token.content.rstrip("\n")
    try:
        lexer = get_lexer_by_name(token.info.strip() or "text")
    except ClassNotFound:
        return f'<pre class="code">{escape(code)}</pre>'
    formatter = HtmlFormatter(nowrap=True, noclasses=True, style="one-dark")
    return f'<pre class="code">{highlight(code, lexer, formatter)}</pre>'
