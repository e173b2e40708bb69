"""Markdown and code become HTML that can't do anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.render import highlighted, markdown

_FILES = {"cfile_1": "/api/conversations/c/artifacts/cfile_1/chart.png"}
_FRAGMENTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "[a](",
    "![b](", ")", "data:text/html,x", "https://example.org", "artifact:cfile_1", "artifact:other",
    "`", "```html\n", "\n", "|a|b|\n|-|-:|\n", "**", "<svg/onload=x>", "\"", "'", "&lt;", "<", ">",
    "vbscript:x", "//evil.example", "<a href='x'>", "[x]: javascript:y\n", "[x]",
]  # fmt: skip


class _Elements(HTMLParser):
    """Collects the elements of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class TestMarkdown:
    def test_shows_raw_html_as_text(self) -> None:
        """HTML in a message is text, not markup."""
        html = markdown("<script>alert(1)</script> <img src=x onerror=alert(1)>")

        assert "<script" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html

    @pytest.mark.parametrize(
        "target",
        ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "/api/x"],
    )
    def test_keeps_only_the_text_of_links_with_other_schemes(self, target: str) -> None:
        """A link that is not http, https or mailto is no link."""
        html = markdown(f"[press me]({target})")

        assert "<a" not in html
        assert "press me" in html

    def test_opens_links_elsewhere_without_telling_who_we_are(self) -> None:
        """A link opens in a new tab, without referrer and opener."""
        html = markdown("see https://example.org/a")

        assert 'href="https://example.org/a"' in html
        assert 'target="_blank"' in html
        assert 'rel="noopener noreferrer nofollow"' in html

    def test_points_artifacts_at_the_pages_own_files(self) -> None:
        """Links and images of known artifacts lead to their download."""
        html = markdown("![chart](artifact:cfile_1) and [it](artifact:cfile_1)", _FILES)

        assert f'src="{_FILES["cfile_1"]}"' in html
        assert f'href="{_FILES["cfile_1"]}"' in html

    def test_loads_no_images_from_elsewhere(self) -> None:
        """An image of another site shows its description only."""
        html = markdown("![secret chart](https://evil.example/x.png) ![b](artifact:unknown)")

        assert "<img" not in html
        assert "secret chart" in html

    def test_does_not_take_file_names_for_sites(self) -> None:
        """`data.py` is a file, not a site in Paraguay."""
        assert "<a" not in markdown("I wrote data.py and www.csv for you")

    def test_aligns_columns_without_inline_styles(self) -> None:
        """The page's policy forbids inline styles; alignment is kept another way."""
        html = markdown("|a|\n|-:|\n|1|")

        assert "style=" not in html
        assert 'align="right"' in html

    @given(st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=8), max_size=12))
    def test_lets_nothing_run_whatever_is_written(self, parts: list[str]) -> None:
        """No text makes a script, a handler, a style, or an address of another scheme."""
        elements = _Elements(markdown("".join(parts), _FILES)).found

        for tag, attributes in elements:
            assert tag not in {"script", "svg", "iframe", "style", "object", "form", "input"}
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert re.match(r"https?:|mailto:|/api/|$", attributes.get("href") or "")
            assert (attributes.get("src") or _FILES["cfile_1"]) == _FILES["cfile_1"]


class TestHighlighted:
    @given(st.text(max_size=60))
    def test_keeps_every_character_of_the_code_as_text(self, code: str) -> None:
        """Highlighting adds spans with classes, and nothing else."""
        for tag, attributes in _Elements(highlighted(code)).found:
            assert tag == "span"
            assert set(attributes) <= {"class"}

    def test_treats_unknown_languages_as_text(self) -> None:
        """A made-up language is shown without colours."""
        assert highlighted("<b>", "nonsense").strip() == "&lt;b&gt;"
