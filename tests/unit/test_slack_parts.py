"""The Slack adapter's pure parts: events told apart, answers planned, streams counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.api import WebApi
from adapters.slack.blocks import body, fallback, fenced, given_command, metadata, post_of, tail
from adapters.slack.context import Recently
from adapters.slack.events import Deleted, Edited, Said, attachment, read_event
from adapters.slack.home_view import SETTINGS_BUTTON, home_view
from adapters.slack.menus import ago, more_menu
from adapters.slack.modals import changed, settings_modal
from adapters.slack.pace import Allowance, Growth
from adapters.slack.plan import plan
from adapters.slack.quotes import Quote, quoted, quotes_of
from adapters.slack.settings import SlackSettings
from adapters.slack.stream import Streamed, StreamState
from adapters.slack.teams import Team
from adapters.slack.titles import titled
from bot.commands.files import BUTTONS_MAX
from bot.domain import (
    Action,
    Addressing,
    Answer,
    Artifact,
    Blob,
    CodeRun,
    ContainerState,
    Post,
    RunState,
    ThreadKey,
    ThreadSummary,
    WorkspaceView,
)
from bot.ports import ChannelSettings
from tests.fakes.core import SPECS

SAID: dict[str, Any] = {
    "type": "message",
    "user": "U1",
    "ts": "10.000001",
    "channel": "C1",
    "channel_type": "channel",
    "text": "hello",
}
SETTINGS = SlackSettings.read({})
RESET = Action("reset", "Reset")


def said(**changes: Any) -> Said | Edited | Deleted | None:
    return read_event({**SAID, **changes}, "T1", "UBOT")


class TestEvents:
    @pytest.mark.parametrize(
        ("changes", "addressed"),
        [
            ({}, None),
            ({"text": "<@UBOT> hi"}, Addressing.MENTION),
            ({"type": "app_mention"}, Addressing.MENTION),
            ({"channel": "D1", "channel_type": "im"}, Addressing.DIRECT),
            ({"thread_ts": "9.0", "parent_user_id": "U2"}, Addressing.AMBIENT),
            ({"thread_ts": "9.0", "parent_user_id": "UBOT"}, Addressing.REPLY),
            (
                {"thread_ts": "9.0", "parent_user_id": "UBOT", "text": "<@U2|ben> 2+2?"},
                Addressing.ELSEWHERE,
            ),
            ({"thread_ts": "9.0", "text": "<!here> lunch"}, Addressing.ELSEWHERE),
            (
                {"thread_ts": "9.0", "text": "see <#C2|sales> and <!date^1^x|now>"},
                Addressing.AMBIENT,
            ),
            ({"thread_ts": "9.0", "text": "<@U2> <@UBOT> 2+2?"}, Addressing.MENTION),
            ({"text": "<@U2> hi"}, None),
            ({"subtype": "file_share", "text": "<@UBOT>"}, Addressing.MENTION),
            ({"subtype": "thread_broadcast", "thread_ts": "9.0"}, Addressing.AMBIENT),
            ({"subtype": "channel_join", "text": "<@UBOT>"}, None),
            ({"subtype": "bot_message", "text": "<@UBOT>"}, None),
            ({"bot_id": "B1", "text": "<@UBOT>"}, None),
            ({"user": "UBOT", "text": "<@UBOT>"}, None),
            ({"user": "USLACKBOT", "channel": "D1", "channel_type": "im"}, None),
        ],
    )
    def test_say_how_the_bot_is_addressed(
        self, changes: dict[str, Any], addressed: Addressing | None
    ) -> None:
        """Mentions, direct messages, replies and talk in threads are for us; the rest is not."""
        found = said(**changes)

        assert (found.addressed if isinstance(found, Said) else None) is addressed

    def test_of_one_message_have_one_key(self) -> None:
        """app_mention and message of the same message, and its edit, name the same thing."""
        mention = said(type="app_mention", channel_type=None)
        message = said(text="<@UBOT>")
        edit = said(
            subtype="message_changed",
            message={**SAID, "text": "new"},
            previous_message=SAID,
        )

        assert isinstance(mention, Said)
        assert isinstance(message, Said)
        assert isinstance(edit, Edited)
        assert mention.key == message.key == edit.key
        assert mention.ts == message.ts == edit.ts

    @pytest.mark.parametrize(
        "changes",
        [
            {"subtype": "message_changed", "message": SAID, "previous_message": SAID},
            {"subtype": "message_changed", "message": {**SAID, "bot_id": "B1"}},
            {"subtype": "message_changed"},
            {"subtype": "message_deleted", "deleted_ts": "10.000001"},
            {"subtype": "message_deleted", "deleted_ts": "1.0", "previous_message": {"ts": "1.0"}},
        ],
    )
    def test_of_no_change_are_none(self, changes: dict[str, Any]) -> None:
        """Unfurled links, the bot's own edits, and what has lost its message mean nothing."""
        assert said(**changes) is None

    def test_of_tombstones_are_deletions(self) -> None:
        """A deleted message on which answers hang is changed into a tombstone."""
        found = said(
            subtype="message_changed",
            message={"subtype": "tombstone", "ts": "10.000001", "user": "USLACKBOT"},
            previous_message=SAID,
        )

        assert isinstance(found, Deleted)
        assert found.ts == "10.000001"

    def test_bring_the_files_of_messages_passed_on(self) -> None:
        """A message that somebody shares with the bot brings its files along."""
        shared = {"is_share": True, "text": "our sales", "files": [{"id": "F1", "name": "a.csv"}]}
        found = said(channel="D1", channel_type="im", attachments=[shared])

        assert isinstance(found, Said)
        assert [file["id"] for file in found.files] == ["F1"]

    @pytest.mark.parametrize(
        ("changes", "home"),
        [
            ({}, "T1"),
            ({"team": "T2"}, "T2"),
            ({"team": "T1", "user_team": "T2", "source_team": "T3"}, "T2"),
            ({"source_team": "T3"}, "T3"),
        ],
    )
    def test_know_where_somebody_is_at_home(self, changes: dict[str, Any], home: str) -> None:
        """In a shared channel a person may be of another workspace than ours."""
        found = said(text="<@UBOT> hi", **changes)

        assert isinstance(found, Said)
        assert found.home == home

    def test_tell_of_links_that_have_become_quotes(self) -> None:
        """Slack shows a linked message a moment later: that is an edit that counts; the preview
        of a page is none."""
        linked = {"is_msg_unfurl": True, "author_id": "U2", "text": "12 and 13"}
        page = {"from_url": "https://x.example", "title": "A page", "text": "Welcome"}

        quote = said(
            subtype="message_changed",
            message={**SAID, "attachments": [linked]},
            previous_message=SAID,
        )
        preview = said(
            subtype="message_changed",
            message={**SAID, "attachments": [page]},
            previous_message=SAID,
        )

        assert isinstance(quote, Edited)
        assert quote.quotes == (Quote("<@U2>", "12 and 13"),)
        assert preview is None

    def test_name_files_that_have_no_name(self) -> None:
        """Stubs get a name for what they are."""
        names = [
            attachment({"id": "F1", **stub}).name
            for stub in (
                {"mode": "tombstone"},
                {"mode": "hidden_by_limit"},
                {"file_access": "check_file_info"},
                {"title": "Sales"},
            )
        ]

        assert names == ["deleted file", "hidden file", "file", "Sales"]


class TestQuotes:
    def test_are_read_from_blocks(self) -> None:
        """Where a forwarded message has no text of its own, its blocks have it."""
        sections = [
            {"type": "text", "text": "ask "},
            {"type": "user", "user_id": "U1"},
            {"type": "text", "text": " in "},
            {"type": "channel", "channel_id": "C1"},
        ]
        lists = {
            "type": "rich_text_list",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "link", "url": "u://x"}]}
            ],
        }
        rich = {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": sections}, lists],
        }
        plain = {"type": "section", "text": {"type": "mrkdwn", "text": "*12*"}}
        passed_on = {
            "message_blocks": [{"message": {"blocks": [rich, plain]}}],
            "author_name": "Bo",
        }

        (quote,) = quotes_of({"attachments": [passed_on]})

        assert quote == Quote("Bo", "ask <@U1> in <#C1>\nu://x\n*12*")

    def test_of_nothing_are_none(self) -> None:
        """Attachments of apps, and what has no words, are left out."""
        attachments = [{"text": "a card"}, {"is_share": True, "files": [{"id": "F1"}]}]

        assert quotes_of({"attachments": attachments}) == ()

    @given(st.text(max_size=200))
    def test_keep_to_themselves(self, text: str) -> None:
        """Every line of a quote is marked as one."""
        assert all(line.startswith("> ") for line in quoted("Bo", text).splitlines())


def artifact(name: str, size_bytes: int = 5) -> Artifact:
    return Artifact(f"id-{name}", name, "text/csv", Blob("a" * 64, size_bytes))


class TestPlan:
    def test_files_follow_in_one_post(self) -> None:
        """Text with its buttons first, then the files; an empty one is said."""
        files = (artifact("a.csv"), artifact("empty.csv", 0), artifact("b.png"))
        answer = Answer("t", "See.", artifacts=files, actions=(Action("retry", "Retry"),))

        text, shared = plan(answer, 11_000)

        assert (text.id, text.artifacts, shared.id) == ("t:0", (), "t:1")
        assert [file.name for file in shared.artifacts] == ["a.csv", "b.png"]
        assert any("`empty.csv` is empty" in note for note in text.notes)
        assert (text.actions, shared.actions) == (answer.actions, ())

    @pytest.mark.parametrize(
        ("answer", "text", "notes"),
        [
            (Answer("t", ""), "Done.", ()),
            (Answer("t", "", artifacts=(artifact("a.csv"),)), "`a.csv`", ()),
            (Answer("t", "", notes=("Stopped.", "Fresh.")), "Stopped.", ("Fresh.",)),
        ],
    )
    def test_without_words_there_are_some(
        self, answer: Answer, text: str, notes: tuple[str, ...]
    ) -> None:
        """A message needs a text: the files' names, the first note, or “Done.”"""
        first = plan(answer, 11_000)[0]

        assert (first.text, first.notes) == (text, notes)

    @pytest.mark.parametrize(
        ("text", "logs"),
        [
            ("```text\nbegun\n```", ""),
            ("It said:\n```text\nbegun\n```", "begun\n"),
            ("", "begun\n"),
        ],
    )
    def test_output_that_is_the_text_stands_there_once(self, text: str, logs: str) -> None:
        """Where an answer was stopped and has no words but what code printed, its step has none."""
        first = plan(Answer("t", text, (run(logs="begun\n"),)), 11_000)[0]

        assert [shown.logs for shown in first.runs] == [logs]

    def test_many_notes_stand_in_a_part_of_their_own(self) -> None:
        """Under the longest text there is no room for them; Slack would refuse it all."""
        notes = tuple(f"`{n}.csv` was not taken: " + "why " * 30 for n in range(20))
        *_, last = posts = plan(Answer("t", "word " * 2_150, notes=notes, actions=(RESET,)), 11_000)

        assert [bool(post.notes) for post in posts] == [False, False]
        assert all(note.strip() in last.text for note in notes)
        assert last.actions == (RESET,)

    @given(st.text(max_size=5_000), st.integers(0, 3))
    def test_of_anything_has_ids_in_order(self, text: str, files: int) -> None:
        """Whatever the answer: the same posts each time, numbered, none too long or empty."""
        answer = Answer("t", text, artifacts=tuple(artifact(f"{n}.csv") for n in range(files)))

        posts = plan(answer, 1_000)

        assert posts == plan(answer, 1_000)
        assert [post.id for post in posts] == [f"t:{n}" for n in range(len(posts))]
        assert all(len(post.text) <= 1_000 for post in posts)
        assert all(post.text.strip() or post.artifacts for post in posts)


def run(
    id: str = "r1", state: RunState = RunState.DONE, code: str = "x", logs: str = ""
) -> CodeRun:
    return CodeRun(id, code, state, logs)


class TestStream:
    @given(st.lists(st.text(max_size=300), max_size=20))
    def test_sends_each_character_once(self, pieces: list[str]) -> None:
        """What was sent adds up to the text, however it grew."""
        state, shown, text = StreamState(SETTINGS), "", ""
        for piece in pieces:
            text += piece
            shown += _text_of(state.chunks(text, []))
            state.sent()
        last = state.last_chunks(text, [], tables=False)

        assert text.startswith(shown)
        if last is not None:
            assert (shown + _text_of(last)).rstrip() == text.rstrip() or not text.strip()

    def test_repeats_what_was_not_sent(self) -> None:
        """Chunks whose sending failed come again."""
        state = StreamState(SETTINGS)

        assert state.chunks("North", [run()]) == state.chunks("North", [run()])

    @pytest.mark.parametrize("width", range(20))
    def test_shows_some_code_of_each_step(self, width: int) -> None:
        """Early code leaves room for later code; what is cut ends with a whole line, and says
        where the rest is, also where blank lines are left out."""
        state = StreamState(SETTINGS)
        code = "\n\n".join(f"{'x' * width} = {n}" for n in range(300))

        runs = [run(id=f"r{n}", code=code) for n in range(3)]
        steps = [chunk for chunk in state.chunks("", runs) if chunk["type"] == "task_update"]

        assert len(steps) == 3
        for step in steps:
            *_, last, rest, fence = step["details"].splitlines()
            assert last in code.splitlines()
            assert (rest, fence) == ("# … the rest is under the button Code", "```")

    def test_sends_code_and_output_once(self) -> None:
        """Slack adds up details and output: they come with the step that first has them."""
        state = StreamState(SETTINGS)
        first = state.chunks("", [run(state=RunState.RUNNING, code="a = 1")])
        state.sent()
        second = state.chunks("", [run(code="a = 1", logs="done")])
        state.sent()

        assert "details" in first[0]
        assert "details" not in second[0]
        assert "output" in second[0]
        assert state.chunks("", [run(code="a = 1", logs="done")]) == []

    def test_calls_nobody(self) -> None:
        """Neither code nor its output reaches people or channels."""
        told = "<!channel> <@U1> @here"
        chunks = StreamState(SETTINGS).chunks("", [run(code=f"print('{told}')", logs=told)])

        (step,) = (chunk for chunk in chunks if chunk["type"] == "task_update")
        assert not re.search(r"<[!@#]|@here", step["details"] + step["output"])

    @given(
        st.lists(st.text(min_size=1, max_size=3_000), min_size=1, max_size=30),
        st.text(max_size=9_000),
    )
    def test_keeps_within_slacks_length(self, codes: list[str], text: str) -> None:
        """Steps and text together stay below what Slack takes, in UTF-8."""
        state = StreamState(SETTINGS)
        runs = [run(f"r{n}", code=code, logs=code) for n, code in enumerate(codes)]

        chunks = state.chunks(text, runs, "running Python…")

        steps = {c["id"]: c for c in chunks if c["type"] == "task_update"}
        streamed = Streamed(_text_of(chunks), steps, "running Python…")
        assert streamed.size_bytes <= SETTINGS.slack_stream_bytes
        assert 2 * streamed.details_bytes <= SETTINGS.slack_steps_bytes

    def test_another_text_can_not_be_completed(self) -> None:
        """What does not go on from what was sent has to replace it."""
        state = StreamState(SETTINGS)
        state.chunks("North", [])
        state.sent()

        assert state.last_chunks("South", [], tables=True) is None


def _text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text")


class TestBlocks:
    def test_a_button_carries_its_command(self) -> None:
        """Command, arguments and thread come back when it is pressed."""
        post = Post("t:0", "x", actions=(Action("code", "Code", "t"), Action("reset", "Reset")))

        actions, feedback = tail(post, "10.0", feedback=True)

        values = [given_command(element["value"]) for element in actions["elements"]]
        assert values == [("code", "t", "10.0"), ("reset", "", "10.0")]
        assert "confirm" in actions["elements"][1]
        buttons = feedback["elements"][0]
        assert given_command(buttons["negative_button"]["value"]) == ("feedback", "t bad", "10.0")

    def test_a_failure_is_not_rated(self) -> None:
        """What went wrong offers Retry first, and asks for no opinion."""
        post = Post("t:0", "x", actions=(Action("again", "Retry", "t"),), failed=True)

        (actions,) = tail(post, "10.0", feedback=True)

        assert actions["elements"][0]["style"] == "primary"

    def test_a_post_is_found_by_what_it_carries(self) -> None:
        """Only our own metadata counts."""
        assert post_of({"metadata": metadata("t:0")}) == "t:0"
        assert (
            post_of({"metadata": {"event_type": "other", "event_payload": {"post": "t"}}}) is None
        )
        assert post_of({}) is None

    @given(st.lists(st.sampled_from(["", "x", "y = 1", "z" * 30]), max_size=30), st.integers(5, 80))
    def test_code_that_is_cut_says_so(self, lines: list[str], limit: int) -> None:
        """Whatever is left out, blank lines at the cut or not, its end is marked."""
        code = "\n".join(lines)

        shown = fenced(code, limit).splitlines()[1:-1]

        whole = "\n".join(shown) == code.rstrip()
        assert whole or shown[-1].endswith("…")

    @given(st.text(alphabet="`a\n", max_size=60), st.integers(1, 40))
    def test_code_can_not_close_its_fence(self, code: str, limit: int) -> None:
        """No row of backticks inside is as long as the fence."""
        shown = fenced(code, limit)

        fence = shown.partition("\n")[0]
        inside = shown[len(fence) : -len(fence)]
        assert fence not in inside
        assert len(inside) <= limit + 2

    def test_one_table_a_message(self) -> None:
        """The first table is Slack's own, others stay Markdown: Slack shows one."""
        table = "| a | b |\n|---|---|\n| 1 | 2 |"

        blocks = body(f"{table}\n\nand\n\n{table}")

        assert [block["type"] for block in blocks] == ["data_table", "markdown"]
        assert "| a | b |" in blocks[1]["text"]

    def test_a_notification_is_short(self) -> None:
        """What a phone shows is one line, and calls nobody."""
        assert fallback("a\n\nb " * 100).endswith("…")
        assert "<!here>" not in fallback("<!here>")


def test_an_allowance_comes_back() -> None:
    """What was taken is there again a minute later."""
    now = 0.0
    allowance = Allowance(3, lambda: now)

    first = [allowance.take() for _ in range(4)]
    now = 60.5
    second = [allowance.take(2), allowance.take(2)]
    allowance.use_up()

    assert (first, second) == ([True, True, True, False], [True, False])
    assert not allowance.take()


class Drip:
    """An answer that is written at a steady rate, and looked at every second."""

    def __init__(self, chars: int, seconds: int) -> None:
        self._chars, self._seconds, self.now = chars, seconds, 0.0

    def shown_at(self, runs: int = 0) -> list[float]:
        """When it is added to, after its beginning."""
        growth, times = Growth(SETTINGS, lambda: self.now), []
        growth.begun()
        for second in range(1, self._seconds):
            self.now = float(second)
            if growth.due("x" * (self._chars * second // self._seconds), runs):
                growth.added()
                times.append(self.now)
        return times


class TestGrowth:
    @given(st.integers(1, SETTINGS.slack_short_chars), st.integers(1, 600))
    def test_of_a_short_answer_is_shown_once(self, chars: int, seconds: int) -> None:
        """However slowly it is written: with its beginning and end, few calls."""
        assert len(Drip(chars, seconds).shown_at()) <= 1

    @given(st.integers(1, SETTINGS.slack_short_chars), st.integers(1, 600), st.integers(1, 9))
    def test_with_code_is_shown_at_most_once_a_run(
        self, chars: int, seconds: int, runs: int
    ) -> None:
        """Steps are told twice, or once each where there are more of them."""
        assert len(Drip(chars, seconds).shown_at(runs)) <= max(2, runs)

    @given(st.integers(1_000, 20_000), st.integers(30, 600))
    def test_of_a_long_answer_slows_down(self, chars: int, seconds: int) -> None:
        """Additions come at growing intervals, and never stay away for longer than is set."""
        times = Drip(chars, seconds).shown_at()
        longest_seconds = SETTINGS.slack_pace_max_ms / 1000

        gaps = [later - sooner for sooner, later in pairwise(times)][1:]
        assert gaps == sorted(gaps)
        assert all(gap <= longest_seconds for gap in gaps)
        assert seconds - times[-1] <= longest_seconds


def test_the_newest_are_remembered() -> None:
    """Of more than fit, the oldest is forgotten."""
    recently: Recently[str, int] = Recently(2)

    new = [recently.put(key, 1) for key in ("a", "b", "a", "c", "b")]

    assert new == [True, True, False, True, True]


def test_a_home_of_many_threads_keeps_its_settings() -> None:
    """Slack takes a hundred blocks: threads give way to usage and settings."""
    settings = SlackSettings.read({})
    team = Team(settings, team_id="T1", bot_user="UBOT", url="u/", api=WebApi(settings, "x"))
    key, now = ThreadKey("slack", "T1", "C1", "1.0"), datetime.now(UTC)
    view = WorkspaceView(ContainerState.NONE)
    threads = [ThreadSummary(key, "total?", now, "1.0", view)] * 100

    home = home_view(team, threads, "3 answers", admin=True, note="offline")

    assert len(home["blocks"]) <= 100
    assert home["blocks"][-1]["accessory"]["action_id"] == SETTINGS_BUTTON


_USER_IDS = st.from_regex(r"U[A-Z0-9]{8,10}", fullmatch=True)


class TestModals:
    @given(
        st.text(max_size=2_000),
        st.lists(st.from_regex(r"U[A-Z0-9]{8,10}", fullmatch=True), max_size=200),
        st.none() | st.integers(0, 10**6) | st.floats(0, 10**6),
    )
    def test_settings_fit_into_a_view(
        self, instructions: str, users: list[str], budget: float | None
    ) -> None:
        """However long the settings of a channel are, a view keeps what it needs, and an untouched
        modal changes nothing."""
        settings = ChannelSettings(
            model="gpt-5",
            effort=None,
            memory_limit="1g",
            mode="auto",
            instructions=instructions,
            followups="smart",
            budget_day_usd=budget,
            budget_month_usd=None,
            users=tuple(users),
        )

        view = settings_modal("C1", settings, [])
        values = {block["block_id"]: _untouched(block) for block in view["blocks"][1:]}
        submitted = {**view, "state": {"values": values}}

        assert len(view["private_metadata"]) <= 3_000
        assert changed(submitted) == ("C1", {})


def _untouched(block: dict[str, Any]) -> dict[str, Any]:
    element = block["element"]
    state = {
        "type": element["type"],
        "value": element.get("initial_value"),
        "selected_option": element.get("initial_option"),
        "selected_users": element.get("initial_users"),
    }
    return {"value": state}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("total by\nregion?", "total by region?"),
        ("```python\nimport time\ntime.sleep(9)\n```", "Code: import time time.sleep(9)"),
        ("run `x = 1` please", "run x = 1 please"),
        ("```\n```", "files"),
        ("", "files"),
        ("word " * 50, "word " * 11 + "word…"),
    ],
)
def test_titles_are_words(text: str, title: str) -> None:
    """A thread is called by its first words: code without fences, nothing longer than fits."""
    assert titled(text, 60, "files") == title


@pytest.mark.parametrize(("files", "menus"), [(BUTTONS_MAX - 1, 0), (BUTTONS_MAX, 1)])
def test_a_menu_stands_beside_buttons_that_are_not_all(files: int, menus: int) -> None:
    """Where every file may have its button, nothing is to be chosen."""
    gets = [Action("files", f"Get {n}", f"get {n}.csv") for n in range(files)]

    assert len(more_menu(SPECS, [Action("files", "All", "zip"), *gets], "1.0")) == menus


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        *((0, "just now"), (-5, "just now"), (59, "59 min ago"), (60, "1 h ago")),
        *((1_439, "23 h ago"), (1_440, "1 day ago"), (13 * 1_440, "13 days ago")),
        (14 * 1_440, "7 Nov"),
    ],
)
def test_menus_say_how_long_ago(minutes: int, said: str) -> None:
    """A menu has no clock of its own: nearness is said, and for the rest the day."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert ago(now - timedelta(minutes=minutes), now) == said
