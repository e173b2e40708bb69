"""Words, names and literals that the planner writes and reads."""

from __future__ import annotations

import ast
import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planner.edits import parse_edits
from engine.planner.protocol import LabFile, Question
from engine.planner.sources import csv_arguments, sniff_separator
from engine.planner.text import (
    escape,
    link,
    listing,
    literal,
    number,
    section,
    shown_name,
    slug,
    table,
    value,
)
from engine.planner.words import mentions, stems
from engine.planner.workbench import choose

COLUMNS = ["order_date", "Region", "Unit Price", "units", "revenue", "customer_name", "Total"]


class TestMentions:
    @pytest.mark.parametrize(
        ("question", "columns"),
        [
            ("total revenue by region", ["revenue", "Region"]),
            ("Revenues per REGIONS", ["revenue", "Region"]),
            ("average unit price", ["Unit Price"]),
            ("average unitprice", ["Unit Price"]),
            ("unit_price by customer", ["Unit Price", "customer_name"]),
            ("rev by reg", ["revenue", "Region"]),
            ("revenu by regoin", ["revenue", "Region"]),
            ("turnover by territory", ["revenue", "Region"]),
            ("sum of total by region", ["Total", "Region"]),
            ("how many units", ["units"]),
            ("hello there", []),
        ],
    )
    def test_finds_columns(self, question: str, columns: list[str]) -> None:
        """Case, plural, parts, typing errors and synonyms lead to the real column."""
        assert [m.column for m in mentions(stems(question), COLUMNS)] == columns

    @given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=6, unique=True))
    def test_never_raises_and_never_overlaps(self, question: str, columns: list[str]) -> None:
        """Mentions come in order, without overlap, of columns that exist."""
        found = mentions(stems(question), columns)

        assert all(m.column in columns for m in found)
        assert all(a.last <= b.first for a, b in pairwise(found))


class TestText:
    @given(st.text())
    def test_literal_is_the_text(self, text: str) -> None:
        """Any text, as a literal, is that text again and one line of source."""
        assert ast.literal_eval(literal(text)) == text
        assert len(literal(text).splitlines()) <= 1

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_slug_is_an_identifier(self, one: str, other: str) -> None:
        """A slug is plain ASCII, safe as a file name and as a Python name."""
        assert slug(one, other).isidentifier()
        assert slug(one, other).isascii()

    def test_upload_prefix_is_not_shown(self) -> None:
        """People see the name that they gave a file."""
        assert shown_name("/mnt/data/file-a1B2c3D4e5F6-my sales.csv") == "my sales.csv"
        assert shown_name("/mnt/data/file-list.csv") == "file-list.csv"

    def test_links(self) -> None:
        """A link is written as the service writes it, with odd names encoded."""
        assert link("/mnt/data/a_b.csv") == "[a_b.csv](sandbox:/mnt/data/a_b.csv)"
        assert link("/mnt/data/a (b).csv") == "[a (b).csv](sandbox:/mnt/data/a%20%28b%29.csv)"

    @pytest.mark.parametrize(
        ("raw", "shown"),
        [("1234567", "1,234,567"), ("1234.5", "1,234.5"), ("0.30000000000000004", "0.3"),
         ("12.0", "12"), ("0.00012345", "0.0001234"), ("North", "North"), ("", "")],
    )  # fmt: skip
    def test_numbers_are_readable(self, raw: str, shown: str) -> None:
        """Numbers get thousands separators and lose float noise."""
        assert number(raw) == shown

    def test_table_sets_numbers_right_and_escapes_cells(self) -> None:
        """A cell can't break the table, and a column's numbers share their decimals."""
        made = table(["name", "sum"], [["a|b", "1.5"], ["c", "1000"]], [1])

        assert made.splitlines()[1:] == [
            "| --- | ---: |", r"| a\|b | 1.50 |", "| c | 1,000.00 |"
        ]  # fmt: skip

    @given(st.lists(st.tuples(st.text('ab,"\n| #', min_size=1), st.integers()), min_size=1))
    def test_section_reads_what_code_prints(self, rows: list[tuple[str, int]]) -> None:
        """CSV under a title comes back whole, whatever the cells hold."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)

        read = section(f"Before: 1\nResult\n{out.getvalue()}\nAfter: 2\n", "Result")

        assert read == [[text, str(count)] for text, count in rows]

    def test_value_is_the_last_one(self) -> None:
        """A value printed by the code's end wins over one that a file's content fakes."""
        assert value("Rows: 1\nRows: 2\n", "Rows") == "2"
        assert value("", "Rows") == ""

    def test_listing(self) -> None:
        """Names are joined as in a sentence."""
        assert [listing([]), listing(["a"]), listing(["a", "b", "c"])] == ["", "a", "a, b and c"]

    def test_escape_leaves_names_readable(self) -> None:
        """Markdown signs are escaped, an underscore within a name is not."""
        assert escape("a_b *c*\n[x]") == r"a_b \*c\* \[x\]"


class TestSniffing:
    @pytest.mark.parametrize(
        ("lines", "arguments"),
        [
            (["a,b", "1,2"], []),
            (["a;b", "1;2"], ['sep=";"']),
            (["a\tb", "1\t2"], [r'sep="\t"']),
            (["a;b", "x;1,5", "y;1.234,5"], ['sep=";"', 'decimal=","', 'thousands="."']),
            (["d;b", "01.02.2025;1.234,5"], ['sep=";"', 'decimal=","']),
            (['a,b', 'x,"1,234.50"'], ['thousands=","']),
            (["Report", "a,b,c", "1,2,3"], ["skiprows=1"]),
            (["x,1,2", "y,3,4"], ['names=["column 1", "column 2", "column 3"]']),
            (["region,2023,2024", "N,1,2"], []),
            (["name", "Ann"], []),
            ([], []),
        ],
    )  # fmt: skip
    def test_arguments(self, lines: list[str], arguments: list[str]) -> None:
        """Separator, decimal sign, preamble and a missing header are seen in the first lines."""
        assert csv_arguments(lines, "utf-8-sig") == arguments

    def test_encoding_is_said(self) -> None:
        """An encoding other than UTF-8 is an argument."""
        assert csv_arguments(["a,b"], "cp1252") == ['encoding="cp1252"']

    @given(st.lists(st.text(max_size=40), max_size=8))
    def test_never_raises(self, lines: list[str]) -> None:
        """Any first lines give arguments that are Python."""
        arguments = csv_arguments(lines, "utf-8-sig")

        ast.parse(f"read({', '.join(arguments)})", mode="eval")
        assert sniff_separator(lines) in {",", ";", "\t", "|"}


class TestEdits:
    @pytest.mark.parametrize(
        ("question", "names"),
        [
            ("make it grayscale and show a histogram", ["grayscale"]),
            ("rotate 90 degrees", ["rotated_90"]),
            ("crop to 100x50 and increase the contrast by 30%", ["cropped", "contrast"]),
            ("blur it, then invert and mirror", ["blurred", "inverted", "mirrored"]),
            ("resize to 50%", ["resized"]),
            ("flip it upside down", ["flipped"]),
            ("make it black and white and brighter", ["grayscale", "brightness"]),
            ("thumbnail please", ["thumbnail"]),
            ("what is this?", []),
        ],
    )
    def test_edits_in_the_order_of_the_text(self, question: str, names: list[str]) -> None:
        """Each edit that is named is found once, in order."""
        assert [edit.name for edit in parse_edits(question)] == names

    def test_direction_of_a_rotation(self) -> None:
        """Plain degrees turn clockwise, `left` turns counter-clockwise (Pillow's positive)."""
        assert "rotate(-45," in parse_edits("rotate by 45 degrees")[0].code
        assert "rotate(90," in parse_edits("rotate it 90 degrees to the left")[0].code

    @given(st.text("crop rotate 0123456789%.x-contrast by", max_size=50))
    def test_code_always_compiles(self, text: str) -> None:
        """Whatever is asked, the code is Python."""
        trees = [ast.parse(edit.code) for edit in parse_edits(text)]

        assert all(isinstance(tree, ast.Module) for tree in trees)


class TestChoice:
    FILES = (
        LabFile("1", "/mnt/data/file-aaaaaaaa-old.csv", 1, "user"),
        LabFile("2", "/mnt/data/file-bbbbbbbb-new.csv", 1, "user"),
        LabFile("3", "/mnt/data/new_clean.csv", 1, "assistant"),
    )

    @pytest.mark.parametrize(
        ("text", "attached", "first"),
        [
            ("total", (), "2"),
            ("total of old.csv", (), "1"),
            ("total", ("/mnt/data/file-aaaaaaaa-old.csv",), "1"),
            ("use clean.csv", (), "3"),
            ("use new_clean.csv", ("/mnt/data/file-aaaaaaaa-old.csv",), "3"),
        ],
    )
    def test_named_then_attached_then_newest(
        self, text: str, attached: tuple[str, ...], first: str
    ) -> None:
        """A file named wins over an attached one, that over the newest of people's files."""
        chosen = choose(Question(text, attached=attached), self.FILES)

        assert chosen[0].id == first
        assert len(chosen) == 3
