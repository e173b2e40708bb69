"""The engine's small pure parts: names, citations, deltas, events."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.citations import links
from engine.names import MAX_NAME_BYTES, attachment_header, display_name
from engine.stream import Journal, encode, pieces, to_json
from tests.fakes.openai_spec import recording


class TestDisplayName:
    @pytest.mark.parametrize(
        ("given_name", "kept"),
        [
            ("sales.csv", "sales.csv"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\sales.xlsx", "sales.xlsx"),
            ("a/..", "file"),
            ("", "file"),
            ("a\nb\x00.txt", "ab.txt"),
            ("x" * 300 + ".csv", "x" * (MAX_NAME_BYTES - 4) + ".csv"),
        ],
    )
    def test_keeps_the_last_part_for_display(self, given_name: str, kept: str) -> None:
        """Folders, control characters and length are cut away; the ending stays."""
        assert display_name(given_name) == kept

    @given(st.text())
    def test_is_always_one_safe_part(self, given_name: str) -> None:
        """Whatever the name, what is kept is one file name that fits any file system."""
        kept = display_name(given_name)

        assert kept not in ("", ".", "..")
        assert not set(kept) & {"/", "\\", "\0", "\n"}
        assert len(kept.encode()) <= MAX_NAME_BYTES

    @given(st.text())
    def test_goes_into_a_header(self, given_name: str) -> None:
        """A kept name can always be sent in `Content-Disposition`."""
        header = attachment_header(display_name(given_name))

        assert header.encode("latin-1").decode("ascii").startswith('attachment; filename="')
        assert "\r" not in header


class TestLinks:
    def test_finds_what_recorded_traffic_cites(self) -> None:
        """The indexes are those of the recorded annotation."""
        response = json.loads(recording("code-interpreter-dice.response.json"))
        part = response["output"][-1]["content"][0]
        (cited,) = part["annotations"]

        (found,) = links(part["text"])

        assert (found.start, found.end) == (cited["start_index"], cited["end_index"])
        assert found.path.endswith(cited["filename"])

    @pytest.mark.parametrize(
        ("text", "paths"),
        [
            ("[a](sandbox:/mnt/data/a.csv) ![b](sandbox:/mnt/data/b.png)", ["a.csv", "b.png"]),
            ("[a](sandbox:/mnt/data/plot (1).png)", ["plot (1).png"]),
            ("[a](<sandbox:/mnt/data/a b.csv>)", ["a b.csv"]),
            ("[a](sandbox:/tmp/a.csv) [b](https://mnt/data/b)", []),
            ("sandbox:/mnt/data/bare.csv", []),
            ("[a](sandbox:/mnt/data/broken.csv", []),
        ],
    )
    def test_knows_a_link_from_other_text(self, text: str, paths: list[str]) -> None:
        """Only Markdown links into `/mnt/data` count."""
        assert [link.path.removeprefix("/mnt/data/") for link in links(text)] == paths

    @given(st.text(), st.text(alphabet=st.characters(exclude_characters="()<>\n\r")), st.text())
    def test_covers_exactly_the_url(self, before: str, name: str, after: str) -> None:
        """Start and end cover `sandbox:/mnt/data/…`, whatever stands around, also encoded."""
        if not name:
            return
        url = f"sandbox:/mnt/data/{quote(name)}"
        text = f"{before}\n[x]({url})\n{after}"
        start = len(before) + len("\n[x](")

        found = [link for link in links(text) if link.start == start]

        assert [text[link.start : link.end] for link in found] == [url]
        assert f"/mnt/data/{name}" in found[0].paths


class TestPieces:
    @given(st.text())
    def test_joined_again_are_the_text(self, text: str) -> None:
        """Nothing is lost or changed by cutting."""
        assert "".join(pieces(text)) == text

    @given(st.text(min_size=1))
    def test_are_never_empty(self, text: str) -> None:
        """A delta always says something."""
        assert all(pieces(text))

    def test_are_bounded(self) -> None:
        """One endless word is cut too."""
        assert max(map(len, pieces("x" * 100_000))) <= 2048


class TestEncoding:
    @given(st.text(min_size=1))
    def test_hides_the_length_of_deltas(self, delta: str) -> None:
        """Delta and obfuscation together fill blocks of 16 characters."""
        payload = to_json({"type": "response.output_text.delta", "delta": delta})

        sent = encode("response.output_text.delta", payload, obfuscated=True)

        event = json.loads(sent.decode().split("data: ", 1)[1])
        assert event["delta"] == delta
        assert event["obfuscation"]
        assert (len(delta) + len(event["obfuscation"])) % 16 == 0

    def test_is_as_recorded(self) -> None:
        """Recorded deltas fill the same blocks."""
        lines = recording("code-interpreter-dice.events.jsonl").splitlines()
        deltas = [event for event in map(json.loads, filter(None, lines)) if "delta" in event]

        assert len(deltas) > 100
        assert {len(event["delta"]) + len(event["obfuscation"]) for event in deltas} == {16}

    def test_a_journal_that_nobody_reads_stays_empty(self) -> None:
        """Events of a plain response are not even made."""
        journal = Journal(kept=False)

        journal.add("response.created", response={})

        assert journal.take() == []
