"""What Discord shows of an answer's Markdown: split, with tables drawn and files named."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.grids import width
from adapters.discord.markdown import as_discord
from adapters.discord.splitting import fence_after, split
from adapters.discord.titles import NAME_CHARS_MAX, title_of

WORDS = st.text(st.sampled_from("abcdef  .,äß😀|*_`~\n"), max_size=400)
FENCED = st.builds(
    lambda name, body: f"```{name}\n{body}\n```",
    st.sampled_from(["", "python", "text"]),
    st.lists(st.sampled_from(["x = 1", "print(x)", "", "    return y", "#" * 90]), max_size=60).map(
        "\n".join
    ),
)
TEXTS = st.lists(st.one_of(WORDS, FENCED), max_size=8).map("\n\n".join)


def balanced(piece: str) -> bool:
    fence = ""
    for line in piece.splitlines():
        fence = fence_after(fence, line)
    return not fence


class TestSplit:
    @given(TEXTS, st.integers(min_value=120, max_value=700))
    def test_pieces_fit_and_each_is_whole(self, text: str, limit: int) -> None:
        """No piece is longer than the limit, and none leaves a fence open or is empty."""
        pieces = split(text, limit)

        assert all(len(piece) <= limit for piece in pieces)
        assert all(balanced(piece) for piece in pieces)
        assert all(piece.strip() for piece in pieces)

    @given(TEXTS, st.integers(min_value=120, max_value=700))
    def test_nothing_is_lost(self, text: str, limit: int) -> None:
        """Every character that is not a blank or part of a fence is there, in its order."""

        def letters(text: str) -> str:
            return re.sub(r"[\s`~]|python|text", "", text)

        assert letters("".join(split(text, limit))) == letters(text)

    @given(st.sampled_from(["> ", "> > ", "- ", "  - ", "1. ", "> - ", "  "]), FENCED, TEXTS)
    def test_a_fence_in_a_quotation_or_a_list_is_one(
        self, prefix: str, code: str, text: str
    ) -> None:
        """Cut, it is closed and opened again within its quotation or item."""
        first, *rest = code.splitlines()
        inner = re.sub(r"[^>\s]", " ", prefix)
        lines = [f"{prefix}{first}", *(f"{inner}{line}" for line in rest)]

        pieces = split("\n".join([*lines, "", text]), 300)

        assert all(len(piece) <= 300 for piece in pieces)
        assert all(balanced(piece) for piece in pieces)
        shown = "\n".join(pieces).splitlines()
        assert [
            line for line in rest if line.strip() and f"{inner}{line}".rstrip() not in shown
        ] == []

    def test_a_cut_quotation_goes_on_as_one(self) -> None:
        """Each piece of a long quoted line is quoted."""
        pieces = split(f"> {'word ' * 200}", 300)

        assert len(pieces) > 3
        assert all(piece.startswith("> word") for piece in pieces)

    def test_a_cut_fence_goes_on_in_its_language(self) -> None:
        """Long code is closed at the end of a piece and opened again in the next."""
        code = "\n".join(f"line_{number} = {number}" for number in range(100))

        pieces = split(f"Look:\n\n```python\n{code}\n```\n\nDone.", 300)

        assert len(pieces) > 3
        assert all(piece.startswith("```python\n") for piece in pieces[1:-1])
        assert all(piece.endswith("\n```") for piece in pieces[1:-1])
        assert pieces[-1].endswith("Done.")

    def test_an_indented_fence_is_one(self) -> None:
        """Discord shows code in a list as code, so it is cut like any other."""
        code = "\n".join(f"      line_{number} = {number}" for number in range(60))

        pieces = split(f"- Look:\n\n      ```python\n{code}\n      ```", 300)

        assert len(pieces) > 3
        assert all(piece.count("```") == 2 for piece in pieces)

    def test_paragraphs_stay_together_where_they_can(self) -> None:
        """It breaks at a blank line rather than within a paragraph."""
        first, second = "a " * 150, "b " * 150

        assert split(f"{first.strip()}\n\n{second.strip()}", 400) == [first.strip(), second.strip()]

    def test_a_short_text_is_one_piece(self) -> None:
        """What fits is left as it is."""
        assert split("Hello.\n\n- one\n- two", 2000) == ["Hello.\n\n- one\n- two"]


class TestTables:
    def test_are_drawn_with_aligned_columns(self) -> None:
        """Names to the left, numbers to the right, in a block of code."""
        drawn = as_discord("| region | total |\n|---|---|\n| North | 9.50 |\n| South | 250 |")

        assert drawn == ("```\nregion  total\n─────────────\nNorth    9.50\nSouth     250\n```")

    def test_lose_their_marks(self) -> None:
        """Bold, code and links inside of cells would be seen as characters."""
        drawn = as_discord("a | b\n-|-\n**x** | `y`\n[z](https://z.example) | \\|")

        assert "x  y" in drawn
        assert "z  |" in drawn
        assert "**" not in drawn

    @given(
        st.lists(
            st.lists(
                st.text(st.sampled_from("abc 12.5%ä漢😀*_`"), min_size=1, max_size=30),
                min_size=3,
                max_size=3,
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_never_break_out_of_their_block(self, rows: list[list[str]]) -> None:
        """Whatever the cells hold, there is one block, no aligned row wider than its rule."""
        lines = ["| " + " | ".join(row) + " |" for row in rows]

        drawn = as_discord("\n".join([*lines[:1], "|---|---|---|", *lines[1:]]))

        assert drawn.count("```") == 2
        body = drawn.splitlines()[1:-1]
        aligned = set(body[1]) == {"─"}
        assert not aligned or all(width(line) <= width(body[1]) for line in body)

    @given(
        st.integers(min_value=1, max_value=9).flatmap(
            lambda columns: st.lists(
                st.lists(
                    st.text(st.sampled_from("abc 1.5%ä漢😀"), max_size=120),
                    min_size=columns,
                    max_size=columns + 1,
                ),
                min_size=2,
                max_size=5,
            )
        )
    )
    def test_lose_nothing(self, rows: list[list[str]]) -> None:
        """However wide a table is, each character of each cell is there, at most once too often."""
        columns = min(len(row) for row in rows)
        lines = [f"| {' | '.join(row)} |" for row in [rows[0][:columns], *rows[1:]]]

        drawn = as_discord("\n".join([lines[0], f"|{'---|' * columns}", *lines[1:]]))

        wanted = Counter("".join(lines[1:])) - Counter("".join(lines[1:]).count("|") * "|")
        del wanted[" "]
        assert wanted <= Counter(drawn)

    def test_that_are_wide_are_wrapped(self) -> None:
        """A long cell goes on in its column."""
        story = "a long story about what happened there in spring and in the summer, too"

        drawn = as_discord(f"| region | note | n |\n|---|---|---|\n| North | {story} | 12 |")

        assert "\nNorth   a long story about what happened there in spring  12\n" in drawn
        assert "\n        and in the summer, too\n" in drawn

    def test_of_many_columns_are_records(self) -> None:
        """What no screen shows side by side is shown one below the other."""
        names = [f"column {number}" for number in range(9)]
        row = "|".join(f"value {number}" for number in range(9))

        drawn = as_discord(f"|{'|'.join(names)}|\n|{'---|' * 9}\n|{row}|\n|{row}|")

        assert drawn.count("column 8: value 8") == 2

    def test_keep_their_links_below(self) -> None:
        """A block of code shows no link, so they follow it."""
        drawn = as_discord("| a |\n|---|\n| [source](https://example.org/a) |")

        assert drawn == "```\na\n──────\nsource\n```\n-# [source](https://example.org/a)"

    def test_in_code_are_code(self) -> None:
        """A table that somebody shows as code stays as it is."""
        text = "```\n| a | b |\n|---|---|\n```"

        assert as_discord(text) == text


class TestMarkdown:
    @pytest.mark.parametrize(
        ("markdown", "shown"),
        [
            ("See [totals.csv](artifact:cf_1).", "See **totals.csv**."),
            ("![chart](artifact:cf_1)\n\nNorth leads.", "North leads."),
            ("[docs](https://example.org/a)", "[docs](https://example.org/a)"),
            ("![logo](https://example.org/l.png)", "[logo](https://example.org/l.png)"),
            ("#### Deep", "**Deep**"),
            ("## Two", "## Two"),
            ("`![x](artifact:y)` stays", "`![x](artifact:y)` stays"),
            ("~~~python\nx = 1\n~~~", "```python\nx = 1\n```"),
            ("````md\n```\nx\n```\n````", "```md\n'''\nx\n'''\n```"),
            (
                "Done.\n\nFiles: [a.csv](artifact:1) · [b.csv](artifact:2)\n\nNext?",
                "Done.\n\nNext?",
            ),
            ("Files: [a.csv](artifact:1), [b.csv](artifact:2) and 11 more", ""),
            ("- [a.csv](artifact:1)\n- [b.csv](artifact:2)", ""),
            ("Use [a.csv](artifact:1).", "Use **a.csv**."),
            ("One.\n\n\n\nTwo.", "One.\n\nTwo."),
            ("```\n1\n\n\n2\n```", "```\n1\n\n\n2\n```"),
        ],
    )
    def test_is_what_discord_shows(self, markdown: str, shown: str) -> None:
        """Files hang on the message and are named; what Discord can show stays."""
        assert as_discord(markdown) == shown


class TestTitles:
    @given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=3))
    def test_are_never_empty_and_never_too_long(self, text: str, names: list[str]) -> None:
        """Discord takes names of 1 to 100 characters."""
        title = title_of(text, names)

        assert 1 <= len(title) <= NAME_CHARS_MAX
        assert title.strip() == title

    @pytest.mark.parametrize(
        ("text", "names", "title"),
        [
            ("**total** by `region`?", [], "total by region?"),
            ("", ["sales.csv", "costs.csv"], "sales.csv, costs.csv"),
            ("", [], "Threadlab"),
            ("```py\nprint(1)\n```", [], "Python code"),
            ("```py\nprint(1)\n```", ["a.csv"], "a.csv"),
            ("see https://example.org/x\n```py\ncode\n```", [], "see"),
        ],
    )
    def test_are_the_words_of_the_question(self, text: str, names: list[str], title: str) -> None:
        """Marks, links and code are left out; files name a thread without words."""
        assert title_of(text, names) == title
