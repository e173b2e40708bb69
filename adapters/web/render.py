"""Markdown and code as HTML that is safe to insert into the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

_ARTIFACT = "artifact:"
_TAGS = {
    *("a", "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
    *("pre", "code", "em", "strong", "s", "span", "img"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "code": {"class"},
    "span": {"class"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
}
_LANGUAGES = {"python", "py", "bash", "sh", "json", "sql", "html", "css", "js", "yaml"}
_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str = "python", _attributes: str = "") -> str:
    """Code as spans with Pygments' classes; an unknown language stays plain (escaped) text."""
    lexer = get_lexer_by_name(language if language in _LANGUAGES else "text", stripnl=False)
    return str(highlight(code, lexer, _FORMATTER))


def markdown(text: str, files: Mapping[str, str] | None = None) -> str:
    """Markdown as sanitised HTML.

    Args:
        text: Markdown of people or the model, untrusted. Raw HTML shows as text.
        files: artifact id → the page's own URL. Links and images of other artifacts, links with
            other schemes than http(s) and mailto, and images from elsewhere keep only their text.
    """
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in {"th_open", "td_open"}:
            _align(token)
        if token.children:
            token.children = list(_resolved(token.children, files or {}))
    return nh3.clean(
        _PARSER.renderer.render(tokens, _PARSER.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


@lru_cache(maxsize=512)
def kept_markdown(text: str, files: tuple[tuple[str, str], ...]) -> str:
    """`markdown` of a finished answer, remembered for the next reload."""
    return markdown(text, dict(files))


@lru_cache(maxsize=512)
def kept_highlighted(code: str) -> str:
    """`highlighted` Python, remembered: code of a run rarely changes between two pictures."""
    return highlighted(code)


def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "highlight": highlighted}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough", "linkify"])
    assert parser.linkify is not None
    # Only whole URLs become links: "data.py" is a file here, not a site in Paraguay.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    return parser


_PARSER = _parser()


def _resolved(tokens: Sequence[Token], files: Mapping[str, str]) -> Iterator[Token]:
    """Links and images pointed at the page's own files; those that may not be are undone."""
    dead: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            target = _link(str(token.attrGet("href") or ""), files)
            dead.append(target is None)
            token.hidden = target is None
            token.attrSet("href", target or "")
        elif token.type == "link_close":
            token.hidden = dead.pop()
        elif token.type == "image":
            source = _artifact(str(token.attrGet("src") or ""), files)
            if source is None:
                yield Token("text", "", 0, content=token.content)
                continue
            token.attrSet("src", source)
        yield token


def _link(href: str, files: Mapping[str, str]) -> str | None:
    if href.startswith(_ARTIFACT):
        return _artifact(href, files)
    return href if _scheme(href) in {"http", "https", "mailto"} else None


def _scheme(href: str) -> str:
    try:
        return urlsplit(href).scheme
    except ValueError:  # such as "http://[": no address at all
        return ""


def _artifact(href: str, files: Mapping[str, str]) -> str | None:
    if not href.startswith(_ARTIFACT):
        return None
    return files.get(unquote(href.removeprefix(_ARTIFACT)))


def _align(cell: Token) -> None:
    """A class of its own for what markdown-it writes as a style, which the page forbids."""
    style = str(cell.attrs.pop("style", ""))
    if style:
        cell.attrSet("align", style.removeprefix("text-align:"))
