"""An answer as Discord's messages, its buttons, and how a running turn looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord import pictures
from adapters.discord.buttons import CUSTOM_ID_CHARS_MAX, ActionButton, custom_id
from adapters.discord.deeds import deed
from adapters.discord.desks import nonce_of
from adapters.discord.pictures import CONTENT_CHARS_MAX, below
from adapters.discord.posts import Portions, content_of, plan
from adapters.discord.uploads import NAME_CHARS_MAX, file_name
from bot.domain import Action, Answer, Artifact, Blob, CodeRun, Progress, RunState

PORTIONS = Portions(files=10, total_bytes=24_000_000)
RUNS = st.lists(
    st.builds(CodeRun, st.just("r"), st.text(max_size=200), st.sampled_from(RunState)), max_size=30
).map(tuple)
NOTES = st.lists(st.text(min_size=1, max_size=200), max_size=4).map(tuple)


def artifact(number: int, size_bytes: int = 1000) -> Artifact:
    return Artifact(f"cf_{number}", f"file{number}.csv", "text/csv", Blob("0" * 64, size_bytes))


class TestPlan:
    @given(
        st.text(max_size=6000),
        RUNS,
        NOTES,
        st.lists(st.integers(0, 40_000_000), max_size=30),
    )
    def test_fits_discord_and_loses_no_file(
        self, text: str, runs: tuple[CodeRun, ...], notes: tuple[str, ...], sizes: list[int]
    ) -> None:
        """Each message is within the limits, files come once and in order, buttons at the end."""
        files = tuple(artifact(number, size) for number, size in enumerate(sizes))
        answer = Answer("turn-1", text, runs, files, notes, (Action("retry", "Retry"),))

        posts = plan(answer, PORTIONS)

        assert [post.id for post in posts] == [f"turn-1:{n}" for n in range(len(posts))]
        assert all(len(content_of(post)) <= CONTENT_CHARS_MAX for post in posts)
        assert all(len(post.artifacts) <= 10 for post in posts)
        assert tuple(a for post in posts for a in post.artifacts) == files
        assert [bool(post.actions) for post in posts] == [False] * (len(posts) - 1) + [True]

    @given(st.text(min_size=1, max_size=1600), st.text(max_size=6000))
    def test_leaves_room_for_a_question(self, question: str, text: str) -> None:
        """Above the first message there is some of the question, and it fits all the same."""
        first = plan(Answer("t", text), PORTIONS, room_chars=200)[0]

        shown = below(question, first.text)

        assert len(shown) <= CONTENT_CHARS_MAX
        assert shown.endswith(first.text)
        assert shown.startswith(question[:100].rstrip())

    def test_puts_files_with_the_last_text(self) -> None:
        """The chart stands under the whole answer, not in the middle of it."""
        posts = plan(Answer("t", "word " * 900, artifacts=(artifact(1),)), PORTIONS)

        assert [len(post.artifacts) for post in posts] == [0] * (len(posts) - 1) + [1]

    def test_opens_further_messages_for_many_files(self) -> None:
        """Ten files a message; the buttons come with the last."""
        files = tuple(artifact(number) for number in range(23))

        posts = plan(Answer("t", "Here.", artifacts=files), PORTIONS)

        assert [len(post.artifacts) for post in posts] == [10, 10, 3]
        texts = ["Here.", "-# Files 11 to 20 of 23", "-# Files 21 to 23 of 23"]
        assert [post.text for post in posts] == texts

    def test_needs_no_text_to_send_all_files(self) -> None:
        """An answer of files alone, more than one message takes, is complete."""
        files = tuple(artifact(number) for number in range(11))

        posts = plan(Answer("t", "", artifacts=files), PORTIONS)

        assert [len(post.artifacts) for post in posts] == [10, 1]

    def test_marks_a_failure(self) -> None:
        """A sentence about a failure is told from an answer at a glance."""
        (post,) = plan(Answer("t", "The engine can't be reached.", failed=True), PORTIONS)

        assert post.text.startswith("⚠️")


class TestRunning:
    @given(st.text(max_size=300), RUNS, st.text(max_size=5000))
    def test_pictures_fit(self, status: str, runs: tuple[CodeRun, ...], text: str) -> None:
        """However long the text has grown, its picture is one message."""
        assert 0 < len(pictures.running(Progress(status, runs, text))) <= CONTENT_CHARS_MAX

    def test_shows_a_long_text_of_nothing(self) -> None:
        """Blanks alone leave the status."""
        assert "writing" in pictures.running(Progress("writing…", text=" " * 3000))

    def test_shows_the_end_of_a_long_text(self) -> None:
        """What was written last is what people read along."""
        text = "\n\n".join(f"Paragraph {number} of many." for number in range(200))

        shown = pictures.running(Progress("writing…", text=text))

        assert "Paragraph 199" in shown
        assert "Paragraph 0 " not in shown

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("import pandas as pd\n# Totals by region\ndf.sum()", "Totals by region"),
            ("df = pd.read_csv('/mnt/data/a.csv')\ndf.to_excel(\"b.xlsx\")",
             "reading a.csv, saving b.xlsx"),
            ("open('notes.txt', 'w').write(x)\nplt.plot(x)", "saving notes.txt"),
            ("df.plot()", "drawing"),
            ("plt.savefig(f'chart.png')", "drawing chart.png"),
            ("print(df.groupby('region').sum())", "computing"),
            ("", "computing"),
        ],
    )  # fmt: skip
    def test_names_a_run_in_plain_words(self, code: str, words: str) -> None:
        """Its comment, or what it does with files: code is behind a button."""
        assert deed(code, 60) == words

    def test_says_how_often_code_ran(self) -> None:
        """Under an answer, one line says it, and how often in vain."""
        runs = (
            CodeRun("1", "df = pd.read_csv('a_b.csv')", RunState.DONE),
            CodeRun("2", "df['x'] / 0", RunState.FAILED),
        )

        assert pictures.run_summary(runs) == "-# Python ran 2 times · 1 failed"
        assert pictures.run_summary(runs[:1]) == "-# Python ran once"
        assert pictures.run_list(runs) == "-# ✓ reading a\\_b.csv\n-# ✗ computing"

    @given(st.text(max_size=300), st.integers(10, 60))
    def test_names_any_run_briefly(self, code: str, limit: int) -> None:
        """One short line, whatever the code is."""
        words = deed(code, limit)

        assert 0 < len(words) <= limit
        assert len(words.splitlines()) == 1


class TestButtons:
    @given(
        st.from_regex(r"[a-z][a-z_-]{0,15}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    )
    def test_say_in_their_id_what_they_do(self, command: str, arguments: str) -> None:
        """A button that was posted before a restart is understood from its id alone."""
        made = custom_id(Action(command, "Label", arguments))

        match = ActionButton.__discord_ui_compiled_template__.fullmatch(made)

        assert len(made) <= CUSTOM_ID_CHARS_MAX
        assert match is not None
        assert (match["command"], match["arguments"]) == (command, arguments)


class TestNames:
    @given(st.text(min_size=1, max_size=300))
    def test_of_files_have_no_folders_and_fit(self, name: str) -> None:
        """Whatever the code called it, it is a plain name."""
        made = file_name(name)

        assert "/" not in made
        assert 1 <= len(made) <= NAME_CHARS_MAX

    @given(st.text(max_size=300))
    def test_of_posts_are_nonces_that_discord_takes(self, identity: str) -> None:
        """The same post always has the same nonce, within 25 characters."""
        assert nonce_of(identity) == nonce_of(identity)
        assert len(nonce_of(identity)) <= 25
