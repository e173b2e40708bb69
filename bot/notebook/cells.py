"""A thread's exchanges as the cells of a notebook. Pure functions."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bot.domain import CodeRun, RunState
from bot.markup import fenced, plain
from bot.notebook.data import (
    WORK_FOLDER,
    Needed,
    opens_missing,
    packages,
    relocated,
    setup_cell,
)

_ARTIFACT = re.compile(r"(!?)\[((?:\\.|[^\[\]\\])*)\]\(artifact:([^)\s]+)\)")
_RAISED = re.compile(r"Traceback \(most recent call last\)|^\w*(?:Error|Exception)\b", re.MULTILINE)
_DRAWS = re.compile(r"\b(?:plt|show|plot|fig|display|Image)\b")
_MAY_RAISE = "raises-exception"  # Jupyter goes on after such a cell
_INCOMPLETE = "incomplete"  # what it did before can't be done again
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in the notebook."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that an answer delivers: its artifact's id, its path below the work folder, and the
    image that it is, where there is room for it in the notebook."""

    id: str
    path: str
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the code that ran, and the answer as Markdown with `artifact:` links.

    `figures` were shown by the code without being saved.
    """

    author: str
    question: str
    attachments: tuple[str, ...]
    runs: tuple[CodeRun, ...]
    answer: str
    figures: tuple[Picture, ...] = ()
    made: tuple[MadeFile, ...] = ()


def notebook(
    title: str,
    exchanges: Sequence[Exchange],
    needed: Mapping[str, Needed],
    *,
    embedded: Mapping[str, bytes],
    beside: Sequence[str],
) -> NotebookNode:
    """The whole notebook. The same thread gives the same bytes.

    Args:
        title: of the thread.
        exchanges: oldest first.
        needed: the files that the code opens, by the names it uses (bot/notebook/data.py).
        embedded: those of them that are inside the notebook, by their portable names.
        beside: portable names of those that lie in a folder beside it.
    """
    codes = [run.code for exchange in exchanges for run in exchange.runs]
    cells = [new_markdown_cell(_preface(title, packages(codes)))]
    setup = new_code_cell(setup_cell(beside, embedded))
    setup.metadata["jupyter"] = {"source_hidden": True}
    cells.append(setup)
    counter = itertools.count(1)
    for number, exchange in enumerate(exchanges, start=1):
        cells.append(new_markdown_cell(_question(number, exchange)))
        cells += _runs(exchange, needed, counter)
        cells.append(_answer(exchange))
    _forgive(cells)
    for position, cell in enumerate(cells):
        cell["id"] = f"cell-{position}"
    made: NotebookNode = new_notebook(cells=cells, metadata=_METADATA)
    nbformat.validate(made)
    return made


def _forgive(cells: Sequence[NotebookNode]) -> None:
    """Let the notebook go on where code builds on what can't be run again."""
    incomplete = False
    for cell in cells:
        incomplete = incomplete or _INCOMPLETE in cell.metadata.get("tags", ())
        if incomplete and cell.cell_type == "code":
            cell.metadata["tags"] = [_MAY_RAISE]


def _preface(title: str, installed: Sequence[str]) -> str:
    lines = [f"# {plain(title) or 'A Threadlab conversation'}", ""]
    lines.append(
        "A conversation with Threadlab: questions, the code that ran, its output, and answers. "
        "The next cell lays out the conversation's files, in the folder "
        f"`{WORK_FOLDER}` beside this notebook; run it first, then everything below works from "
        "top to bottom. Look at the code before you run it: here it is not in the lab's sandbox, "
        "and has your own rights."
    )
    if installed:
        lines += ["", f"It needs: `pip install {' '.join(installed)}`"]
    return "\n".join(lines)


def _question(number: int, exchange: Exchange) -> str:
    lines = [f"## Question {number}, by {plain(exchange.author)}"]
    if exchange.question.strip():
        lines += ["", exchange.question.strip()]
    if exchange.attachments:
        lines += ["", "Files: " + ", ".join(map(plain, exchange.attachments))]
    return "\n".join(lines)


def _runs(
    exchange: Exchange, needed: Mapping[str, Needed], counter: Iterator[int]
) -> Iterator[NotebookNode]:
    drawing = _drawing(exchange.runs)
    for position, run in enumerate(exchange.runs):
        figures = exchange.figures if position == drawing else ()
        if run.state is RunState.DONE:
            yield _code_cell(run, figures, needed, next(counter))
        elif run.code.strip():
            yield new_markdown_cell(_unfinished(run), metadata={"tags": [_INCOMPLETE]})


def _drawing(runs: Sequence[CodeRun]) -> int:
    """The run under which the turn's figures are shown: the last one that draws."""
    drawing = [n for n, run in enumerate(runs) if run.state is RunState.DONE]
    return max((n for n in drawing if _DRAWS.search(runs[n].code)), default=max(drawing, default=0))


def _code_cell(
    run: CodeRun, figures: Sequence[Picture], needed: Mapping[str, Needed], count: int
) -> NotebookNode:
    outputs = [new_output("stream", name="stdout", text=run.logs)] if run.logs else []
    outputs += [_shown(figure) for figure in figures]
    cell: NotebookNode = new_code_cell(
        relocated(run.code, needed), outputs=outputs, execution_count=count
    )
    if opens_missing(run.code, needed):
        cell.metadata["tags"] = [_INCOMPLETE]
    elif _RAISED.search(run.logs):
        cell.metadata["tags"] = [_MAY_RAISE]
    return cell


def _shown(picture: Picture) -> Any:
    data = {picture.media_type: _base64(picture.data), "text/plain": "<Figure>"}
    return new_output("display_data", data=data)


def _unfinished(run: CodeRun) -> str:
    """Code that did not end by itself: shown, but not run again, as it might never end."""
    shown = f"This code was **{run.state.value}** and is not run again:\n\n"
    output = f"\n\n{fenced(run.logs, 'text')}" if run.logs else ""
    return f"{shown}{fenced(run.code, 'python')}{output}"


def _answer(exchange: Exchange) -> NotebookNode:
    attachments: dict[str, dict[str, str]] = {}
    named: dict[str, str] = {}  # artifact id → attachment
    for number, made in enumerate((m for m in exchange.made if m.picture), start=1):
        assert made.picture is not None
        named[made.id] = f"image-{number}"
        attachments[named[made.id]] = {made.picture.media_type: _base64(made.picture.data)}
    files = {made.id: made for made in exchange.made}
    shown: set[str] = set()

    def resolved(match: re.Match[str]) -> str:
        bang, label, artifact_id = match.groups()
        if bang and artifact_id in named:
            shown.add(artifact_id)
            return f"![{label}](attachment:{named[artifact_id]})"
        made = files.get(artifact_id)
        return f"[{label}]({WORK_FOLDER}/{quote(made.path)})" if made else label

    parts = [_ARTIFACT.sub(resolved, exchange.answer)]
    parts += [f"![](attachment:{named[id]})" for id in named if id not in shown]
    text = "\n\n".join(part for part in parts if part) or "*No answer.*"
    cell: NotebookNode = new_markdown_cell(text)
    if attachments:
        cell["attachments"] = attachments
    return cell


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
