"""Commands that the core names, as people give them on Discord."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.hints import offered, with_slashes
from bot.ports import Argument, CommandResult, CommandSpec

SPECS = (
    CommandSpec("stop", "end the running answer"),
    CommandSpec("hello", "what I am", listed=False),
    CommandSpec("help", "what I can do", (Argument("all", "lists all", choices=("all",)),)),
    CommandSpec(
        "files",
        "the files",
        (
            Argument("what", "what to do", choices=("get", "delete", "zip"), loose=True),
            Argument("name", "a file's name"),
        ),
    ),
    CommandSpec(
        "settings", "settings", (Argument("name", "which"), Argument("value", "its value"))
    ),
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("`stop` it first", "`/stop` it first"),
        ("`help all` lists the others.", "`/help all:all` lists the others."),
        ("Write `files get <name>`.", "Write `/files what:get name:<name>`."),
        ("`files [get|delete|zip] [name]`", "`/files [what] [name]`"),
        ("`files get my sales.csv@1`", "`/files what:get name:my sales.csv@1`"),
        ("`files sales.csv`", "`/files name:sales.csv`"),
        ("Write `settings model …`: `a`", "Write `/settings name:model value:…`: `a`"),
        ("`hello`, `4g`, `stop now` and stop", "`hello`, `4g`, `stop now` and stop"),
        ("`help me`", "`help me`"),
        ("```python\nx = `stop`\n```", "```python\nx = `stop`\n```"),
        ("``stop``", "``stop``"),
    ],
)
def test_lines_of_commands_are_slash_commands(written: str, shown: str) -> None:
    """With the options' names, as Discord asks for them; what is no command stays as it is."""
    assert with_slashes(written, SPECS) == shown


@pytest.mark.parametrize("command", ["settings", "files"])
def test_names_in_lists_of_other_things_stay(command: str) -> None:
    """A setting or a file may be called as a command is."""
    result = CommandResult("- `stop`: 5\n`files zip`")

    assert offered(result, command, SPECS).text == "- `stop`: 5\n`/files what:zip`"
    assert offered(result, "help", SPECS).text == "- `/stop`: 5\n`/files what:zip`"


@given(st.text(alphabet=st.sampled_from("`ab <[…\nstopfilesgzx~>-"), max_size=80))
def test_nothing_else_changes(text: str) -> None:
    """Whatever is said, only spans that are commands change, and only once."""
    once = with_slashes(text, SPECS)

    assert with_slashes(once, SPECS) == once
    assert once.count("\n") == text.count("\n")
    if "`" not in text:
        assert once == text
