"""Messages that are nothing but a command, told from questions that begin like one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.parsing import signature, values_of
from bot.commands.registry import Call, Command, CommandRegistry
from bot.domain import Author, Caller, ThreadKey
from bot.ports import Argument, CommandResult, CommandSpec
from scripts.commands_reference import specs


class Everybody:
    """Lets everybody do everything."""

    async def refusal(self, key: ThreadKey, author: Author, *, manages: bool = False) -> str | None:
        return None

    def is_admin(self, key: ThreadKey, caller: Caller) -> bool:
        return True


async def nothing(_call: Call) -> CommandResult:
    return CommandResult("")


SPECS = asyncio.run(specs())
REGISTRY = CommandRegistry(Everybody(), [Command(spec, nothing) for spec in SPECS])
LISTED = [spec for spec in SPECS if spec.listed]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status", ("status", "")),
        ("Status?", ("status", "")),
        ("/status", ("status", "")),
        ("help me", ("help", "")),
        ("help me, please!", ("help", "")),
        ("reset please", ("reset", "")),
        ("stop!", ("stop", "")),
        ("memory", ("memory", "")),
        ("mode?", ("mode", "")),
        ("memory 4g", ("memory", "4g")),
        ("memory 4g now please", ("memory", "4g now")),
        ("memory 5g", ("memory", "5g")),
        ("retry 99g", ("retry", "99g")),
        ("effort hihg", ("effort", "hihg")),
        ("mode explict", ("mode", "explict")),
        ("Reset everything.", ("reset", "everything")),
        ("files sales.csv", ("files", "sales.csv")),
        ("files out/sales.csv@2", ("files", "out/sales.csv@2")),
        ("files get sales data.csv", ("files", "get sales data.csv")),
        ("settings instructions Be brief.", ("settings", "instructions Be brief.")),
    ],
)
def test_commands(text: str, expected: tuple[str, str]) -> None:
    """A name, its arguments, a mistyped one, and politeness around them."""
    assert REGISTRY.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "model accuracy by region?",
        "status of my order?",
        "code review of this",
        "memory leak?",
        "memory usage by month",
        "mode price",
        "effort by team",
        "usage by month as a chart",
        "retry with a logarithmic scale",
        "files with more than 10 rows?",
        "files sales.csv and costs.csv",
        "files sales.csv?",
        "files sales",
        "reset the index of the table",
        "help me with this table",
        "stop words in this text",
        "forget the outliers",
        "thanks",
        "hello",
        "again turn_1",
        "total?",
        "",
    ],
)
def test_questions(text: str) -> None:
    """What begins like a command and goes on like a question is one."""
    assert REGISTRY.parse(text) is None


@given(st.sampled_from(LISTED), st.sampled_from(["", "?", "!", ".", " please", " me", ", please?"]))
def test_a_name_alone(spec: CommandSpec, politeness: str) -> None:
    """Every command is given by its name alone, however politely."""
    assert REGISTRY.parse(f"{spec.name.title()}{politeness}") == (spec.name, "")


words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)


@given(st.sampled_from(LISTED), st.lists(words, min_size=2, max_size=6))
def test_several_words_with_a_question_mark(spec: CommandSpec, more: list[str]) -> None:
    """Several words after a name, none of them a choice, are a question."""
    first = spec.arguments[0] if spec.arguments else None
    if first is not None and more[0] in first.choices:
        return

    assert REGISTRY.parse(f"{spec.name} {' '.join(more)} this?") is None


@given(st.text())
def test_anything(text: str) -> None:
    """Whatever people write, a command that is found is one that is listed."""
    found = REGISTRY.parse(text)

    assert found is None or found[0] in {spec.name for spec in LISTED}


def test_a_loose_argument() -> None:
    """A word that is none of its choices belongs to the argument after it."""
    what = Argument("what", "what to do", choices=("get", "zip"), loose=True)
    spec = CommandSpec("files", "files", (what, Argument("name", "which")))

    assert values_of(spec, "my sales.csv") == {"name": "my sales.csv"}
    assert values_of(spec, "GET sales.csv") == {"what": "get", "name": "sales.csv"}
    assert values_of(spec, "zip") == {"what": "zip"}
    assert values_of(spec, "") == {}
    assert signature(spec) == "files [get|zip] [name]"
