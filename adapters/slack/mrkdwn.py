"""Markdown as Slack's mrkdwn, for homes, modals and short notes, which take no Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.slack.outgoing_text import neutral

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MARKS = {"strong_open": "*", "strong_close": "*", "em_open": "_", "em_close": "_"}
_MARKS |= {"s_open": "~", "s_close": "~", "softbreak": "\n", "hardbreak": "\n"}


def escaped(text: str) -> str:
    """Text that Slack shows as it is, and in which it finds no mention and no link."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return neutral(text)


def mrkdwn(text: str) -> str:
    """Markdown as mrkdwn. Raw HTML shows as text; only web addresses become links."""
    lines: list[str] = []
    depth, numbers, prefix = 0, [0], ""
    for token in _PARSER.parse(text):
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                if lines and not lines[-1]:  # a list hugs what introduces it
                    lines.pop()
                depth += 1
                numbers.append(int(token.attrGet("start") or 1) if "ordered" in token.type else 0)
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
                numbers.pop()
                lines += [] if depth else [""]
            case "list_item_open":
                mark = f"{numbers[-1]}." if numbers[-1] else "•"
                numbers[-1] += bool(numbers[-1])
                prefix = "    " * (depth - 1) + mark + " "
            case "html_block":
                lines.append(escaped(token.content.rstrip()))
            case "fence" | "code_block":
                lines.append(f"```\n{escaped(token.content.rstrip())}\n```")
            case "heading_open":
                prefix = "*"
            case "inline":
                words = _inline(token.children or ())
                lines.append(f"{prefix}{words}{'*' if prefix == '*' else ''}")
                prefix = ""
            case "paragraph_close" | "heading_close" if not depth:
                lines.append("")
    return "\n".join(lines).strip()


def _inline(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type == "code_inline":
            parts.append(f"`{escaped(token.content)}`")
        elif token.type == "link_open":
            parts.append(_link_begin(str(token.attrGet("href") or "")))
        elif token.type == "link_close":
            parts.append(">" if _in_link(parts) else "")
        else:
            parts.append(_MARKS.get(token.type) or escaped(token.content))
    return "".join(parts)


def _link_begin(address: str) -> str:
    safe = address.startswith(("https://", "http://", "mailto:"))
    return f"<{escaped(address).replace('|', '%7C')}|" if safe else ""


def _in_link(parts: Sequence[str]) -> bool:
    opened = [part for part in parts if part.startswith("<") and part.endswith("|")]
    return len(opened) > parts.count(">")
