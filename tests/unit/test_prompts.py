"""What the model is told."""

from __future__ import annotations

from typing import Any

from bot.prompts import NAMES_LISTED_MAX, question_text, workspace_note
from bot.store.files import Origin, StoredFile, newest


def stored(id: str, name: str, *, origin: Origin = Origin.PERSON, **where: Any) -> StoredFile:
    return StoredFile(
        id, "turn_1", origin, name, "text/csv", "0" * 64, 12, engine_file_id=f"file-{id}", **where
    )


class TestWorkspaceNote:
    def test_where_files_lie(self) -> None:
        """Each file is named with the path under which code finds it."""
        here = stored(
            "2",
            "made.csv",
            origin=Origin.CODE,
            container_id="c1",
            container_path="/mnt/data/made.csv",
        )
        note = workspace_note(
            [stored("1", "s.csv"), here], container_id="c1", new_ids=frozenset({"1"}), fresh=False
        )

        assert '"s.csv" at "/mnt/data/file-1-s.csv"' in note
        assert "with this question" in note.splitlines()[2]
        assert '"made.csv" at "/mnt/data/made.csv"' in note

    def test_after_a_rebuild(self) -> None:
        """In a fresh container a file made by code lies where its upload was mounted."""
        made = stored(
            "2",
            "made.csv",
            origin=Origin.CODE,
            container_id="c1",
            container_path="/mnt/data/made.csv",
        )
        note = workspace_note([made], container_id=None, new_ids=frozenset(), fresh=True)

        assert "variables and imports are gone" in note
        assert '"/mnt/data/file-2-made.csv"' in note

    def test_a_lonely_container(self) -> None:
        """Where nothing was restored, that is what the model is told."""
        note = workspace_note([], container_id=None, new_ids=frozenset(), fresh=True)

        assert "There were no files; variables and imports are gone." in note

    def test_what_did_not_fit(self) -> None:
        """Files that did not fit are counted, and a long list says how it goes on."""
        files = [stored(str(number), f"f{number}.csv") for number in range(NAMES_LISTED_MAX + 7)]

        note = workspace_note(
            files, container_id=None, new_ids=frozenset(), fresh=False, left_out=3
        )

        assert "3 files did not fit" in note
        assert "f6.csv" not in note
        assert "f7.csv" in note
        assert note.endswith("- and 7 older ones: list /mnt/data.")

    def test_what_the_person_is_told(self) -> None:
        """The model hears why a file is missing, as the person does."""
        note = workspace_note(
            [],
            container_id=None,
            new_ids=frozenset(),
            fresh=False,
            told=["“e.csv” was not taken: it is empty."],
        )

        assert note.splitlines()[1:] == [
            "Under your answer the person is told:",
            "- “e.csv” was not taken: it is empty.",
        ]

    def test_hostile_name(self) -> None:
        """A name can't break out of its quotes or its line."""
        note = workspace_note(
            [stored("1", 'a" at "/etc/x')], container_id=None, new_ids=frozenset(), fresh=False
        )

        assert '\\"' in note
        assert len(note.splitlines()) == 3

    def test_nothing_to_tell(self) -> None:
        """Without files and history there is no note."""
        assert workspace_note([], container_id=None, new_ids=frozenset(), fresh=False) == ""


class TestQuestion:
    def test_files_alone(self) -> None:
        """Who only drops files is told what is in them."""
        assert "what stands out" in question_text([" "], has_files=True)

    def test_several(self) -> None:
        """Several messages are one question."""
        assert question_text(["one", "", "two"], has_files=False) == "one\n\ntwo"


class TestNewest:
    def test_versions(self) -> None:
        """Of each name the newest version counts, in the order of writing."""
        old, other, new = stored("1", "a.csv"), stored("2", "b.csv"), stored("3", "a.csv")

        assert [file.id for file in newest([old, other, new])] == ["2", "3"]
