"""Texts between people, the model and Slack: nothing is lost, nobody is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.grids import first_grid
from adapters.slack.incoming_text import command_line, mentions, named_ids, words
from adapters.slack.mrkdwn import escaped, mrkdwn
from adapters.slack.outgoing_text import neutral, settled, with_file_names
from adapters.slack.split import floor_chars, split
from bot.domain import Artifact, Blob

NAMES = {"U1": "Ann", "C2": "sales"}
CHART = Artifact("cfile_1", "chart.png", "image/png", Blob("a" * 64, 10))
_FRAGMENTS = [
    "<!channel>", "<!here|x>", "<@U1>", "<#C1>", "<!subteam^S1>", "@channel", "@here", "@everyone",
    "@Everyone", "<", "!", "@", "[", "](", ")", "](artifact:cfile_1)", "](sandbox:/mnt/data/a.csv)",
    "![", "\n", "\n\n", "|a|b|\n|-|-|\n|1|2|\n", "```python\n", "```\n", "`", "word ", "**",
    "~~~\n", "channel", "here", "a < b", "x",
]  # fmt: skip
_TEXTS = st.lists(st.sampled_from(_FRAGMENTS), max_size=60).map("".join)
_CALL = re.compile(
    r"<!(?i:channel|here|everyone|group|subteam\^)|<@[UWB]|<#[CG]|@(?i:channel|here|everyone)\b"
)


class TestIncoming:
    @pytest.mark.parametrize(
        ("markup", "shown"),
        [
            ("<@UBOT> total by region?", "total by region?"),
            ("<@UBOT>: total?", "total?"),
            ("total? <@UBOT>", "total?"),
            ("<@UBOT>", ""),
            ("ask <@UBOT> about it", "ask @Threadlab about it"),
            ("for <@U1> in <#C2>", "for @Ann in #sales"),
            ("for <@U9|Bo>, see <#C9|ops>", "for @Bo, see #ops"),
            ("<@U9> <#C9>", "@U9 #C9"),
            ("<!here> and <!subteam^S1|@team>", "@here and @team"),
            ("see <https://example.org/a|the page>", "see the page (https://example.org/a)"),
            ("see <https://example.org/?a=1&amp;b=2>", "see https://example.org/?a=1&b=2"),
            ("write to <mailto:a@example.org|a@example.org>", "write to a@example.org"),
            ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
            ("&amp;lt;", "&lt;"),
            ("<!date^1392734382^{date}|in 2014>", "in 2014"),
            ("what is 2*2? :smile:", "what is 2*2?"),
            (":wave::skin-tone-3: total? :pray: :pray:", "total?"),
            ("total :eyes:\nby region", "total \nby region"),
            (":+1:", "👍"),
            (":partyparrot:", ":partyparrot:"),
            ("at 12:30:45, ratio :a:b:", "at 12:30:45, ratio :a:b:"),
            ("`x[ :n: ]` :smile:", "`x[ :n: ]` :smile:"),
        ],
    )
    def test_markup_becomes_words(self, markup: str, shown: str) -> None:
        """What people read is what the model reads: names, addresses, plain characters."""
        assert words(markup, "UBOT", {**NAMES, "UBOT": "Threadlab"}) == shown

    def test_names_to_be_asked_for(self) -> None:
        """Ids without a label need a name."""
        markup = "<@U1> <@U2|Bo> <#C1> <#C2|ops> <https://example.org>"

        assert named_ids(markup) == (frozenset({"U1"}), frozenset({"C1"}))

    @pytest.mark.parametrize(("markup", "named"), [("<@UBOT> x", True), ("<@UBOTTOM>", False)])
    def test_the_bot_is_named_by_its_whole_id(self, markup: str, named: bool) -> None:
        """A longer id is somebody else."""
        assert mentions(markup, "UBOT") is named

    def test_an_empty_label_is_none(self) -> None:
        """Slack leaves the names of channels out: `<#C1|>`."""
        assert named_ids("<#C1|> <@U1|>") == (frozenset({"U1"}), frozenset({"C1"}))
        assert words("in <#C1|>", "UBOT", {"C1": "sales"}) == "in #sales"

    def test_commands_keep_mentions(self) -> None:
        """A command about people takes their ids."""
        line = command_line("<@UBOT> settings users <@U1> &amp; <@U2|bo>", "UBOT")

        assert line == "settings users <@U1> & <@U2|bo>"

    @given(_TEXTS)
    def test_any_text_can_be_read(self, markup: str) -> None:
        """No markup is too odd."""
        assert words(markup, "U1", NAMES) is not None


class TestNeutral:
    @given(_TEXTS)
    def test_calls_nobody(self, text: str) -> None:
        """No mention of people, channels or everybody is left."""
        assert not _CALL.search(neutral(text))
        assert neutral(text).replace("\u2060", "") == text

    @pytest.mark.parametrize(
        "code", ["re.sub(r'(?<!\\d)x', '', s)", "<!DOCTYPE html>", "<!-- so -->", "<#if x>", "<@x>"]
    )
    def test_leaves_code_as_it_is(self, code: str) -> None:
        """Whoever copies code from an answer gets nothing that can't be seen."""
        assert neutral(code) == code

    @given(_TEXTS)
    def test_escaped_text_has_no_markup(self, text: str) -> None:
        """mrkdwn finds nothing to do in it."""
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", escaped(text))

    @given(_TEXTS)
    def test_mrkdwn_calls_nobody(self, text: str) -> None:
        """Markdown turned into mrkdwn has only our own links."""
        assert not re.search(r"<[!@#]", mrkdwn(text))


class TestFileNames:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("[chart.png](artifact:cfile_1)", "`chart.png`"),
            ("![chart.png](artifact:cfile_1)", "`chart.png`"),
            ("see [the chart](artifact:cfile_1).", "see the chart (`chart.png`)."),
            ("[gone](artifact:other)", "gone"),
            ("[page](https://example.org)", "[page](https://example.org)"),
            ("[a\\]b](artifact:cfile_1)", "a]b (`chart.png`)"),
        ],
    )
    def test_stand_for_links(self, text: str, shown: str) -> None:
        """A file that stands below is called by its name."""
        assert with_file_names(text, [CHART]) == shown


class TestSettled:
    @given(_TEXTS, st.integers(0, 400))
    def test_is_how_the_finished_text_begins(self, text: str, seen: int) -> None:
        """Whatever was shown early stays, however the text goes on."""
        final = neutral(
            with_file_names(text.replace("sandbox:/mnt/data/a.csv", "artifact:cfile_1"), [CHART])
        )

        assert final.startswith(settled(text[:seen]))

    def test_plain_words_are_shown_at_once(self) -> None:
        """Nothing is held back without a reason."""
        assert (
            settled("North leads with **1,200**.\n\nSouth")
            == "North leads with **1,200**.\n\nSouth"
        )


class TestSplit:
    @given(_TEXTS.map(lambda text: text * 40), st.integers(1_000, 3_000))
    def test_parts_fit_and_nothing_is_lost(self, text: str, limit_chars: int) -> None:
        """Every part fits; together they have all characters but those of the borders."""
        parts = split(text, limit_chars)

        assert all(len(part) <= limit_chars for part in parts)
        kept = "".join(parts)
        for character in set(text) - set("`~\n python"):
            assert kept.count(character) == text.count(character)

    @given(st.lists(st.sampled_from(["word ", "end. ", "\n", "\n\n", "x" * 50]), min_size=400))
    def test_the_first_part_has_what_was_shown_early(self, pieces: list[str]) -> None:
        """The floor of the room is in the first part, wherever the border is."""
        text = "".join(pieces).strip()

        assert split(text, 1_000)[0].startswith(text[: floor_chars(1_000)].rstrip())

    def test_breaks_at_paragraphs(self) -> None:
        """A paragraph stays whole where it can."""
        paragraphs = [f"{n} " + "word " * 20 for n in range(40)]

        parts = split("\n\n".join(p.strip() for p in paragraphs), 1_000)

        assert all(part.split(" ")[0].isdigit() for part in parts)

    def test_code_stays_code(self) -> None:
        """Code that is cut is closed, and opened again with its language."""
        code = "\n".join(f"print({n})" for n in range(300))

        parts = split(f"Look:\n\n```python\n{code}\n```\n\nDone.", 1_000)

        assert all(part.count("```") % 2 == 0 for part in parts)
        assert all(part.startswith("```python\n") for part in parts[1:-1])
        assert sum(part.count("print(") for part in parts) == 300

    def test_short_text_is_left_alone(self) -> None:
        """Nothing is done where nothing has to be."""
        assert split("  a\n\nb", 1_000) == ["  a\n\nb"]


class TestGrids:
    def test_a_table_becomes_slacks_own(self) -> None:
        """Header and rows are cells of plain text; the heading above is the caption."""
        table = "| region | total |\n|---|--:|\n| **North** | 12 |\n| | 3 |"
        text = f"Totals:\n\n### By region\n\n{table}\n\nDone."

        grid = first_grid(text)

        assert grid is not None
        assert (grid.before, grid.after) == ("Totals:\n\n### By region", "Done.")
        assert (grid.caption, grid.rows) == (
            "By region",
            (("region", "total"), ("North", "12"), ("", "3")),
        )
        cells = [cell["text"] for row in grid.as_block()["rows"] for cell in row]
        assert all(cells)

    def test_columns_of_numbers_sort_as_numbers(self) -> None:
        """Where every cell of a column is a number, Slack gets its value; all rows are shown."""
        rows = "".join(f"| {n:,} | {n} % | {n}a |\n" for n in range(998, 1008))
        grid = first_grid("| total | share | code |\n|---|---|---|\n" + rows)

        assert grid is not None
        block = grid.as_block()
        assert [cell["type"] for cell in block["rows"][0]] == ["raw_text"] * 3
        assert [cell["type"] for cell in block["rows"][1]] == ["raw_number"] * 2 + ["raw_text"]
        assert [row[0]["value"] for row in block["rows"][1:]] == list(range(998, 1008))
        assert [row[0]["text"] for row in block["rows"][2:4]] == ["999", "1,000"]
        assert block["page_size"] == 10
        assert block["caption"] == "10 rows"

    @pytest.mark.parametrize(
        "text",
        [
            "no table | here",
            "```\n|a|b|\n|-|-|\n|1|2|\n```",
            "|a|\n|-|\n",
            "|" + "a|" * 21 + "\n|" + "-|" * 21 + "\n|" + "1|" * 21,
        ],
    )
    def test_what_slack_does_not_take_stays_markdown(self, text: str) -> None:
        """No table, code, a header alone, too many columns."""
        assert first_grid(text) is None

    @given(_TEXTS)
    def test_any_text_can_be_looked_through(self, text: str) -> None:
        """A table found has rows of one width."""
        grid = first_grid(text)

        assert grid is None or len({len(row) for row in grid.rows}) == 1


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**bold** and *em* and `a<b`", "*bold* and _em_ and `a&lt;b`"),
        ("# Title\n\ntext", "*Title*\n\ntext"),
        ("- a\n- b\n  - c", "• a\n• b\n    • c"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("[x](https://example.org)", "<https://example.org|x>"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("```\nif a < b:\n```", "```\nif a &lt; b:\n```"),
    ],
)
def test_mrkdwn(markdown: str, shown: str) -> None:
    """Homes, modals and notes say the same in Slack's older markup."""
    assert mrkdwn(markdown).replace("\u2060", "") == shown
