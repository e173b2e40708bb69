"""What belongs to a conversation: greetings, several questions in one, files that are not there."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.names import DATA_FOLDER
from bot.prompts import question_text, workspace_note
from bot.store.files import Origin, StoredFile
from engine.planner.markup import without_emoji
from engine.planner.note import read_note
from engine.planner.offline import HONEST, OfflinePlanner
from engine.planner.parts import parts_of
from engine.planner.protocol import Exchange, Question
from engine.planner.smalltalk import kind_of
from tests.fakes.lab import FolderLab

SALES = b"region,revenue\nNorth,10\nSouth,5\n"


@pytest.fixture
def lab(tmp_path: Path) -> FolderLab:
    """A lab whose `/mnt/data` is empty."""
    return FolderLab(tmp_path)


async def ask(lab: FolderLab, text: str, *attached: str, context: str = "") -> str:
    """The answer to a question, without what stands under every answer."""
    lab.said.clear()
    await OfflinePlanner().answer(Question(text, attached=attached, context=context), lab)
    assert HONEST in lab.answer
    return lab.answer.replace(HONEST, "").strip()


def note(*files: StoredFile, new: str = "", told: tuple[str, ...] = ()) -> str:
    """What the chat tells of these files; the one with the id `new` came with the question."""
    return workspace_note(
        files, container_id=None, new_ids=frozenset({new}), fresh=False, told=told
    )


def stored(id: str, name: str, origin: Origin = Origin.PERSON) -> StoredFile:
    return StoredFile(
        id, "turn_1", origin, name, "text/csv", "0" * 64, 12, engine_file_id=f"file-{id}"
    )


class TestNote:
    def test_is_read_as_it_is_written(self) -> None:
        """The planner reads what the chat writes: made, sent now, not taken."""
        files = [
            stored("a1", 'a "b" (made by earlier code).csv'),
            stored("c1", "c.csv", Origin.CODE),
        ]

        read = read_note(note(*files, new="a1", told=("“e.csv” was not taken: it is empty.",)))

        assert read.files == tuple(file.path_in(None) for file in files)
        assert read.made == {f"{DATA_FOLDER}/file-c1-c.csv"}
        assert read.sent == (files[0].path_in(None),)
        assert read.refused == (("e.csv", "it is empty."),)

    def test_none(self) -> None:
        """Without a note nothing is known of what was sent."""
        assert read_note("a question before").sent is None


class TestParagraphs:
    async def test_no_gap_around_a_run(self, lab: FolderLab) -> None:
        """A message ends where its last paragraph ends: what follows brings its own distance."""
        lab.upload("sales.csv", SALES)

        await ask(lab, "```python\nprint(1)\n```\ntotal revenue")

        assert not lab.answer.startswith("\n")
        assert "\n\n\n" not in lab.answer
        assert "text\n1\n```\n\nTotal revenue: **15**" in lab.answer

    async def test_files_come_in_any_order(self, lab: FolderLab) -> None:
        """Files are told of in the order in which they were sent, not in which they arrived."""
        files = [stored("aaaaaa", "a.csv"), stored("bbbbbb", "b.csv")]
        paths = [lab.upload(f"file-{name}.csv", SALES) for name in ("bbbbbb-b", "aaaaaa-a")]
        context = note(*files).replace(
            " bytes, sent by a person", " bytes, sent by a person, with this question"
        )

        answer = await ask(lab, "what is in them?", *paths, context=context)

        assert answer.index("**a.csv**") < answer.index("**b.csv**")


class TestGreeting:
    @pytest.mark.parametrize("text", ["hello", "Hi there!", "Good morning 👋"])
    async def test_a_hello_gets_examples(self, lab: FolderLab, text: str) -> None:
        """A greeting is answered by one sentence with examples, not by all that can be done."""
        answer = await ask(lab, text)

        assert answer.startswith("Hello!")
        assert "(1250 - 200)" in answer
        assert "I work by rules" not in answer

    @pytest.mark.parametrize("text", ["thanks", "Thank you very much.", "ok, thanks!", "great :)"])
    async def test_thanks_compute_nothing(self, lab: FolderLab, text: str) -> None:
        """Thanks are no question about the file that is there."""
        lab.upload("sales.csv", SALES)

        assert await ask(lab, text) in {"You're welcome!", "Glad to help."}
        assert lab.codes == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("ok great", "Glad to help."),
            ("👍🏽", "Glad to help."),
            (":partyparrot:", "Glad to help."),
            ("haha, lol", "Glad to help."),
            ("+1", "Glad to help."),
            ("great work, thanks a lot!", "You're welcome!"),
            ("👎", "Sorry."),
            ("Hello 👋", "Hello! Ask me something about sales.csv"),
            ("what do you mean?", "The answer above says"),
            ("but what do you mean by that?", "The answer above says"),
            ("really?", "The answer above says"),
            ("?", "The answer above says"),
            ("yes please", "Please say in full"),
            ("what can you do?", "I work by rules"),
        ],
    )
    async def test_small_talk_after_an_answer(self, lab: FolderLab, text: str, said: str) -> None:
        """Where a file is there, words around an answer get a line, and run no code."""
        lab.upload("sales.csv", SALES)
        past = Exchange("total revenue by region", "Total revenue by region: …")

        await OfflinePlanner().answer(Question(text, history=[past]), lab)

        assert lab.answer.startswith(said)
        assert lab.codes == []

    @pytest.mark.parametrize("between", ["thanks!", "lol", "what do you mean?"])
    async def test_small_talk_is_passed_over(self, lab: FolderLab, between: str) -> None:
        """A follow-up goes on from the question before the small talk."""
        lab.upload("sales.csv", SALES)
        past = [Exchange("total revenue", "**15**"), Exchange(between, "Glad to help.")]

        await OfflinePlanner().answer(Question("and by region?", history=past), lab)

        assert "Total revenue by region" in lab.answer

    @given(st.text(max_size=200))
    def test_any_text_has_a_kind(self, text: str) -> None:
        """Whatever is written can be told from small talk; what holds a figure is none."""
        kind = kind_of(text)

        assert kind == "" or not re.search(r"\d", text.replace("+1", ""))

    async def test_a_file_sent_earlier_is_none_that_comes_with_thanks(self, lab: FolderLab) -> None:
        """In a container that was built anew all files are new to it, not to the conversation."""
        path = lab.upload("file-a1-sales.csv", SALES)

        assert await ask(lab, "thanks", path, context=note(stored("a1", "sales.csv"))) == (
            "You're welcome!"
        )


class TestFilesAlone:
    @pytest.mark.parametrize("name", ["sales.csv", "notes.txt", "data.zip", "photo.png"])
    async def test_no_word_is_named_that_nobody_wrote(self, lab: FolderLab, name: str) -> None:
        """The question that is asked for people who only drop a file is understood wholly."""
        path = lab.upload(name, SALES)

        answer = await ask(lab, question_text([""], has_files=True), path)

        assert "I made nothing of" not in answer
        assert "I could not tell" not in answer


class TestEmoji:
    @pytest.mark.parametrize(
        "text",
        [
            "what is 2*2? :smile:",
            "what is 2*2? 😄",
            "👋🏽 2*2 ❤️",
            "what is 2*2 <:partyblob:123456789012>",
            ":wave: 2*2 :+1: :tada:",
        ],
    )
    async def test_are_no_part_of_a_question(self, lab: FolderLab, text: str) -> None:
        """Emoji around a calculation, as signs or by name, do not hide it."""
        answer = await ask(lab, text)

        assert answer.startswith("2 × 2 = **4**")

    async def test_are_no_words(self, lab: FolderLab) -> None:
        """An emoji's name is not told of as a word that nothing was made of."""
        lab.upload("sales.csv", SALES)

        answer = await ask(lab, "total revenue :pray:")

        assert answer.startswith("Total revenue: **15**")

    @pytest.mark.parametrize("text", ["12:30:45", "100 °F", "6 ➗ 2", ":a:b:", "x[1:2:3]", "🎉"])
    def test_what_is_none(self, text: str) -> None:
        """Times, degrees and signs that calculate stay; so does an emoji alone."""
        assert without_emoji(text) == text


class TestNoWorkbook:
    @pytest.mark.parametrize("name", ["book.xlsx", "book.xls"])
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
                "It is password-protected, or in the old .xls format: save it as .xlsx without a "
                "password.",
            ),
            (
                b"\xef\xbb\xbf\n<html><table><tr><td>1</td></tr></table></html>",
                "It is a page of HTML or XML, not a workbook: save it as .xlsx or .csv.",
            ),
        ],
    )
    async def test_what_it_is_instead(
        self, lab: FolderLab, name: str, content: bytes, why: str
    ) -> None:
        """What only is called a workbook is answered with what it is and what helps, no error."""
        path = lab.upload(name, content)

        answer = await ask(lab, "total revenue", path)

        assert answer == f"I tried to look into {name}, but it failed. {why}"


class TestNoRows:
    @pytest.mark.parametrize("text", ["total revenue by region", "what is in it?", ""])
    async def test_a_header_alone(self, lab: FolderLab, text: str) -> None:
        """Of a table without rows just that is said, whatever is asked of it."""
        path = lab.upload("h.csv", b"region,revenue\n")

        answer = await ask(lab, text, path)

        assert answer == "h.csv has no rows, just a header: region and revenue."

    async def test_beside_a_table_with_rows(self, lab: FolderLab) -> None:
        """Where another file fits as well and has rows, that one is asked."""
        paths = [lab.upload("s.csv", SALES), lab.upload("h.csv", b"region,revenue\n")]

        answer = await ask(lab, "total revenue", *paths)

        assert answer.startswith("Total revenue: **15**, over 2 rows of s.csv.")
        assert "fits as well" not in answer


class TestOne:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("total revenue", "over 1 row of one.csv"),
            ("missing values", "in the 1 row of one.csv"),
            ("duplicates", "I compared 1 row."),
            ("top 5 rows by revenue", "The row with the highest revenue"),
            ("revenue per unit", "over 1 row of one.csv"),
            ("how many rows", "**1** row in one.csv"),
        ],
    )
    async def test_row(self, lab: FolderLab, text: str, said: str) -> None:
        """One row is no rows."""
        path = lab.upload("one.csv", b"product,units,revenue\nTea,2,10\n")

        answer = await ask(lab, text, path)

        assert said in answer
        assert not re.search(r"\b1 rows", answer)

    async def test_word_and_page(self, lab: FolderLab) -> None:
        """One word, line, character or page is said in the singular."""
        text = await ask(lab, "what is in it?", lab.upload("a.txt", b"x"))
        pdf = await ask(lab, "what is in it?", lab.upload("a.pdf", b"%PDF-1.4 /Type /Page >>"))

        assert "1 byte of text: 1 line, **1** word, 1 character." in text
        assert "It has about 1 page." in pdf


class TestManyRows:
    @pytest.mark.parametrize(
        ("text", "said", "count", "first"),
        [
            ("show the first 300 rows", "the first 300 are in the file, here are 50:", 300, 0),
            ("show the last 60 rows", "the last 60 are in the file, here are 50:", 60, 340),
            ("show the first 1,000 rows", "all are in the file, here are 50:", 400, 0),
        ],
    )
    async def test_the_rest_is_in_a_file(
        self, lab: FolderLab, text: str, said: str, count: int, first: int
    ) -> None:
        """More rows than an answer shows come as a file that has every one of them."""
        lines = [f"{i},{i * 10}" for i in range(400)]
        path = lab.upload("long.csv", "\n".join(["id,revenue", *lines]).encode())

        answer = await ask(lab, text, path)

        assert answer.startswith(f"**400** rows of long.csv; {said}")
        written = lab.made("long_selected.csv").read_text().split()
        assert written == ["id,revenue", *lines[first : first + count]]

    async def test_a_random_choice_of_few(self, lab: FolderLab) -> None:
        """More random rows than there are is all of them."""
        answer = await ask(lab, "random 10 rows", lab.upload("s.csv", SALES))

        assert answer.startswith("**2** rows of s.csv:")


class TestNoFile:
    @pytest.mark.parametrize(
        "text",
        [
            "what is the total revenue?",
            "Summarise this spreadsheet and chart what stands out",
            "what is in this file?",
            "plot it by month",
            "rotate the picture",
            "clean it",
        ],
    )
    async def test_is_said_where_one_is_asked_about(self, lab: FolderLab, text: str) -> None:
        """A question that wants a file says that there is none; no arithmetic is suggested."""
        answer = await ask(lab, text)

        assert answer == "There is no file here yet: drop one into this conversation, then ask."

    @pytest.mark.parametrize("text", ["sing me a song", "what can you do with tables?"])
    async def test_other_questions_get_the_guide(self, lab: FolderLab, text: str) -> None:
        """What is about no file is answered by what can be done."""
        answer = await ask(lab, text)

        assert "I work by rules" in answer
        assert "There is no file" not in answer


class TestAbsent:
    async def test_an_empty_file_is_the_answer(self, lab: FolderLab) -> None:
        """A file that was not taken, being empty, is the main sentence, not an older file."""
        lab.upload("sales.csv", SALES)
        context = note(stored("s1", "sales.csv"), told=("“e.csv” was not taken: it is empty.",))

        for text in ("total revenue", ""):
            answer = await ask(lab, text, context=context)

            assert answer == "e.csv is empty, so I computed nothing."

    async def test_why_a_file_was_not_taken(self, lab: FolderLab) -> None:
        """Other reasons are given as they are."""
        context = note(told=("“big.csv” was not taken: it is larger than 1 MB.",))

        answer = await ask(lab, "total revenue", context=context)

        assert "big.csv was not taken, so I computed nothing: it is larger than 1 MB." in answer

    @pytest.mark.parametrize(
        "text",
        ["what is in budget.xlsx", "compare sales.csv with budget.xlsx", "rotate budget.xlsx"],
    )
    async def test_a_file_that_is_not_there(self, lab: FolderLab, text: str) -> None:
        """A file that was named is never replaced by another."""
        lab.upload("sales.csv", SALES)

        answer = await ask(lab, text)

        assert "There is no budget.xlsx here, so I computed nothing." in answer
        assert "The only file here is sales.csv." in answer
        assert lab.codes == []

    @pytest.mark.parametrize(
        "text", ["total revenue by region, save it as out.xlsx", "export the table as out.xlsx"]
    )
    async def test_a_file_to_be_made_is_not_missed(self, lab: FolderLab, text: str) -> None:
        """A name for a new file says its kind, and that the name is not used is told."""
        lab.upload("sales.csv", SALES)

        answer = await ask(lab, text)

        assert "There is no" not in answer
        assert ".xlsx](sandbox:" in answer
        assert "not “out.xlsx”" in answer

    async def test_names_in_a_quotation(self, lab: FolderLab) -> None:
        """A file that is only quoted is not asked for."""
        lab.upload("sales.csv", SALES)

        answer = await ask(lab, "> have a look at budget.xlsx\n\ntotal revenue")

        assert "**15**" in answer


class TestParts:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("what is 3*3\n\nand 4*4", ["what is 3*3", "and 4*4"]),
            ("2+2\nprimes up to 10\n3x + 1 = 4", ["2+2", "primes up to 10", "3x + 1 = 4"]),
            ("total revenue\n\nby region", ["total revenue\n\nby region"]),
            ("total revenue\n2+2\nby region", ["total revenue\n\nby region", "2+2"]),
            ("x + y = 10\nx - y = 2", ["x + y = 10\nx - y = 2"]),
            ("Compute 4 * 3.82.\nThen add 1.", ["Compute 4 * 3.82.\nThen add 1."]),
            ("```python\n1\n```", ["```python\n1\n```"]),
            ("run this:\n```py\n1\n```\nthanks", ["run this:\n```py\n1\n```\nthanks"]),
            (
                "```py\n1\n```\nand what is 2+2?",
                ["```py\n1\n```\nand what is 2+2?", "what is 2+2?"],
            ),
            ("hi\n2+2", ["2+2"]),
        ],
    )
    def test_lines_that_are_calculations(self, text: str, parts: list[str]) -> None:
        """Each calculation is a part of its own; what belongs together stays together."""
        assert parts_of(text) == parts

    async def test_each_is_answered(self, lab: FolderLab) -> None:
        """Two questions that came as one are both answered, one after the other."""
        answer = await ask(lab, "what is 3*3\n\nand 4*4")

        assert answer.index("**9**") < answer.index("**16**")

    async def test_code_and_a_question(self, lab: FolderLab) -> None:
        """A question beside a block of code is answered after the code has run."""
        lab.upload("sales.csv", SALES)

        answer = await ask(lab, "```python\nprint(6 * 7)\n```\nand what is the total revenue?")

        assert answer.index("42") < answer.index("**15**")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("rotate it and write a poem", "I made nothing of “write” and “poem”"),
            ("remove the background", "“background”"),
        ],
    )
    async def test_what_else_was_asked_of_a_picture(
        self, lab: FolderLab, text: str, said: str
    ) -> None:
        """Words that are no edit are named beside what was done with the picture."""
        out = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(out, format="PNG")
        path = lab.upload("cat.png", out.getvalue())

        answer = await ask(lab, text, path)

        assert said in answer
        assert "cat.png is a PNG picture" in answer

    @pytest.mark.parametrize(
        ("text", "word", "value"),
        [
            ("primes up to 10 and total revenue", "revenue", "**4** primes"),
            ("3x + 11 = 14. Show x. Then sing", "sing", "**x = 1**"),
        ],
    )
    async def test_what_else_was_asked_of_a_calculation(
        self, lab: FolderLab, text: str, word: str, value: str
    ) -> None:
        """Words beside a calculation that are no part of it are named above its result."""
        answer = await ask(lab, text)

        assert answer.startswith(f"I made nothing of “{word}”; this is what I understood:")
        assert value in answer

    async def test_what_is_left_is_named(self, lab: FolderLab) -> None:
        """A part that nothing is made of is quoted beside the answer to the other."""
        answer = await ask(lab, "sing me a song\n\n2+2")

        assert "I made nothing of “sing me a song”." in answer
        assert "**4**" in answer
        assert "I work by rules" not in answer

    async def test_a_greeting_beside_a_question(self, lab: FolderLab) -> None:
        """A greeting before or after a question needs no answer of its own."""
        answer = await ask(lab, "hi!\n\n2+2\n\nthanks")

        assert answer.startswith("2 + 2 = **4**")
        assert "welcome" not in answer
