"""What the page is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.requests import shown_name
from adapters.web.views import changed_runs, clipped, last_part, run_view, workspace_view
from bot.domain import CodeRun, ContainerState, RunState, WorkspaceView


@given(st.text(max_size=300), st.integers(min_value=2, max_value=50))
def test_long_logs_keep_their_beginning_and_end(text: str, limit: int) -> None:
    """What is left out is the middle, and it is said how much."""
    shown = clipped(text, limit)

    if len(text) <= limit:
        assert shown == text
    else:
        half = limit // 2
        assert shown.startswith(text[:half])
        assert shown.endswith(text[-half:])
        assert f"{len(text) - 2 * half} characters left out" in shown


def test_only_images_reach_the_page_from_a_run() -> None:
    """An "image" of another kind, such as SVG with a script, is dropped."""
    good = "data:image/png;base64,AAAA"
    run = CodeRun(
        "r",
        "x",
        RunState.DONE,
        images=(good, "data:image/svg+xml;base64,AAAA", "https://e.example"),
    )

    assert run_view(run, 100)["images"] == [good]


def test_a_run_is_titled_by_its_first_comment() -> None:
    """The summary of a run says what it is about, where the code says so."""
    assert run_view(CodeRun("r", "# Totals by region\nx", RunState.DONE), 9)["title"] == (
        "Totals by region"
    )
    imported = "import pandas as pd\nfrom x import y\n\n# Read it\nx"
    assert run_view(CodeRun("r", imported, RunState.DONE), 9)["title"] == "Read it"
    assert run_view(CodeRun("r", "x = 1  # no", RunState.DONE), 9)["title"] == ""


def test_code_that_ended_in_an_exception_is_not_shown_as_fine() -> None:
    """The API calls it completed; its output tells."""
    logs = 'Traceback (most recent call last):\n  File "x", line 1\nKeyError: 1\n'

    assert run_view(CodeRun("r", "x", RunState.DONE, logs), 9)["state"] == "raised"
    assert run_view(CodeRun("r", "x", RunState.DONE, "1"), 9)["state"] == "done"
    assert run_view(CodeRun("r", "x", RunState.STOPPED, logs), 9)["state"] == "stopped"


def test_only_changed_runs_are_sent_again() -> None:
    """A run that is as before is not pushed again."""
    first, second = {"id": "a", "state": "done"}, {"id": "b", "state": "running"}
    later = {"id": "b", "state": "done"}

    assert changed_runs([first, second], [first, later]) == [later]


def test_the_time_left_is_told_in_seconds() -> None:
    """Clocks differ between server and browser; a span does not."""
    soon = datetime.now(UTC) + timedelta(seconds=90)

    left = workspace_view(WorkspaceView(ContainerState.RUNNING, expires_at=soon))

    assert 80 < left["expires_in_seconds"] <= 90
    assert workspace_view(WorkspaceView(ContainerState.NONE))["expires_in_seconds"] is None


@given(st.text(max_size=300))
def test_shown_names_have_no_invisible_characters(name: str) -> None:
    """Names can't turn the text around them or break a line."""
    shown = shown_name(name)

    assert 0 < len(shown) <= 200
    assert not set(shown) & set("\u202e\u200b\x00\n\r")


@pytest.mark.parametrize(
    ("name", "last"),
    [("../../etc/passwd", "passwd"), ("a\\b.csv", "b.csv"), ("..", "file"), ("", "file")],
)
def test_addresses_carry_the_last_part_of_a_name(name: str, last: str) -> None:
    """A name that is a path does not change the address it is part of."""
    assert last_part(name) == last
