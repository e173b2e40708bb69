"""The Markdown of answers in what Discord shows of it."""

from __future__ import annotations

import re

from adapters.discord.grids import grid, is_table, table_end
from adapters.discord.splitting import FENCE, fence_after

_IMAGE = re.compile(r"!\[(?P<label>(?:\\.|[^\[\]\\\n])*)\]\((?P<target>[^)\s]*)(?:\s\"[^\"]*\")?\)")
_FILE_LINK = re.compile(r"(?<!\\)\[(?P<label>(?:\\.|[^\[\]\\\n])*)\]\(artifact:[^)\s]*\)")
_ONLY_FILES = re.compile(
    r"[\s*·,•–-]*+(?:files?:)?+[\s*·,•–-]*+(?:(?:and )?\d+ more(?: files?)?)?+[\s.*]*+",
    re.IGNORECASE,
)
_DEEP_HEADING = re.compile(r"^ {0,3}#{4,6}\s+(?P<title>.+?)\s*#*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:\s*\1){2,}\s*$")
_COMMENT = re.compile(r"<!--.*?-->")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_TICKS = "```"
_OTHER_TICKS = re.compile(r"`{3,}|~{3,}")
_ESCAPED = re.compile(r"\\([\[\]()_*])")


def as_discord(text: str) -> str:
    """Markdown as Discord shows it: tables drawn, files named instead of linked (they hang on the
    message; a line that only lists them goes), headings no deeper than three, blank lines single;
    code stays as it is."""
    lines = text.splitlines()
    out: list[str] = []
    fence = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        before, fence = fence, fence_after(fence, line)
        if before and not (fence or FENCE.match(line)):
            before = ""  # its fence ended with the quotation around it
        if before or fence:
            out.append(_in_code(line, before or fence, edge=before != fence))
        elif is_table(lines, at):
            end = table_end(lines, at)
            out.append(grid(lines[at:end]))
            at = end
            continue
        elif (shown := _line(line)) is not None and (shown.strip() or _follows_words(out)):
            out.append(shown)
        at += 1
    return "\n".join(out).strip("\n")


def _follows_words(out: list[str]) -> bool:
    """Whether a blank line parts anything: Discord shows each of them."""
    return bool(out) and bool(out[-1].strip())


def _in_code(line: str, opener: str, *, edge: bool) -> str:
    """A line of code; Discord knows fences of three backticks alone."""
    found = FENCE.match(opener)
    if found is None or found["ticks"] == _TICKS:
        return line
    if edge:
        return _OTHER_TICKS.sub(_TICKS, line, count=1)
    return line.replace(_TICKS, "'''")


def _line(line: str) -> str | None:
    """One line outside of code; None where nothing of it is left."""
    if _RULE.match(line):
        return "⎯⎯⎯⎯⎯⎯⎯⎯"
    if _FILE_LINK.search(line) and _ONLY_FILES.fullmatch(_FILE_LINK.sub("", line)):
        return None  # they hang right below, by their names
    if heading := _DEEP_HEADING.match(line):
        return f"**{heading['title'].replace('**', '')}**"
    shown = _outside_code(line)
    return None if line.strip() and not shown.strip() else shown


def _outside_code(line: str) -> str:
    out, end = "", 0
    for code in _CODE.finditer(line):
        out += _prose(line[end : code.start()]) + code[0]
        end = code.end()
    return out + _prose(line[end:])


def _prose(text: str) -> str:
    text = _COMMENT.sub("", text)
    text = _IMAGE.sub(_image, text)
    return _FILE_LINK.sub(lambda link: f"**{_label(link['label'])}**", text)


def _image(image: re.Match[str]) -> str:
    if image["target"].startswith("artifact:"):
        return ""  # the picture itself hangs on the message
    label = image["label"] or "picture"
    target = image["target"]
    return f"[{label}]({target})" if target.startswith(("http://", "https://")) else label


def _label(label: str) -> str:
    return _ESCAPED.sub(r"\1", label).replace("**", "").replace("`", "")
