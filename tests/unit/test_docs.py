"""README and docs: links lead somewhere, settings exist, sentences are those that people read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.web.settings import WebSettings
from bot import access, answers, asking, budgets, memory, recovery, turn
from bot.settings import Settings
from bot.store.usage import Scope
from bot.variables import ELSEWHERE, known
from engine.embedded import settings_from
from engine.kernel_port import Execution, Stop
from engine.verdict import verdict

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TEXTS = [*PAGES, ROOT / ".env.example"]

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_FENCE = re.compile(r"^(`{3,}).*?^\1", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`|\b([A-Z][A-Z0-9_]+)=")
# Names in the examples that are no settings of ours.
_EXAMPLES = frozenset({"KEY", "TERMINAL"})


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page: Path) -> None:
    """Each relative link of a page leads to a file of the repository."""
    text = _FENCE.sub("", page.read_text())

    missing = [link for link, _ in _LINK.findall(text) if not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("page", TEXTS, ids=name)
def test_settings_exist(page: Path) -> None:
    """Each setting that a page names is one."""
    named = {first or second for first, second in _VARIABLE.findall(page.read_text())}

    assert named - known() - ELSEWHERE - _EXAMPLES == set()


def test_every_page_is_listed() -> None:
    """The index of the docs names every page."""
    docs = ROOT / "docs"
    index = (docs / "index.md").read_text()
    names = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]

    assert [page for page in names if page != "index.md" and page not in index] == []


def standing(spent_usd: float) -> budgets.Standing:
    """Of a budget of $5.00 a day."""
    budget = budgets.Budget(budgets.YOURS, Scope("w"), budgets.Period.DAY, 5)
    return budgets.Standing(budget, spent_usd)


def test_failures_are_told_as_they_are() -> None:
    """The page of failures has the very sentences that people read."""
    page = (ROOT / "docs" / "reference" / "failures.md").read_text()
    sentences = [
        recovery.UNREACHABLE,
        recovery.BUSY,
        recovery.KEY_REFUSED,
        recovery.NOT_THERE,
        recovery.ASKED_AGAIN,
        asking.TOO_LONG.format(minutes=Settings.model_fields["turn_seconds"].default / 60),
        turn.UNEXPECTED,
        turn.FRESH_CONTAINER,
        turn.LEFT_OUT.format(count=3),
        answers.STOPPED,
        answers.STOPPED_EARLY,
        recovery.UNEXPLAINED,
        memory.out_of_memory("1g"),
        memory.TRY_LESS,
        budgets.said(budgets.USED_UP, standing(5.02), day="21 May 2026"),
        budgets.said(budgets.NEARLY_USED_UP, standing(4), percent=80),
        budgets.CHANNELS,
        budgets.WORKSPACES,
        access.WORKSPACE_CLOSED,
        access.CHANNEL_CLOSED,
        access.PERSON_REFUSED,
        access.NOT_LISTED,
    ]

    assert [sentence for sentence in sentences if sentence not in page] == []


LIMITS_MET = [
    *(Execution("", stop=stop) for stop in Stop),
    Execution("", error="MemoryError: "),
    Execution("", error="OSError: [Errno 27] File too large"),
    Execution("", error="OSError: [Errno 28] No space left on device"),
    Execution("", error="RuntimeError: can't start new thread"),
    Execution("", error="OSError: [Errno 101] Network is unreachable"),
]


@pytest.mark.parametrize("met", LIMITS_MET, ids=lambda met: str(met.stop or met.error))
def test_limits_are_told_as_they_are(met: Execution) -> None:
    """The page of failures has the sentences of the engine's limits, with their defaults."""
    page = (ROOT / "docs" / "reference" / "failures.md").read_text()

    said = verdict(met, settings_from({}), "1g").removesuffix(" Variables and files are kept.")

    assert said
    assert said in page


def test_the_readme_has_the_defaults() -> None:
    """Defaults in the README are those of the code."""
    readme = (ROOT / "README.md").read_text()

    assert f"`OPENAI_MODEL` | `{Settings.model_fields['openai_model'].default}`" in readme
    assert f"`DATA_DIR` | `{Settings.model_fields['data_dir'].default}`" in readme
    assert f"`WEB_PORT` | `{WebSettings.model_fields['web_port'].default}`" in readme


def test_the_picture_is_small() -> None:
    """The README's picture loads quickly."""
    assert (ROOT / "docs" / "images" / "answer.png").stat().st_size <= 200_000


def test_examples_of_settings_are_commented() -> None:
    """`.env.example`, copied as it is, changes nothing."""
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_stand_apart_from_settings(page: Path) -> None:
    """What is pasted into a shell sets no variables that the commands after it would not see."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)

    setting = re.compile(r"^ *[A-Z][A-Z0-9_]+=\S*(?: +#.*)?$", re.MULTILINE)
    command = re.compile(r"^ *\S*threadlab \w", re.MULTILINE)
    assert [block for block in blocks if setting.search(block) and command.search(block)] == []
